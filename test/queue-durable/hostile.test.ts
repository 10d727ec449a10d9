/**
 * Peers that say what makes no sense: they are told so, their stream ends, and nobody else notices.
 *
 * They are RPC clients of the same service, as a program in any language could be.
 */

import { lastValueFrom, type Observable, Subject } from 'rxjs'
import t, { type Test } from 'tap'
import {
  type ConsumeRequest,
  type ProducedBatch,
  type ProduceRequest,
  QueueService,
} from '../../patterns/queue/durable/wire.js'
import { createRpcClient } from '../../patterns/rpc/index.js'
import { codecOf } from '../../src/avro/codec.js'
import { isDeclaredError } from '../../src/avro/index.js'
import { crc32 } from '../../src/checksum/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { LinkStranger } from '../support/link-stranger.js'
import { place } from '../support/transports.js'
import { countsOf, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

const { schemaId, text } = codecOf(Job)

function batchOf(values: { id: number; note?: string }[], over: Partial<ProducedBatch> = {}): ProducedBatch {
  const bodies = values.map((value) => Job.encode(value))
  const checks = Buffer.alloc(4 * bodies.length)
  for (const [i, body] of bodies.entries()) checks.writeUInt32BE(crc32(body, 0, body.length), 4 * i)
  const lengths = bodies.map(({ length }) => length)
  return { number: 1, sequence: 1, schemaId, schema: text, lengths, checks, bodies: Buffer.concat(bodies), ...over }
}

const opened: ProduceRequest = { open: { queue: 'jobs', producer: 'p' } }

/** Opens a host with honest users, and a stranger. */
async function open(t: Test, options: Parameters<typeof openHost>[1] = {}) {
  const here = place(t, 'tcp')
  const host = await openHost(here, options)
  const errors = watch(host)
  const client = await createRpcClient(QueueService, { connect: host.endpoint, runtime: here.runtime })
  client.errors.subscribe()
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host)
  /** Proves that the others have not noticed. */
  const stillWorks = async () => {
    const before = host.queue('jobs').stats().acked
    const taken = consumer.deliveries.subscribe((delivery) => void delivery.ack())
    await producer.send({ id: 1 })
    await countsOf(host, ({ acked }) => acked > before)
    taken.unsubscribe()
  }
  return { here, host, errors, client, stillWorks }
}

type Client = Awaited<ReturnType<typeof open>>['client']

/** What a stream of requests ends with; the requests stay open. */
function endOf(client: Client, method: 'produce' | 'consume', requests: unknown[]): Promise<unknown> {
  return new Promise((resolve) => {
    const source = new Subject<never>()
    const answers: unknown[] = []
    const call = client[method](source) as Observable<unknown>
    call.subscribe({
      next: (answer) => answers.push(answer),
      error: (error: unknown) => resolve(isDeclaredError(QueueService, method, error) ? error.value : error),
      complete: () => resolve(answers),
    })
    // the source is taken when the call has a session
    const send = () => {
      if (!source.observed) setImmediate(send)
      else for (const request of requests) source.next(request as never)
    }
    send()
  })
}

const refused = (code: string) => ({ code, message: String })

t.test('batches that do not add up', async (t) => {
  const { host, errors, client, stillWorks } = await open(t)
  const one = [{ id: 1 }]
  const bad: Record<string, Partial<ProducedBatch>> = {
    'no messages': { lengths: [], checks: Buffer.alloc(0), bodies: Buffer.alloc(0) },
    'a length too many': { lengths: [2, 1], checks: Buffer.alloc(8) },
    'lengths that are too small': { lengths: [1] },
    'a negative length': { lengths: [5, -3], checks: Buffer.alloc(8) },
    'too few checks': { checks: Buffer.alloc(3) },
    'no number': { number: 0 },
    'a negative number': { number: -1 },
    'no sequence': { sequence: 0 },
    'a negative sequence': { sequence: -7 },
    'a sequence at the end of numbers': { sequence: Number.MAX_SAFE_INTEGER },
    'a schemaId that is too short': { schemaId: Buffer.alloc(15) },
    'a schema that is another': { schema: `${text} ` },
    'a schema that nobody has sent': { schemaId: Buffer.alloc(16, 1), schema: null },
    'a long schema': { schema: 'x'.repeat(70_000) },
    'extras of no message': { extras: [{ index: 1, id: 'a' }] },
    'extras twice': {
      extras: [
        { index: 0, id: 'a' },
        { index: 0, key: 'a' },
      ],
    },
    'negative extras': { extras: [{ index: -1, id: 'a' }] },
    'an empty id': { extras: [{ index: 0, id: '' }] },
    'a long key': { extras: [{ index: 0, key: 'k'.repeat(256) }] },
    'a negative delay': { extras: [{ index: 0, delayMs: -1 }] },
    'no time to live': { extras: [{ index: 0, ttlMs: 0 }] },
    'a time to live for ever': { extras: [{ index: 0, ttlMs: Number.MAX_SAFE_INTEGER }] },
  }
  for (const [name, over] of Object.entries(bad)) {
    const end = await endOf(client, 'produce', [opened, { batch: batchOf(one, over) }])
    t.match(end, refused('RIVULET_INVALID_REQUEST'), name)
  }
  t.match(await endOf(client, 'produce', [{ batch: batchOf(one) }]), refused('RIVULET_INVALID_REQUEST'), 'not open')
  t.match(await endOf(client, 'produce', [opened, opened]), refused('RIVULET_INVALID_REQUEST'), 'opened twice')
  const nameless = { open: { queue: 'jobs', producer: '' } }
  t.match(await endOf(client, 'produce', [nameless]), refused('RIVULET_INVALID_REQUEST'), 'no name')
  const nowhere = { open: { queue: 'elsewhere', producer: 'p' } }
  t.match(await endOf(client, 'produce', [nowhere]), refused('RIVULET_UNKNOWN_QUEUE'))
  t.match(host.queue('jobs').stats(), { stored: 0 })
  t.ok(errors.length >= Object.keys(bad).length)
  for (const error of errors) t.match(error, { code: 'RIVULET_INVALID_REQUEST' })
  await stillWorks()
  t.match(host.stats(), { clients: 2, refusedStreams: Object.keys(bad).length + 4, rejectedFrames: {} })
})

t.test('messages that are too large end the stream', async (t) => {
  const { client, stillWorks } = await open(t, { maxMessageBytes: 100 })
  const end = await endOf(client, 'produce', [opened, { batch: batchOf([{ id: 1, note: 'x'.repeat(200) }]) }])
  t.match(end, refused('RIVULET_MESSAGE_TOO_LARGE'))
  await stillWorks()
})

t.test('what was said before that has its outcome', async (t) => {
  const { host, client } = await open(t)
  const answers: unknown[] = []
  const requests = [opened, { batch: batchOf([{ id: 1 }]) }, { batch: batchOf([{ id: 2 }], { number: 0 }) }]
  await t.rejects(async () => {
    for await (const answer of client.produce(requests)) answers.push(answer)
  })
  t.match(answers, [{ opened: {} }, { stored: [{ number: 1, position: 1 }] }])
  t.match(host.queue('jobs').stats(), { stored: 1 })
})

t.test('a producer that opens anew is not heard on its former stream', async (t) => {
  const { host, client } = await open(t)
  const former = new Subject<never>()
  const told: unknown[] = []
  let ended = false
  client.produce(former).subscribe({
    next: (answer) => told.push(answer),
    complete: () => {
      ended = true
    },
  })
  while (!former.observed) await new Promise(setImmediate)
  former.next(opened as never)
  former.next({ batch: batchOf([{ id: 1 }]) } as never)
  await countsOf(host, ({ stored }) => stored === 1)
  const later = new Subject<never>()
  const answers = client.produce(later)[Symbol.asyncIterator]()
  const first = answers.next()
  while (!later.observed) await new Promise(setImmediate)
  later.next(opened as never)
  await first
  // numbered before the producer heard of a refusal, and overtaken: the number is another message's by now
  former.next({ batch: batchOf([{ id: 7 }], { number: 2, sequence: 2 }) } as never)
  while (!ended) await new Promise(setImmediate)
  later.next({ batch: batchOf([{ id: 2 }], { number: 1, sequence: 2 }) } as never)
  t.match((await answers.next()).value, { stored: [{ number: 1, position: 2 }] })
  const ids = (await host.queue('jobs').peek(9, { schema: Job })).map(({ value }) => value?.id)
  t.strictSame(ids, [1, 2])
  t.match(host.stats(), { clients: 3 })
  await answers.return?.()
})

t.test('forged sequences are refused, and stay without effect', async (t) => {
  const { host, client, stillWorks } = await open(t)
  const answers: unknown[] = []
  const requests = [
    opened,
    { batch: batchOf([{ id: 1 }, { id: 2 }]) },
    { batch: batchOf([{ id: 9 }], { number: 2, sequence: 1_000_000 }) },
    { batch: batchOf([{ id: 1 }, { id: 2 }], { number: 3 }) },
    { batch: batchOf([{ id: 3 }], { number: 4, sequence: 3 }) },
  ]
  for await (const answer of client.produce(requests)) answers.push(answer)
  t.match(answers[0], { opened: { epoch: String, maxMessageBytes: 16_777_216 } })
  const told = answers as { stored: { number: number; repeated: number }[]; refused: { number: number }[] }[]
  const stored = told.flatMap((answer) => answer.stored).map(({ number, repeated }) => [number, repeated])
  t.strictSame(stored.sort(), [
    [1, 0],
    [3, 2],
    [4, 0],
  ])
  t.match(
    told.flatMap((answer) => answer.refused),
    [{ number: 2, expected: 3 }],
  )
  t.match(host.queue('jobs').stats(), { stored: 3, depth: 3 })
  await stillWorks()
})

t.test('a message whose check is wrong is a dead letter of its own', async (t) => {
  const { here, host, client } = await open(t)
  const batch = batchOf([{ id: 1 }, { id: 2 }, { id: 3 }])
  batch.checks[5] = (batch.checks[5] as number) ^ 1
  for await (const _ of client.produce([opened, { batch }]));
  const consumer = await openConsumer(here, host)
  const errors = watch(consumer)
  const taken = new Taken(consumer)
  await taken.at(1)
  t.strictSame(taken.ids, [1, 3])
  await countsOf(host, ({ deadLettered }) => deadLettered === 1)
  t.match(errors, [{ code: 'RIVULET_DECODE_FAILED' }])
})

t.test('what no consumer could read is not shown as read', async (t) => {
  const { host, client } = await open(t)
  const body = Buffer.concat([Job.encode({ id: 1 }), Buffer.of(0)]) // there is more than the value
  const checks = Buffer.alloc(4)
  checks.writeUInt32BE(crc32(body, 0, body.length))
  const batch = batchOf([], { lengths: [body.length], checks, bodies: body })
  for await (const _ of client.produce([opened, { batch }]));
  const [message] = await host.queue('jobs').peek(1, { schema: Job })
  t.match(message, { position: 1, value: undefined })
})

t.test('consumers that make no sense', async (t) => {
  const { host, client, stillWorks } = await open(t)
  const open_: ConsumeRequest = { open: { queue: 'jobs', consumer: 'c' } }
  const settle = (over: object): ConsumeRequest => ({
    number: 1,
    settlements: [{ lease: 1, index: 0, count: 1, kind: 'ack', ...over }],
  })
  const bad: Record<string, unknown> = {
    'a negative credit': { credit: -1 },
    'an absurd credit': { credit: 2_000_000_000 },
    'a negative index': settle({ index: -1 }),
    'no messages': settle({ count: 0 }),
    'too many messages': settle({ count: 70_000 }),
    'a negative delay': settle({ kind: 'nack', delayMs: -5 }),
    'a delay for ever': settle({ kind: 'nack', delayMs: Number.MAX_SAFE_INTEGER }),
    'opened twice': open_,
  }
  for (const [name, request] of Object.entries(bad)) {
    t.match(await endOf(client, 'consume', [open_, request]), refused('RIVULET_INVALID_REQUEST'), name)
  }
  t.match(await endOf(client, 'consume', [{ credit: 1 }]), refused('RIVULET_INVALID_REQUEST'), 'not open')
  const nowhere = { open: { queue: 'elsewhere', consumer: 'c' } }
  t.match(await endOf(client, 'consume', [nowhere]), refused('RIVULET_UNKNOWN_QUEUE'))
  await stillWorks()
  t.match(host.queue('jobs').stats(), { consumers: 1 })
})

t.test('leases of others are none of its business', async (t) => {
  const { here, host, client } = await open(t)
  const producer = await openProducer(here, host)
  const honest = new Taken(await openConsumer(here, host))
  await producer.sendAll([{ id: 1 }, { id: 2 }])
  await honest.at(1)
  const numbers = [...Array(50).keys(), -1, Number.MAX_SAFE_INTEGER, -(2 ** 53) + 1]
  const requests: ConsumeRequest[] = [
    { open: { queue: 'jobs', consumer: 'thief', held: numbers } },
    { number: 1, settlements: numbers.map((lease) => ({ lease, index: 0, count: 2, kind: 'ack' as const })) },
    { number: 2, extend: numbers },
  ]
  const answers: unknown[] = []
  for await (const answer of client.consume(requests)) answers.push(answer)
  const told = answers as { opened: { lost: number[] } | null; settled: { outcomes: object[] }[]; lost: number[] }[]
  t.strictSame(told[0]?.opened?.lost, numbers)
  const outcomes = told.flatMap(({ settled }) => settled).flatMap((one) => one.outcomes)
  t.equal(outcomes.length, numbers.length)
  for (const outcome of outcomes) t.match(outcome, { settled: 0, stale: 2 })
  t.match(host.queue('jobs').stats(), { depth: 2, leased: 2, acked: 0 })
  await Promise.all(honest.all.map((delivery) => delivery.ack()))
  t.match(host.queue('jobs').stats(), { depth: 0, acked: 2, leasesLost: 0 })
})

t.test('a consumer that asks for everything and reads nothing does not get everything', async (t) => {
  const { here, host, client } = await open(t)
  const producer = await openProducer(here, host)
  const note = 'x'.repeat(1000)
  await producer.sendAll(
    (function* () {
      for (let id = 0; id < 20_000; id++) yield { id, note }
    })(),
  )
  const source = new Subject<never>()
  const answers = client.consume(source)[Symbol.asyncIterator]()
  const first = answers.next() // and no more
  while (!source.observed) await new Promise(setImmediate)
  source.next({ open: { queue: 'jobs', consumer: 'greedy' } } as never)
  for (let i = 0; i < 20; i++) source.next({ credit: 1_000_000 } as never)
  await first
  await countsOf(host, ({ leased }) => leased > 0)
  const other = await openConsumer(here, host, { prefetch: 1000 })
  let done = 0
  other.deliveries.subscribe((delivery) => {
    done += 1
    void delivery.ack()
  })
  await countsOf(host, ({ ready }) => ready === 0)
  t.ok(done > 14_000, `${done} of 20000 were for somebody else`)
  await answers.return?.()
})

t.test('strangers may not make queues without end', async (t) => {
  const { host, client } = await open(t, { autoCreate: true, maxQueues: 5 })
  for (const queue of ['a', 'b', 'c', 'd', 'jobs.dead.dead', 'x.dead', '', 'with space', 'e', 'f']) {
    await lastValueFrom(client.produce([{ open: { queue, producer: 'p' } }])).catch(() => {})
  }
  t.ok(host.queues.length <= 10, host.queues.join())
  t.notOk(host.queues.includes('f'))
})

t.test('frames that are none are counted', async (t) => {
  const { host, stillWorks } = await open(t)
  const stranger = await LinkStranger.open(t, host.endpoint)
  for (const bytes of [Buffer.from('GET / HTTP/1.1'), Buffer.alloc(1000)]) await stranger.send(bytes)
  await until(() => host.stats().strayFrames === 2)
  await stranger.enter()
  await stranger.send(Buffer.alloc(1000))
  t.equal(await stranger.refused(), 'reset')
  t.strictSame(host.stats().rejectedFrames, { 'bad-frame': 3 })
  await stillWorks()
})
