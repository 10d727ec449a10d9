/** Peers of a version that knew nothing of schemas that a consumer cannot read: with them, all goes as it went before. */
import { Observable, ReplaySubject, Subject } from 'rxjs'
import t, { type Test } from 'tap'
import { type ConsumeAnswer, type ConsumeRequest, QueueService } from '../../patterns/queue/durable/wire.js'
import { createConsumer } from '../../patterns/queue/index.js'
import { createRpcClient, createRpcServer, implement } from '../../patterns/rpc/index.js'
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema, defineService } from '../../src/avro/index.js'
import { crc32 } from '../../src/checksum/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'
import { countsOf, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

const Foreign = defineSchema({ type: 'record', name: 'Job', fields: [{ name: 'name', type: 'string' }] })

const newFields = new Set(['unreadable', 'setsAside'])

/** A protocol without the fields that are new. */
function without(json: unknown): unknown {
  if (Array.isArray(json)) {
    return json.filter((one) => !newFields.has((one as { name?: string })?.name ?? '')).map(without)
  }
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, without(value)]))
}

const OldService = defineService(without(QueueService.json) as typeof QueueService.json)

/** A host of a version, as the service says, with a consumer that it deals messages. */
async function open(t: Test, service: typeof QueueService, opened: object = {}) {
  const { runtime, bind } = place(t, 'tcp')
  const said: ConsumeRequest[] = []
  const answers = new Subject<ConsumeAnswer>()
  let end = () => {}
  const server = await createRpcServer({
    bind,
    runtime,
    services: [
      implement(service, {
        produce: () => new Observable<never>(),
        consume: (requests) =>
          new Observable<ConsumeAnswer>((subscriber) => {
            end = () => subscriber.complete()
            subscriber.add(answers.subscribe(subscriber))
            subscriber.add(
              requests.subscribe((request) => {
                said.push(request as ConsumeRequest)
                if (request.open) answers.next({ opened: { epoch: 'e', leaseMs: 60_000, ...opened } })
              }),
            )
          }),
      }),
    ],
  })
  server.errors.subscribe()
  const consumer = await createConsumer({ connect: server.endpoint, runtime, queue: 'jobs', schema: Job })
  const errors = watch(consumer)
  consumer.deliveries.subscribe()
  const granted = () => said.filter(({ credit = 0 }) => credit > 0).length
  await until(() => granted() > 0)
  let lease = 0
  const lend = (name: string) => {
    const { schemaId, text } = codecOf(Foreign)
    const bodies = Foreign.encode({ name })
    const checks = Buffer.alloc(4)
    checks.writeUInt32BE(crc32(bodies, 0, bodies.length))
    const rest = { lengths: [bodies.length], checks, bodies, extras: [] }
    answers.next({ leased: { lease: ++lease, position: lease, time: 1, schemaId, schema: text, ...rest } })
  }
  const settlements = () => said.flatMap((request) => request.settlements ?? [])
  return { said, lend, settlements, errors, consumer, end: () => end(), granted }
}

t.test('an old host is given back nothing that it would deal out again: it is rejected', async (t) => {
  const { said, lend, settlements, errors, consumer } = await open(t, OldService as typeof QueueService)
  lend('a')
  lend('b')
  await until(() => settlements().length === 2)
  t.match(settlements(), [
    { lease: 1, kind: 'reject', reason: /schema is not one that the consumer can read/ },
    { lease: 2, kind: 'reject' },
  ])
  t.ok(said.every((request) => !('unreadable' in request)))
  t.match(errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA' }])
  t.match(consumer.stats(), { received: 2, dropped: { 'incompatible-schema': 2 } })
})

t.test('a host that sets messages aside is told, before they go back, and by each stream', async (t) => {
  const { said, lend, settlements, errors, end, granted } = await open(t, QueueService, { setsAside: true })
  lend('a')
  lend('b')
  await until(() => settlements().length === 2)
  t.match(settlements(), [{ kind: 'release' }, { kind: 'release' }])
  const first = said.find(({ unreadable = [] }) => unreadable.length > 0)
  const meanings = [Buffer.from(codecOf(Foreign).schemaId)]
  t.strictSame(first?.unreadable?.map(Buffer.from), meanings)
  t.match(first?.settlements, [{ lease: 1 }], 'in one request')
  t.equal(said.flatMap(({ unreadable = [] }) => unreadable).length, 1, 'once')
  t.equal(errors.length, 1)
  const before = granted()
  end()
  await until(() => granted() > before)
  t.strictSame(said.findLast((request) => request.open)?.open?.unreadable?.map(Buffer.from), meanings)
})

t.test('an old consumer beside a new one is served as before, and rejects', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { queues: { jobs: {} } })
  const client = await createRpcClient(OldService as typeof QueueService, {
    connect: host.endpoint,
    runtime: here.runtime,
  })
  const requests = new ReplaySubject<ConsumeRequest>()
  const leases: number[] = []
  const opened: unknown[] = []
  const stream = client.consume(requests).subscribe((answer) => {
    if (answer.opened) opened.push(answer.opened)
    if (answer.leased) leases.push(answer.leased.lease)
  })
  requests.next({ open: { queue: 'jobs', consumer: 'old' } })
  requests.next({ credit: 1 })
  await until(() => opened.length > 0)
  t.notOk('setsAside' in (opened[0] as object))
  const producer = await openProducer(here, host)
  await producer.send({ id: 1 })
  await until(() => leases.length > 0)
  requests.next({ number: 1, settlements: [{ lease: leases[0] as number, index: 0, count: 1, kind: 'reject' }] })
  await countsOf(host, ({ deadLettered }) => deadLettered === 1)
  stream.unsubscribe()
  const taken = new Taken(await openConsumer(here, host))
  await producer.send({ id: 2 })
  await taken.at(0)
  t.strictSame(taken.ids, [2])
})
