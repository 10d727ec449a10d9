/** What may be said of a delivery, and what comes of it: done, once more, dead, or longer. */
import { NEVER } from 'rxjs'
import t from 'tap'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, failure, folder, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

eachTransport(t, 'a message that failed comes again, with its attempt, until it is dead', async (t, place) => {
  const backoff = { initialMs: 1, factor: 1 }
  const host = await openHost(place, { queues: { jobs: { maxAttempts: 3, backoff } } })
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host)
  await producer.send({ id: 1 }, { id: 'one', key: 'k' })
  const taken = new Taken(consumer)
  for (const attempt of [1, 2, 3]) {
    const delivery = await taken.at(attempt - 1)
    t.match(delivery, { attempt, id: 'one', key: 'k', position: 1, value: { id: 1 } })
    await delivery.nack({ reason: attempt === 3 ? new TypeError('the last straw') : `try ${attempt}` })
  }
  t.match(host.queue('jobs').stats(), { depth: 0, nacked: 3, deadLettered: 1 })
  const [dead, ...others] = await host.queue('jobs.dead').peek(10, { schema: Job })
  t.strictSame(others, [])
  t.match(dead, { value: { id: 1, note: '' }, attempts: 0, state: 'ready', origin: { queue: 'jobs', position: 1 } })
  t.match(
    dead?.history.map(({ attempt, cause, reason }) => ({ attempt, cause, reason })),
    [
      { attempt: 1, cause: 'nack', reason: 'try 1' },
      { attempt: 2, cause: 'nack', reason: 'try 2' },
      { attempt: 3, cause: 'nack', reason: 'TypeError: the last straw' },
    ],
  )
  t.match(dead?.history[2]?.stack, /settling\.test/)
})

eachTransport(t, 'what can never be done is dead at once, and may be driven back', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host)
  await producer.sendAll([{ id: 1 }, { id: 2 }, { id: 3 }])
  const taken = new Taken(consumer)
  await (await taken.at(0)).reject('no such customer')
  await (await taken.at(1)).ack()
  await (await taken.at(2)).reject()
  t.match(host.queue('jobs').stats(), { depth: 0, deadLettered: 2, acked: 1 })
  const dead = host.queue('jobs.dead')
  t.match(await dead.peek(1), [{ history: [{ cause: 'reject', reason: 'no such customer', attempt: 1 }] }])
  t.equal(await host.queue('jobs').redrive(1), 1)
  const again = await taken.at(3)
  t.match(again, { value: { id: 1 }, attempt: 1 })
  await again.ack()
  t.equal(await dead.purge(), 1)
  t.match(dead.stats(), { depth: 0, dropped: { purged: 1 } })
  t.equal(await host.queue('jobs').redrive(), 0)
})

eachTransport(t, 'dead letters are a queue that can be consumed', async (t, place) => {
  const host = await openHost(place)
  const producer = await openProducer(place, host)
  await producer.send({ id: 7 })
  const consumer = await openConsumer(place, host)
  await (await new Taken(consumer).at(0)).reject()
  const undertaker = await openConsumer(place, host, { queue: 'jobs.dead' })
  const delivery = await new Taken(undertaker).at(0)
  t.match(delivery.value, { id: 7 })
  await delivery.ack()
  await countsOf(host, ({ depth }) => depth === 0, 'jobs.dead')
})

t.test('dead letters may have leases of their own', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const queues = { jobs: { leaseMs: 60_000 }, 'jobs.dead': { leaseMs: 1000 } }
  const host = await openHost(here, { queues })
  const producer = await openProducer(here, host, { host })
  await producer.send({ id: 1 })
  await (await new Taken(await openConsumer(here, host, { host })).at(0)).reject()
  const undertaker = await openConsumer(here, host, { host, queue: 'jobs.dead' })
  let begun = 0
  undertaker
    .process(() => {
      begun += 1
      return NEVER
    })
    .subscribe()
  await until(() => begun === 1)
  for (let tick = 0; tick < 20; tick++) {
    clock.advance(250)
    await new Promise(setImmediate)
  }
  t.match(host.queue('jobs.dead').stats(), { delivered: 1, leasesLost: 0 })
})

t.test('a failed message waits as long as it is told to', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { queues: { jobs: { backoff: { initialMs: 1000, factor: 3, maxMs: 2000 } } } })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  const taken = new Taken(consumer)
  for (const [attempt, options, ms] of [
    [0, undefined, 1000],
    [1, undefined, 2000],
    [2, { delayMs: 300 }, 300],
    [3, { delayMs: 0 }, 0],
  ] as const) {
    await (await taken.at(attempt)).nack(options)
    if (ms > 0) {
      t.match(host.queue('jobs').stats(), { delayed: 1, ready: 0, leased: 0 })
      clock.advance(ms - 1)
      await new Promise(setImmediate)
      t.equal(taken.all.length, attempt + 1, 'not before its time')
      clock.advance(1)
    }
    await taken.at(attempt + 1)
  }
})

t.test('the first word counts', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here)
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  const errors = watch(consumer)
  await producer.send({ id: 1 })
  const delivery = await new Taken(consumer).at(0)
  const acked = delivery.ack()
  await delivery.nack()
  await delivery.reject('too late')
  await acked
  t.match(host.queue('jobs').stats(), { depth: 0, acked: 1, nacked: 0, deadLettered: 0, stale: 0 })
  t.strictSame(errors, [])
  t.throws(() => delivery.nack({ delayMs: -1 }), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a word that is said again has the outcome of the first, not before it', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { path: folder(t, here) })
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host)
  await producer.send({ id: 1 })
  const delivery = await new Taken(consumer).at(0)
  void delivery.ack()
  await delivery.ack()
  t.match(host.queue('jobs').stats(), { acked: 1, depth: 0 }, 'it is stored by then')
})

t.test('acks of one turn are one settlement of each row of messages', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host)
  await producer.sendAll(Array.from({ length: 10 }, (_, id) => ({ id })))
  const taken = new Taken(consumer)
  await taken.at(9)
  const said = [9, 0, 1, 2, 5, 4].map((index) => taken.all[index]?.ack())
  said.push(taken.all[3]?.nack({ delayMs: 100_000 }), taken.all[7]?.reject('seven'))
  await Promise.all(said)
  t.match(host.queue('jobs').stats(), { acked: 6, nacked: 2, deadLettered: 1, leased: 2, delayed: 1 })
  await Promise.all([6, 8].map((index) => taken.all[index]?.ack()))
  t.match(host.queue('jobs').stats(), { acked: 8, leased: 0, depth: 1 })
})

t.test(
  'a lease that ran out: the signal aborts, what is said is too late, and somebody else has the message',
  async (t) => {
    const clock = new VirtualClock()
    const here = place(t, 'inproc', { clock })
    const host = await openHost(here, { queues: { jobs: { leaseMs: 5000, backoff: { initialMs: 0 } } } })
    const producer = await openProducer(here, host, { host })
    const consumer = await openConsumer(here, host, { host, prefetch: 1 })
    const errors = watch(consumer)
    await producer.send({ id: 1 })
    const taken = new Taken(consumer)
    const late = await taken.at(0)
    const { signal } = late
    t.equal(signal.aborted, false)
    clock.advance(4999)
    t.equal(signal.aborted, false)
    clock.advance(2)
    const again = await taken.at(1)
    t.equal(signal.aborted, true)
    t.match(signal.reason, { code: 'RIVULET_LEASE_LOST', message: /neither settled nor extended for 5000 ms/ })
    t.match(again, { attempt: 2, value: { id: 1 } })
    t.match(await failure(late.ack()), { code: 'RIVULET_LEASE_LOST' })
    t.match(await failure(late.extend()), { code: 'RIVULET_LEASE_LOST' })
    t.strictSame(errors, [], 'whoever waits is told by the promise')
    t.match(await failure(late.reject()), { code: 'RIVULET_LEASE_LOST' })
    void late.extend()
    await new Promise(setImmediate)
    t.match(errors, [{ code: 'RIVULET_LEASE_LOST', messages: 1 }])
    t.equal(late.signal.aborted, true, 'also when it is asked for late')
    await again.ack()
    t.match(host.queue('jobs').stats(), { depth: 0, leasesLost: 1, acked: 1 })
  },
)

t.test('a lease that is extended lasts', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { queues: { jobs: { leaseMs: 5000 } } })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  await producer.send({ id: 1 })
  const delivery = await new Taken(consumer).at(0)
  for (let round = 0; round < 5; round++) {
    clock.advance(4000)
    await delivery.extend()
  }
  t.equal(delivery.signal.aborted, false)
  await delivery.ack()
  t.match(host.queue('jobs').stats(), { depth: 0, leasesLost: 0, acked: 1 })
})

t.test('however much is said in one turn, it arrives', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  const producer = await openProducer(here, host)
  const count = 6000
  await producer.sendAll(jobs(count))
  const consumer = await openConsumer(here, host, { prefetch: count })
  const errors = watch(consumer)
  const taken = new Taken(consumer)
  await taken.at(count - 1)
  const reason = new Error('a long story')
  reason.stack = 's'.repeat(4000) // all of them are more than an item of a link may have
  const said = taken.all.map((delivery) => delivery.reject(reason))
  await Promise.all(said)
  t.match(host.queue('jobs').stats(), { depth: 0, deadLettered: count })
  t.strictSame(errors, [])
})
