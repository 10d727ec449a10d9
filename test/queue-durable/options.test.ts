/** Options of a host that other tests do not come by, each with what it changes. */
import t from 'tap'
import { createQueueHost } from '../../patterns/queue/index.js'
import { until } from '../support/events.js'
import { jobs } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { failure, folder, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

t.test('committed: what is confirmed is there when the folder is opened again', async (t) => {
  const here = place(t, 'tcp')
  const path = folder(t, here)
  const host = await openHost(here, { path, durability: 'committed' })
  const producer = await openProducer(here, host, { host })
  await producer.sendAll(jobs(10))
  await host.close()
  const again = await openHost(here, { path, durability: 'flushed' })
  t.match(again.queue('jobs').stats(), { depth: 10 })
})

t.test('a queue that is not named any more keeps its messages, and is treated by the defaults', async (t) => {
  const here = place(t, 'tcp')
  const path = folder(t, here)
  const host = await openHost(here, { path, queues: { jobs: {}, old: { maxLength: 1 } } })
  await (await openProducer(here, host, { host, queue: 'old' })).send({ id: 1 })
  await host.close()
  const again = await openHost(here, { path, defaults: { maxLength: 2 } })
  t.strictSame([...again.queues].sort(), ['jobs', 'jobs.dead', 'old', 'old.dead'])
  const producer = await openProducer(here, again, { host: again, queue: 'old' })
  t.match(await producer.send({ id: 2 }), { duplicate: false })
  t.match(await failure(producer.send({ id: 3 })), { code: 'RIVULET_QUEUE_FULL' })
  t.match(again.queue('old').stats(), { depth: 2 })
})

t.test('a host that others can reach says that its network is trusted', async (t) => {
  const { runtime } = place(t, 'tcp')
  const options = { store: 'memory', runtime, bind: 'tcp://0.0.0.0:*' } as const
  await t.rejects(createQueueHost(options), { code: 'RIVULET_INSECURE_BIND' })
  const host = await createQueueHost({ ...options, insecure: true })
  t.equal(host.endpoints.length, 1)
})

t.test('no more links than it may have', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { maxSessions: 1 })
  const first = await openProducer(here, host)
  await first.send({ id: 1 })
  const second = await openProducer(here, host)
  const refusals = [watch(host), watch(second)]
  await until(() => refusals.every(({ length }) => length > 0))
  for (const [refusal] of refusals) t.match(refusal, { code: 'RIVULET_TOO_MANY_SESSIONS' })
  t.equal(host.stats().sessions, 1)
  const waiting = second.send({ id: 2 })
  await first.close()
  t.match(await waiting, { duplicate: false }, 'when the first has gone')
})

t.test('messages larger than what may wait to leave on a link come one by one', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { outboxBytes: 1 })
  const producer = await openProducer(here, host, { host })
  const note = 'x'.repeat(100_000)
  await producer.sendAll(jobs(20).map(({ id }) => ({ id, note })))
  const taken = new Taken(await openConsumer(here, host))
  await taken.at(19)
  t.strictSame(
    taken.ids,
    jobs(20).map(({ id }) => id),
  )
})

t.test('a consumer of a queue that is not there yet has its messages when it is', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { autoCreate: true })
  const undertaker = await openConsumer(here, host, { host, queue: 'later.dead' })
  const errors = watch(undertaker)
  const letters = new Taken(undertaker)
  for (let second = 0; second < 5; second++) {
    await new Promise(setImmediate)
    clock.advance(2000)
  }
  t.match(errors, [{ code: 'RIVULET_UNKNOWN_QUEUE' }])
  t.equal(errors.length, 1, 'it is told once, however often it is tried')
  const producer = await openProducer(here, host, { host, queue: 'later' })
  await producer.send({ id: 1 })
  const worker = new Taken(await openConsumer(here, host, { host, queue: 'later' }))
  await (await worker.at(0)).reject()
  clock.advance(2000) // it is tried every second, or a little later
  t.match((await letters.at(0)).value, { id: 1 })
})

t.test('the counts of a host are those of all its queues', async (t) => {
  const here = place(t, 'inproc')
  const host = await openHost(here, { queues: { jobs: {}, other: {} } })
  for (const queue of ['jobs', 'other']) {
    const producer = await openProducer(here, host, { host, queue })
    await producer.sendAll(jobs(3))
    const taken = new Taken(await openConsumer(here, host, { host, queue, prefetch: 2 }))
    await (await taken.at(0)).ack()
    await (await taken.at(1)).reject()
    await taken.at(2)
  }
  // a dead letter is stored once more, in its own queue
  t.match(host.stats(), { queues: 4, depth: 4, stored: 8, delivered: 6, acked: 2, clients: 4, sessions: 0 })
  const { used, free, limit } = host.stats().storage
  t.ok(used > 0 && used + free <= limit)
})

t.test('a message may be tried for ever', async (t) => {
  const here = place(t, 'inproc')
  const queues = { jobs: { maxAttempts: Number.POSITIVE_INFINITY, backoff: { initialMs: 0 } } }
  const host = await openHost(here, { queues })
  const producer = await openProducer(here, host, { host })
  await producer.send({ id: 1 })
  const taken = new Taken(await openConsumer(here, host, { host }))
  for (let attempt = 1; attempt <= 50; attempt++) {
    const delivery = await taken.at(attempt - 1)
    t.equal(delivery.attempt, attempt)
    await delivery.nack({ delayMs: 0 })
  }
  t.match(host.queue('jobs').stats(), { depth: 1, deadLettered: 0 })
})

t.test('times may be broken', async (t) => {
  const here = place(t, 'tcp')
  const times = { leaseMs: 1000.5, maxAgeMs: 1e6 + 0.5, dedupeMs: 0.5, backoff: { initialMs: 0.5, maxMs: 1.5 } }
  const host = await openHost(here, { path: folder(t, here), queues: { jobs: times } })
  const producer = await openProducer(here, host)
  const taken = new Taken(await openConsumer(here, host))
  await producer.send({ id: 1 }, { delayMs: 0.5, ttlMs: 1e6 + 0.5, id: 'one' })
  await (await taken.at(0)).nack()
  await (await taken.at(1)).nack({ delayMs: 0.5 })
  await (await taken.at(2)).ack()
  t.match(host.queue('jobs').stats(), { depth: 0, acked: 1 })
})
