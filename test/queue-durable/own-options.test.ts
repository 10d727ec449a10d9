/** Messages that are sent together: each is stored once, with its own options and no other's, and each send has its own outcome. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { createProducer, createQueueHost, type QueueHost, type SendOptions } from '../../patterns/queue/index.js'
import { Job, jobs } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, eachWay, failure, openConsumer, openHost, openProducer, Taken } from './queues.js'

/** A message that is more than a batch. */
const large = 'x'.repeat(30_000)

/** What is stored, in the order of the ids: `[number, id, key, state]`. */
async function storedIn(host: QueueHost) {
  const peeked = await host.queue('jobs').peek(10_000, { schema: Job })
  return peeked
    .map(({ value, id, key, state }) => [value?.id, id, key, state] as const)
    .sort(([a = 0], [b = 0]) => a - b)
}

eachWay('a batch without options before one with options', async (t, place, where) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host, where(host))
  const options: (SendOptions | undefined)[] = [
    undefined,
    { id: 'one' },
    undefined,
    { key: 'k' },
    undefined,
    { delayMs: 60_000 },
    { id: 'both', key: 'k' },
  ]
  const sends = options.map((own, id) => producer.send({ id, ...(own ? {} : { note: large }) }, own))
  t.strictSame(await Promise.all(sends), [
    { id: '1', duplicate: false },
    { id: 'one', duplicate: false },
    { id: '3', duplicate: false },
    { id: '4', duplicate: false },
    { id: '5', duplicate: false },
    { id: '6', duplicate: false },
    { id: 'both', duplicate: false },
  ])
  t.strictSame(await storedIn(host), [
    [0, undefined, undefined, 'ready'],
    [1, 'one', undefined, 'ready'],
    [2, undefined, undefined, 'ready'],
    [3, undefined, 'k', 'ready'],
    [4, undefined, undefined, 'ready'],
    [5, undefined, undefined, 'delayed'],
    [6, 'both', 'k', 'ready'],
  ])
  t.match(host.queue('jobs').stats(), { stored: 7, duplicates: 0 })
})

eachWay('5,000 messages without options before 20 with ids', async (t, place, where) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host, where(host))
  for (const job of jobs(5000)) producer.next(job)
  const named = jobs(20, 5000).map(({ id }) => producer.send({ id }, { id: `m${id}` }))
  t.strictSame(
    await Promise.all(named),
    jobs(20, 5000).map(({ id }) => ({ id: `m${id}`, duplicate: false })),
  )
  const stored = await storedIn(host)
  t.strictSame(
    stored.map(([value, id]) => [value, id]),
    [...jobs(5000).map(({ id }) => [id, undefined]), ...jobs(20, 5000).map(({ id }) => [id, `m${id}`])],
  )
})

t.test('the time to live of one message is not that of the one before it', async (t) => {
  const clock = new VirtualClock()
  const { runtime } = place(t, 'inproc', { clock })
  const host = await createQueueHost({ runtime, store: 'memory', queues: { jobs: {} } })
  const producer = await openProducer({ runtime }, host, { host })
  await Promise.all([producer.send({ id: 1, note: large }), producer.send({ id: 2 }, { ttlMs: 1000 })])
  clock.advance(2000)
  const taken = new Taken(await openConsumer({ runtime }, host, { host }))
  t.match(await taken.at(0), { value: { id: 1 } })
  await countsOf(host, ({ ready }) => ready === 0)
  t.match(host.queue('jobs').stats(), { leased: 1, dropped: { expired: 1 } })
})

t.test('what a subscriber of the drop channel sends does not take over options', async (t) => {
  const { runtime } = place(t, 'inproc')
  const where = { connect: 'inproc://drops', overflow: 'drop-oldest', outboxBytes: 5000 } as const
  const producer = await createProducer({ runtime, queue: 'jobs', schema: Job, ...where })
  const within: Promise<unknown>[] = []
  const onDrop = () => {
    unsubscribe('rivulet:drop', onDrop)
    within.push(producer.send({ id: 100 }))
  }
  subscribe('rivulet:drop', onDrop)
  const dropped = failure(producer.send({ id: 0, note: 'x'.repeat(5000) }))
  const sent = producer.send({ id: 1 }, { id: 'one', key: 'k' })
  t.match(await dropped, { code: 'RIVULET_OUTBOX_FULL' })
  const host = await openHost({ runtime, bind: 'inproc://drops' })
  t.strictSame(await sent, { id: 'one', duplicate: false })
  t.match(await Promise.all(within), [{ duplicate: false }])
  t.strictSame(await storedIn(host), [
    [1, 'one', 'k', 'ready'],
    [100, undefined, undefined, 'ready'],
  ])
})
