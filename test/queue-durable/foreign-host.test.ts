/** Hosts of somebody else that serve the same service, and make mistakes: a consumer reports them and goes on. */
import { Observable, Subject } from 'rxjs'
import t, { type Test } from 'tap'
import { type ConsumeAnswer, type ConsumeRequest, QueueService } from '../../patterns/queue/durable/wire.js'
import { createConsumer } from '../../patterns/queue/index.js'
import { createRpcServer, implement } from '../../patterns/rpc/index.js'
import { codecOf } from '../../src/avro/codec.js'
import { crc32 } from '../../src/checksum/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { failure, Taken, watch } from './queues.js'

const { schemaId, text } = codecOf(Job)

/** A host that answers as the test says, with one consumer. */
async function open(t: Test, leaseMs: readonly number[] = [60_000]) {
  const { runtime, bind } = place(t, 'tcp')
  const said: ConsumeRequest[] = []
  const answers = new Subject<ConsumeAnswer>()
  const server = await createRpcServer({
    bind,
    runtime,
    services: [
      implement(QueueService, {
        produce: () => new Observable<never>(),
        consume: (requests) =>
          new Observable<ConsumeAnswer>((subscriber) => {
            subscriber.add(answers.subscribe(subscriber))
            subscriber.add(
              requests.subscribe((request) => {
                said.push(request as ConsumeRequest)
                if (!request.open) return
                for (const each of leaseMs) answers.next({ opened: { epoch: 'e', leaseMs: each, lost: [] } })
              }),
            )
          }),
      }),
    ],
  })
  server.errors.subscribe()
  const consumer = await createConsumer({ connect: server.endpoint, runtime, queue: 'jobs', schema: Job })
  const errors = watch(consumer)
  const taken = new Taken(consumer)
  await until(() => said.some(({ credit = 0 }) => credit > 0))
  let lease = 0
  const lend = (over: object) => {
    const body = Job.encode({ id: 1 })
    const checks = Buffer.alloc(4)
    checks.writeUInt32BE(crc32(body, 0, body.length))
    const rest = { lengths: [body.length], checks, bodies: body, ...over }
    answers.next({ leased: { lease: ++lease, position: 1, time: 1, schemaId, schema: text, ...rest } })
  }
  const settlements = () => said.flatMap((request) => request.settlements ?? [])
  return { answers, errors, taken, said, lend, settlements, consumer }
}

t.test('messages that do not add up', async (t) => {
  const { errors, taken, lend } = await open(t)
  lend({ lengths: [1] })
  lend({ lengths: [-1] })
  lend({ checks: Buffer.alloc(3) })
  lend({ positions: [0, 1] })
  lend({ schemaId: Buffer.alloc(17) })
  lend({ lengths: [], checks: Buffer.alloc(0), bodies: Buffer.alloc(0) })
  lend({})
  await taken.at(0)
  const violation = { code: 'RIVULET_PROTOCOL_VIOLATION' }
  t.match(errors, [violation, violation, violation, violation, violation, violation])
})

t.test('messages that nobody asked for are not kept', async (t) => {
  const { errors, taken, lend, consumer } = await open(t)
  const none = { checks: Buffer.alloc(4 * 65), bodies: Buffer.alloc(0) }
  lend({ lengths: new Array(65).fill(0), ...none }) // its prefetch is 64
  lend({})
  await until(() => errors.length === 2)
  const violation = { code: 'RIVULET_PROTOCOL_VIOLATION' }
  t.match(errors, [violation, violation])
  t.match(consumer.stats(), { received: 0 })
  t.strictSame(taken.ids, [])
})

t.test('a lease is dealt out once', async (t) => {
  const { errors, taken, lend, consumer } = await open(t)
  lend({})
  lend({ lease: 1 })
  await until(() => errors.length === 1)
  t.match(errors, [{ code: 'RIVULET_PROTOCOL_VIOLATION' }])
  t.strictSame(taken.ids, [1])
  t.strictSame(await consumer.close({ drain: false }), { undelivered: 1 })
})

t.test('messages of a schema that never came go to the dead letters', async (t) => {
  const { lend, settlements, consumer } = await open(t)
  lend({ schemaId: Buffer.alloc(16, 7), schema: null })
  await until(() => settlements().length > 0)
  t.match(settlements(), [{ kind: 'reject', reason: /schema is not known/ }])
  t.match(consumer.stats(), { received: 1, dropped: { 'unknown-schema': 1 } })
})

t.test('outcomes that are missing, unasked or errors', async (t) => {
  const { answers, lend, taken, said, errors } = await open(t)
  lend({})
  lend({})
  const acked = failure((await taken.at(0)).ack())
  await until(() => said.some(({ settlements = [] }) => settlements.length > 0))
  const number = said.find(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  answers.next({ settled: [{ number: 999, outcomes: [] }], extended: [999], lost: [999] })
  answers.next({ settled: [{ number, outcomes: [] }] })
  t.match(await acked, { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' })
  const delivery = await taken.at(1)
  const rejected = failure(delivery.reject())
  await until(() => said.filter(({ settlements = [] }) => settlements.length > 0).length === 2)
  const last = said.findLast(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  const full = { code: 'RIVULET_STORE_FULL', message: 'no room' }
  answers.next({ settled: [{ number: last, outcomes: [{ settled: 0, stale: 0, ...full }] }] })
  t.match(await rejected, full)
  t.match(await failure(delivery.ack()), full, 'it is not done, and does not say so')
  t.strictSame(errors, [])
})

t.test('a lease that is over has nothing to extend', async (t) => {
  const { answers, lend, taken, said, consumer } = await open(t)
  lend({})
  const delivery = await taken.at(0)
  const settled = delivery.ack()
  await until(() => said.some(({ settlements = [] }) => settlements.length > 0))
  const number = said.findLast(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  const extended = delivery.extend()
  await until(() => said.some(({ extend = [] }) => extend.length > 0))
  answers.next({ settled: [{ number, outcomes: [{ settled: 1, stale: 0 }] }] })
  await settled
  answers.complete()
  await extended // though the host has ended the stream, and never said so
  await consumer.close({ drain: false })
  await delivery.extend()
})

t.test('leases that last for no time, or for ever', async (t) => {
  const strange = [0, -1, 99, 86_400_001, Number.MAX_SAFE_INTEGER]
  const { errors, taken, lend } = await open(t, [...strange, 60_000])
  t.match(
    errors,
    strange.map((leaseMs) => ({ code: 'RIVULET_PROTOCOL_VIOLATION', message: new RegExp(` ${leaseMs} ms`) })),
  )
  lend({})
  await taken.at(0)
  t.equal(errors.length, strange.length)
})

t.test('the host decides whether an acknowledgement of a lost lease counts', async (t) => {
  const { answers, lend, taken, said, settlements, consumer, errors } = await open(t)
  for (let lease = 0; lease < 4; lease++) lend({})
  const [first, second, third, fourth] = await Promise.all([0, 1, 2, 3].map((at) => taken.at(at)))
  answers.next({ lost: [1, 2, 3, 4] })
  await until(() => consumer.stats().unsettled === 0)
  t.equal(first?.settled, true)
  const counts = first?.ack()
  const stale = failure(second?.ack() as Promise<void>)
  t.equal(first?.ack(), counts, 'the first word counts')
  t.match(await failure(third?.nack() as Promise<void>), { code: 'RIVULET_LEASE_LOST' })
  await until(() => settlements().length === 2)
  t.match(settlements(), [
    { lease: 1, kind: 'ack' },
    { lease: 2, kind: 'ack' },
  ])
  const number = said.findLast(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  answers.next({
    settled: [
      {
        number,
        outcomes: [
          { settled: 1, stale: 0 },
          { settled: 0, stale: 1 },
        ],
      },
    ],
  })
  await counts
  t.match(await stale, { code: 'RIVULET_LEASE_LOST' })
  await consumer.close({ drain: false })
  t.match(await failure(fourth?.ack() as Promise<void>), { code: 'RIVULET_CLOSED' }, 'nobody is asked any more')
  t.strictSame(errors, [])
})

/** Two messages, for `lend`. */
function two() {
  const body = Job.encode({ id: 1 })
  const checks = Buffer.alloc(8)
  for (const at of [0, 4]) checks.writeUInt32BE(crc32(body, 0, body.length), at)
  return { lengths: [body.length, body.length], checks, bodies: Buffer.concat([body, body]) }
}

t.test('late acknowledgements of one turn have outcomes of their own', async (t) => {
  const { answers, lend, taken, said, settlements, consumer } = await open(t)
  lend(two())
  const [first, second] = [await taken.at(0), await taken.at(1)]
  answers.next({ lost: [1] })
  await until(() => consumer.stats().unsettled === 0)
  const stale = failure(first.ack())
  const counts = second.ack()
  await until(() => settlements().length === 2)
  const number = said.findLast(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  const outcomes = settlements().map(({ index }) => ({ settled: index, stale: 1 - index }))
  answers.next({ settled: [{ number, outcomes }] })
  t.match(await stale, { code: 'RIVULET_LEASE_LOST' })
  await counts
})

t.test('what is acknowledged in the turn in which the lease is lost is for the host to decide', async (t) => {
  const { answers, lend, taken, said, settlements, consumer } = await open(t)
  const acked: Promise<void>[] = []
  const rejected: Promise<unknown>[] = []
  taken.leave()
  consumer.deliveries.subscribe((delivery) => {
    if (acked.length === 0) acked.push(delivery.ack())
    else rejected.push(failure(delivery.reject()))
  })
  lend(two())
  answers.next({ lost: [1] })
  await until(() => settlements().length === 1)
  t.match(settlements(), [{ lease: 1, index: 0, count: 1, kind: 'ack' }])
  const number = said.findLast(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  answers.next({ settled: [{ number, outcomes: [{ settled: 1, stale: 0 }] }] })
  await Promise.all(acked)
  t.match(await Promise.all(rejected), [{ code: 'RIVULET_LEASE_LOST' }])
})

t.test('acknowledgements that went together, of which some count: nobody knows which', async (t) => {
  const { answers, lend, taken, said, settlements } = await open(t)
  lend(two())
  const acked = [await taken.at(0), await taken.at(1)].map((delivery) => failure(delivery.ack()))
  await until(() => settlements().length === 1)
  const number = said.findLast(({ settlements = [] }) => settlements.length > 0)?.number ?? 0
  answers.next({ lost: [1], settled: [{ number, outcomes: [{ settled: 1, stale: 1 }] }] })
  const unknown = { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe', cause: { code: 'RIVULET_LEASE_LOST' } }
  t.match(await Promise.all(acked), [unknown, unknown])
})
