/** What the compiler knows of a durable queue, and which options it and the factories refuse. */
import type { Observable } from 'rxjs'
import t from 'tap'
import {
  type Consumer,
  createConsumer,
  createProducer,
  createQueueHost,
  type Delivery,
  type Producer,
  type QueuedMessage,
  type QueueHost,
  type SendResult,
} from '../../patterns/queue/index.js'
import type { InferInput } from '../../src/avro/index.js'
import type { Stream } from '../../src/stream/index.js'
import { Job } from '../support/job.js'
import { place } from '../support/transports.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only if the types are the same. */
function same<A, B>(value: Equal<A, B>): boolean {
  return value
}

t.test('values are inferred from the schema', async (t) => {
  const { runtime } = place(t, 'inproc')
  const host = await createQueueHost({ store: 'memory', runtime, queues: { jobs: {} } })
  const producer = await createProducer({ host, queue: 'jobs', schema: Job })
  const consumer = await createConsumer({ host, queue: 'jobs', schema: Job })
  type Value = { id: number; note: string }
  t.ok(same<typeof host, QueueHost>(true))
  t.ok(same<typeof producer, Producer<InferInput<typeof Job>>>(true))
  t.ok(same<typeof consumer, Consumer<Value>>(true))
  t.ok(same<typeof consumer.deliveries, Stream<Delivery<Value>>>(true))
  const texts = consumer.process(async ({ id }, delivery) => `${id} ${delivery.value.note}`)
  t.ok(same<typeof texts, Observable<string>>(true))
  const sent = producer.send({ id: 1 }, { id: 'a', delayMs: 5 })
  t.ok(same<typeof sent, Promise<SendResult>>(true))
  await sent
  const peeked = await host.queue('jobs').peek(5, { schema: Job })
  t.ok(same<typeof peeked, readonly QueuedMessage<Value>[]>(true))
  t.equal(peeked[0]?.value?.id, 1)
  // @ts-expect-error a field is missing
  await t.rejects(producer.send({ note: 'no id' }), { code: 'RIVULET_INVALID_MESSAGE' })
})

t.test('wrong options are refused, by the compiler first', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const invalid = { code: 'RIVULET_INVALID_OPTION' }
  const memory = { store: 'memory', runtime } as const
  await t.rejects(createQueueHost({ runtime }), invalid, 'neither a path nor memory')
  await t.rejects(createQueueHost({ ...memory, path: '/tmp/x' }), invalid, 'both')
  await t.rejects(createQueueHost({ ...memory, durability: 'flushed' }), invalid)
  await t.rejects(createQueueHost({ path: '/tmp/x', durability: 'memory' }), invalid)
  // @ts-expect-error there is no such durability
  await t.rejects(createQueueHost({ ...memory, durability: 'safe' }), invalid)
  // @ts-expect-error there is no such option
  await t.rejects(createQueueHost({ ...memory, queue: {} }), invalid)
  // @ts-expect-error there is no such option of a queue
  await t.rejects(createQueueHost({ ...memory, queues: { jobs: { maxAttempt: 3 } } }), {
    ...invalid,
    message: "createQueueHost: queues.jobs: unknown option 'maxAttempt'; did you mean 'maxAttempts'?",
  })
  const queues = [
    { maxAttempts: 0 },
    { maxAttempts: 1.5 },
    { leaseMs: 50 },
    { leaseMs: Number.POSITIVE_INFINITY },
    { backoff: { factor: 0 } },
    { backoff: { initialMs: -1 } },
    { maxLength: 0 },
    { maxBytes: -1 },
    { maxAgeMs: -1 },
    { overflow: 'drop-newest' as 'reject' },
    { dedupeMs: -1 },
    { keyOrder: 1 as unknown as boolean },
  ]
  for (const jobs of queues) {
    await t.rejects(createQueueHost({ ...memory, queues: { jobs } }), invalid, JSON.stringify(jobs))
    await t.rejects(createQueueHost({ ...memory, defaults: jobs }), invalid, JSON.stringify(jobs))
  }
  await t.rejects(createQueueHost({ ...memory, queues: { 'with space': {} } }), invalid)
  await t.rejects(createQueueHost({ ...memory, maxBytes: 5 }), invalid)
  // @ts-expect-error a host binds
  await t.rejects(createQueueHost({ ...memory, connect: bind }), {
    ...invalid,
    message: /connect must be left out: a server binds/,
  })
  await t.rejects(createProducer({ runtime, queue: 'jobs', schema: Job }), {
    ...invalid,
    message: 'createProducer: connect or host must be given, received undefined',
  })
  // @ts-expect-error a producer connects
  await t.rejects(createProducer({ runtime, bind, queue: 'jobs', schema: Job }), {
    ...invalid,
    message: /^createProducer: bind must be left out: a client connects/,
  })
  const host = await createQueueHost({
    ...memory,
    maxQueues: 1,
    queues: { jobs: { maxAttempts: Number.POSITIVE_INFINITY } },
  })
  await t.rejects(createProducer({ host, connect: bind, queue: 'jobs', schema: Job }), invalid, 'both')
  await t.rejects(createProducer({ host, queue: '', schema: Job }), invalid)
  await t.rejects(createConsumer({ host, queue: 'jobs', schema: Job, prefetch: 0 }), invalid)
  await t.rejects(createConsumer({ host: {} as QueueHost, queue: 'jobs', schema: Job }), invalid)
  // @ts-expect-error the name of the queue is missing
  await t.rejects(createConsumer({ host, schema: Job }), invalid)
  // @ts-expect-error it is a policy of producers alone
  await t.rejects(createConsumer({ host, queue: 'jobs', schema: Job, overflow: 'block' }), invalid)
  const handle = host.queue('jobs')
  await t.rejects(handle.peek(0), invalid)
  await t.rejects(handle.redrive(0), invalid)
})

t.test('queues inherit defaults, each option by itself', async (t) => {
  const { runtime } = place(t, 'inproc')
  const host = await createQueueHost({
    store: 'memory',
    runtime,
    defaults: { maxAttempts: 1, backoff: { initialMs: 0 } },
    queues: { one: { backoff: { initialMs: undefined as unknown as number } }, two: { maxAttempts: 2 } },
  })
  for (const [queue, attempts] of [
    ['one', 1],
    ['two', 2],
  ] as const) {
    const producer = await createProducer({ host, queue, schema: Job })
    const consumer = await createConsumer({ host, queue, schema: Job })
    await producer.send({ id: 1 })
    let deliveries = 0
    await new Promise<void>((resolve) => {
      consumer.deliveries.subscribe(async (delivery) => {
        deliveries += 1
        await delivery.nack()
        if (host.queue(queue).stats().deadLettered === 1) resolve()
      })
    })
    t.equal(deliveries, attempts, queue)
  }
})
