/** Bounds and times of a queue: full, delayed, expired, in order by key. */
import t from 'tap'
import type { QueueOptions } from '../../patterns/queue/index.js'
import { until } from '../support/events.js'
import { jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, failure, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

eachTransport(t, 'a full queue refuses what does not fit, and takes more when there is room', async (t, place) => {
  const host = await openHost(place, { queues: { jobs: { maxLength: 10 } } })
  const producer = await openProducer(place, host)
  const errors = watch(producer)
  const together = await Promise.allSettled(jobs(15).map(({ id }) => producer.send({ id })))
  t.strictSame(
    together.map(({ status }) => status),
    [...jobs(10).map(() => 'fulfilled'), ...jobs(5).map(() => 'rejected')],
  )
  t.match(together[12], { reason: { code: 'RIVULET_QUEUE_FULL', executed: 'no' } })
  t.match(producer.stats(), { accepted: 15, sent: 10, pending: 0, dropped: { refused: 5 } })
  for (const { id } of jobs(3)) producer.next({ id })
  t.match(await producer.sendAll(jobs(2)), { sent: 0, dropped: 2 })
  t.match(errors, [{ code: 'RIVULET_QUEUE_FULL', messages: 5, executed: 'no' }], 'why, once')
  const failing = (function* () {
    yield* jobs(2)
    throw new Error('no more')
  })()
  await t.rejects(producer.sendAll(failing), { code: 'RIVULET_SOURCE_FAILED' })
  await until(() => errors.length > 1)
  t.match(errors[1], { code: 'RIVULET_QUEUE_FULL', messages: 2 }, 'also where the source has failed')
  const taken = new Taken(await openConsumer(place, host, { prefetch: 1 }))
  await (await taken.at(0)).ack()
  t.match(await producer.send({ id: 99 }), { duplicate: false })
  t.match(host.queue('jobs').stats(), { depth: 10, stored: 11 })
  const values = (await host.queue('jobs').peek(20)).map(({ position }) => position)
  t.equal(new Set(values).size, values.length)
})

t.test('what a full queue took of a batch is told as ever', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { queues: { jobs: { maxLength: 3 } } })
  const producer = await openProducer(here, host)
  await producer.send({ id: 0 }, { id: 'a' })
  const full = producer.send({ id: 1 })
  const known = producer.send({ id: 2 }, { id: 'a' })
  const last = producer.send({ id: 3 })
  const refused = failure(producer.send({ id: 4 }))
  t.strictSame(await full, { id: '2', duplicate: false })
  t.strictSame(await known, { id: 'a', duplicate: true })
  t.strictSame(await last, { id: '3', duplicate: false })
  t.match(await refused, { code: 'RIVULET_QUEUE_FULL', executed: 'no' })
})

t.test('what is refused does not disturb what follows it', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { queues: { jobs: { maxLength: 100 } } })
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host, { prefetch: 7 })
  const done = new Set<number>()
  consumer.deliveries.subscribe((delivery) => {
    t.notOk(done.has(delivery.value.id), 'once')
    done.add(delivery.value.id)
    void delivery.ack()
  })
  const stored = new Set<number>()
  let refused = 0
  await Promise.all(
    jobs(3000).map(async ({ id }) => {
      if (id % 50 === 0) await new Promise(setImmediate)
      await producer.send({ id }).then(
        () => stored.add(id),
        () => (refused += 1),
      )
    }),
  )
  await countsOf(host, ({ depth }) => depth === 0)
  t.strictSame([...done].sort(), [...stored].sort())
  t.equal(stored.size + refused, 3000)
  t.ok(refused > 0)
  t.equal(host.queue('jobs').stats().stored, stored.size)
})

t.test('a full queue may drop what waits longest', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues: { jobs: { maxLength: 3, overflow: 'drop-oldest' } } })
  const producer = await openProducer(here, host, { host })
  await producer.sendAll(jobs(10))
  t.match(host.queue('jobs').stats(), { depth: 3, stored: 10, dropped: { overflow: 7 } })
  const taken = new Taken(await openConsumer(here, host, { host }))
  await taken.at(2)
  t.strictSame(taken.ids, [7, 8, 9])
})

t.test('a store that is full refuses, loses nothing, and takes more when there is room', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { maxBytes: 1_048_576 })
  watch(host)
  const producer = await openProducer(here, host)
  const body = 'x'.repeat(100_000)
  const results = await Promise.allSettled(jobs(20).map(({ id }) => producer.send({ id, note: body })))
  const stored = results.filter(({ status }) => status === 'fulfilled').length
  t.ok(stored >= 3 && stored < 12, `${stored} found room`)
  for (const result of results) if (result.status === 'rejected') t.match(result.reason, { code: 'RIVULET_STORE_FULL' })
  t.match(host.queue('jobs').stats(), { stored, depth: stored })
  t.match(producer.stats(), { accepted: 20, sent: stored, pending: 0, dropped: { refused: 20 - stored } })
  const taken = new Taken(await openConsumer(here, host))
  await taken.at(stored - 1)
  await Promise.all(taken.all.map((delivery) => delivery.ack()))
  t.match(await producer.send({ id: 99, note: body }), { duplicate: false })
  t.equal((await taken.at(stored)).value.id, 99)
})

/** A host whose time is in the hands of the test. */
async function timed(t: Parameters<typeof place>[0], jobs: QueueOptions = {}) {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { queues: { jobs } })
  const producer = await openProducer(here, host, { host })
  const taken = new Taken(await openConsumer(here, host, { host }))
  const pass = async (ms: number) => {
    clock.advance(ms)
    await new Promise(setImmediate)
  }
  return { here, host, producer, taken, pass }
}

t.test('a message that is delayed', async (t) => {
  const { host, producer, taken, pass } = await timed(t)
  await Promise.all([producer.send({ id: 1 }, { delayMs: 500 }), producer.send({ id: 2 })])
  await taken.at(0)
  t.match(host.queue('jobs').stats(), { delayed: 1, leased: 1 })
  const states = (await host.queue('jobs').peek()).map(({ position, state }) => `${position} ${state}`)
  t.strictSame(states.sort(), ['1 delayed', '2 leased'])
  await pass(499)
  t.strictSame(taken.ids, [2])
  await pass(1)
  await taken.at(1)
  t.strictSame(taken.ids, [2, 1])
})

t.test('what was delayed goes before what came later, and before what was stored earlier', async (t) => {
  const { here, host, producer, taken, pass } = await timed(t)
  taken.leave()
  await producer.send({ id: 1 })
  await producer.send({ id: 2 }, { delayMs: 500 })
  await producer.send({ id: 3 })
  await pass(500)
  const late = new Taken(await openConsumer(here, host, { host, prefetch: 1 }))
  for (let at = 0; at < 3; at++) await (await late.at(at)).ack()
  t.strictSame(late.ids, [2, 1, 3])
})

t.test('the age of a message counts from when it is due, its time to live from when it was stored', async (t) => {
  const { here, host, producer, taken, pass } = await timed(t, { maxAgeMs: 1000 })
  taken.leave()
  await producer.send({ id: 1 }, { delayMs: 2000 })
  await producer.send({ id: 2 }, { delayMs: 2000, ttlMs: 2500 })
  await pass(2999)
  const late = new Taken(await openConsumer(here, host, { host }))
  await late.at(0)
  t.strictSame(late.ids, [1])
  t.match(host.queue('jobs').stats(), { depth: 1, leased: 1, dropped: { expired: 1 } })
})

t.test('a message whose time is over is dropped', async (t) => {
  const { here, host, producer, taken, pass } = await timed(t, { maxAgeMs: 5000 })
  taken.leave()
  await producer.send({ id: 1 }, { ttlMs: 300 })
  await producer.send({ id: 2 })
  await pass(300)
  const consumer = await openConsumer(here, host, { host })
  const second = await new Taken(consumer).at(0)
  t.equal(second.value.id, 2)
  t.match(host.queue('jobs').stats(), { depth: 1, dropped: { expired: 1 } })
})

t.test('messages of one key come one after the other', async (t) => {
  const { producer, taken, pass } = await timed(t, { keyOrder: true, backoff: { initialMs: 100, factor: 1 } })
  for (const [id, key] of [
    [1, 'a'],
    [2, 'a'],
    [3, 'b'],
    [4, undefined],
    [5, 'a'],
  ] as const) {
    await producer.send({ id }, key === undefined ? undefined : { key })
  }
  await taken.at(2)
  t.strictSame(taken.ids, [1, 3, 4])
  t.equal(taken.all[0]?.key, 'a')
  await taken.all[0]?.nack()
  await pass(50)
  t.equal(taken.all.length, 3, 'the next one of the key waits for a retry of the one before')
  await pass(50)
  await (await taken.at(3)).ack()
  await (await taken.at(4)).ack()
  await taken.at(5)
  t.strictSame(taken.ids, [1, 3, 4, 1, 2, 5])
})

t.test('an id is forgotten after a while', async (t) => {
  const { producer, pass } = await timed(t, { dedupeMs: 1000 })
  t.match(await producer.send({ id: 1 }, { id: 'x' }), { duplicate: false })
  await pass(900)
  t.match(await producer.send({ id: 1 }, { id: 'x' }), { duplicate: true })
  await pass(200)
  t.match(await producer.send({ id: 1 }, { id: 'x' }), { duplicate: false })
})

t.test('rates are of the last second', async (t) => {
  const { host, producer, taken, pass } = await timed(t)
  const handle = host.queue('jobs')
  t.match(handle.stats().rates, { stored: 0, delivered: 0, acked: 0 })
  await producer.sendAll(jobs(10))
  await taken.at(9)
  await Promise.all(taken.all.slice(0, 5).map((delivery) => delivery.ack()))
  await pass(1000)
  t.strictSame(handle.stats().rates, { stored: 10, delivered: 10, acked: 5 })
  await pass(1000)
  handle.stats()
  await pass(1000)
  t.strictSame(handle.stats().rates, { stored: 0, delivered: 0, acked: 0 })
})

t.test('the counts of a queue as an observable', async (t) => {
  const { host, producer, taken, pass } = await timed(t)
  const handle = host.queue('jobs')
  t.equal(host.queue('jobs'), handle)
  const seen: number[] = []
  let complete = false
  handle.changes.subscribe({
    next: ({ stored }) => seen.push(stored),
    complete: () => {
      complete = true
    },
  })
  t.strictSame(seen, [0])
  await producer.sendAll(jobs(10))
  await pass(100)
  t.strictSame(seen, [0, 10])
  await taken.at(9)
  await pass(1900)
  t.match(handle.stats(), { delivered: 10, rates: { acked: 0 } })
  await host.close()
  t.equal(complete, true)
  let late = false
  handle.changes.subscribe({
    complete: () => {
      late = true
    },
  })
  t.equal(late, true)
  t.match(await failure(handle.peek()), { code: 'RIVULET_CLOSED' })
  t.match(await failure(handle.purge()), { code: 'RIVULET_CLOSED' })
  t.match(await failure(handle.redrive()), { code: 'RIVULET_CLOSED' })
})
