/** Consumers with an old schema beside good ones: nothing that one of them can read is lost, fails, or is a dead letter. */
import { Subject } from 'rxjs'
import t from 'tap'
import { type Consumer, createConsumer, createProducer, type QueueHost } from '../../patterns/queue/index.js'
import { defineSchema } from '../../src/avro/index.js'
import { until } from '../support/events.js'
import { eachTransport, type Place } from '../support/transports.js'
import { countsOf, eachWay, folder, openHost, openProducer, type Where, watch } from './queues.js'

const Old = defineSchema({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'int' }] })
const New = defineSchema({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'note', type: 'string' },
  ],
})

const count = 200
const orders = Array.from({ length: count }, (_, index) => ({ id: `o${index}`, note: 'n'.repeat(index) }))

/** Opens an outdated consumer that works on what it gets, and the errors that it reports. */
async function openOutdated(where: ReturnType<Where>, place: Pick<Place, 'runtime'>) {
  const consumer = await createConsumer({ ...where, runtime: place.runtime, queue: 'jobs', schema: Old })
  const errors = watch(consumer)
  const ids: number[] = []
  consumer.process(({ id }) => void ids.push(id)).subscribe()
  return { consumer, errors, ids }
}

/** Opens a good consumer with a number of messages in work, each until `go` says so, or at once. */
async function openGood(where: ReturnType<Where>, place: Pick<Place, 'runtime'>, go?: Subject<void>) {
  const consumer = await createConsumer({ ...where, runtime: place.runtime, queue: 'jobs', schema: New, prefetch: 4 })
  const taken: { id: string; attempt: number }[] = []
  consumer
    .process(
      async ({ id }, { attempt }) => {
        taken.push({ id, attempt })
        if (go) await new Promise<void>((resolve) => go.subscribe(() => resolve()))
      },
      { concurrency: 4 },
    )
    .subscribe()
  return { consumer, taken }
}

function openNew(where: ReturnType<Where>, place: Pick<Place, 'runtime'>) {
  return createProducer({ ...where, runtime: place.runtime, queue: 'jobs', schema: New })
}

/** Resolves when a consumer has got messages that it cannot read, and the host has them again. */
async function refused(host: QueueHost, consumer: Consumer<unknown>): Promise<void> {
  await until(() => (consumer.stats().dropped['incompatible-schema'] ?? 0) > 0)
  await countsOf(host, ({ leased, unreadable, depth }) => leased === 0 && unreadable === depth)
}

for (const faster of ['outdated', 'good'] as const) {
  eachWay(`all jobs reach the good consumer, the ${faster} one being faster`, async (t, place, where) => {
    const host = await openHost(place, { queues: { jobs: { maxAttempts: 2 } } })
    const go = faster === 'outdated' ? new Subject<void>() : undefined
    const outdated = await openOutdated(where(host), place)
    const good = await openGood(where(host), place, go)
    await countsOf(host, ({ consumers }) => consumers === 2)
    const producer = await openNew(where(host), place)
    const done = countsOf(host, ({ acked, deadLettered }) => acked + deadLettered === count)
    await producer.sendAll(orders)
    while (go && host.queue('jobs').stats().depth > 0) {
      go.next()
      await new Promise(setImmediate)
    }
    await done
    t.strictSame(new Set(good.taken.map(({ id }) => id)), new Set(orders.map(({ id }) => id)))
    t.equal(good.taken.length, count)
    t.ok(
      good.taken.every(({ attempt }) => attempt === 1),
      'the first attempt of all',
    )
    t.match(host.queue('jobs').stats(), { depth: 0, deadLettered: 0, nacked: 0, leasesLost: 0, unreadable: 0 })
    t.strictSame(outdated.ids, [])
    const { received, dropped } = outdated.consumer.stats()
    t.ok(received <= 64, `it has got ${received}`)
    t.equal(dropped['incompatible-schema'] ?? 0, received)
    t.ok(outdated.errors.length <= 1)
  })
}

eachWay('outdated consumers alone keep nothing from passing; a good one gets it all', async (t, place, where) => {
  const host = await openHost(place)
  const reports = watch(host)
  const outdated = [await openOutdated(where(host), place), await openOutdated(where(host), place)]
  const young = await openNew(where(host), place)
  const old = await createProducer({ ...where(host), runtime: place.runtime, queue: 'jobs', schema: Old })
  await young.sendAll(orders)
  await old.sendAll([{ id: 1 }, { id: 2 }])
  await until(() => outdated.flatMap(({ ids }) => ids).length === 2)
  await countsOf(host, ({ unreadable, leased }) => unreadable === count && leased === 0)
  t.match(host.queue('jobs').stats(), { depth: count, ready: count, deadLettered: 0, acked: 2 })
  await until(() => reports.length > 0)
  t.match(reports, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA', message: /queue jobs/ }])
  t.match(await host.queue('jobs').peek(1, { schema: New }), [{ value: { id: 'o0' }, state: 'ready', attempts: 0 }])
  const good = await openGood(where(host), place)
  await countsOf(host, ({ acked }) => acked === count + 2)
  t.strictSame(new Set(good.taken.map(({ id }) => id)), new Set(orders.map(({ id }) => id)))
  t.ok(good.taken.every(({ attempt }) => attempt === 1))
  t.match(host.queue('jobs').stats(), { depth: 0, deadLettered: 0, unreadable: 0 })
  t.equal(reports.length, 1)
})

eachWay('the option of a queue makes dead letters of what no consumer can read', async (t, place, where) => {
  const host = await openHost(place, { queues: { jobs: { unreadable: 'dead-letter' } } })
  watch(host)
  const outdated = await openOutdated(where(host), place)
  const young = await openNew(where(host), place)
  await young.sendAll(orders.slice(0, 3))
  await countsOf(host, ({ deadLettered }) => deadLettered === 3)
  t.match(outdated.errors, [{ code: 'RIVULET_INCOMPATIBLE_SCHEMA' }])
  t.match(await host.queue('jobs.dead').peek(9, { schema: New }), [
    { value: { id: 'o0' }, history: [{ cause: 'reject', reason: /no attached consumer can read/ }] },
    { value: { id: 'o1' } },
    { value: { id: 'o2' } },
  ])
})

eachTransport(t, 'over a restart of the host, an outdated consumer is dealt nothing again', async (t, place) => {
  const path = folder(t, place)
  const bind = place.bind
  const host = await openHost({ ...place, bind }, { path })
  watch(host)
  const { endpoint } = host
  const outdated = await openOutdated({ connect: endpoint }, place)
  outdated.consumer.errors.subscribe()
  const young = await openNew({ connect: endpoint }, place)
  await young.sendAll(orders)
  await refused(host, outdated.consumer)
  const { received } = outdated.consumer.stats()
  await host.close()
  const again = await openHost({ ...place, bind: endpoint }, { path })
  watch(again)
  await countsOf(again, ({ consumers, unreadable }) => consumers === 1 && unreadable === count)
  const job = await openProducer(place, again, { connect: endpoint })
  await job.close()
  await young.send({ id: 'last', note: '' })
  await countsOf(again, ({ unreadable }) => unreadable === count + 1)
  t.equal(outdated.consumer.stats().received, received)
  const good = await openGood({ connect: endpoint }, place)
  await countsOf(again, ({ acked }) => acked === count + 1)
  t.ok(good.taken.every(({ attempt }) => attempt === 1))
  t.equal(outdated.consumer.stats().received, received)
})

eachWay('values that an older consumer has no place for reach a newer one', async (t, place, where) => {
  const enumOf = (...symbols: string[]) => ({ type: 'enum', name: 'Kind', symbols }) as const
  const kindOf = (kind: ReturnType<typeof enumOf>) =>
    defineSchema({ type: 'record', name: 'Task', fields: [{ name: 'kind', type: kind }] })
  const [older, newer] = [kindOf(enumOf('copy')), kindOf(enumOf('copy', 'move'))]
  const host = await openHost(place, { queues: { jobs: { maxAttempts: 1 } } })
  const common = { ...where(host), runtime: place.runtime, queue: 'jobs' }
  const old = await createConsumer({ ...common, schema: older })
  const good = await createConsumer({ ...common, schema: newer, prefetch: 4 })
  watch(old)
  const seen = { old: [] as string[], good: [] as string[] }
  old.process(({ kind }) => void seen.old.push(kind)).subscribe()
  good.process(({ kind }) => void seen.good.push(kind)).subscribe()
  await countsOf(host, ({ consumers }) => consumers === 2)
  const producer = await createProducer({ ...common, schema: newer })
  await producer.sendAll(Array.from({ length: count }, (_, index) => ({ kind: index % 4 === 0 ? 'move' : 'copy' })))
  await countsOf(host, ({ depth, deadLettered }) => depth === 0 || deadLettered > 0)
  t.match(host.queue('jobs').stats(), { acked: count, deadLettered: 0, nacked: 0, unreadable: 0 })
  t.equal(seen.good.filter((kind) => kind === 'move').length, count / 4)
  t.ok(seen.old.every((kind) => kind === 'copy'))
})
