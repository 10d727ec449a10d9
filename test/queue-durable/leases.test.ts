/** How long a delivery is somebody's: while others of its lease wait, from when it is handed out, and while the host is silent. */
import t from 'tap'
import { until } from '../support/events.js'
import { jobs } from '../support/job.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

const leaseMs = 8000
const queues = { jobs: { leaseMs } }

t.test('whoever takes deliveries by hand has seven eighths of a lease for each', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { queues })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  const errors = watch(consumer)
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(Math.min(left, 500))
      await new Promise(setImmediate)
    }
  }
  await producer.sendAll(jobs(3)) // one lease
  const iterator = consumer.deliveries[Symbol.asyncIterator]()
  for (const { id } of jobs(3)) {
    const { value: delivery } = await iterator.next()
    t.equal(delivery?.value.id, id)
    await pass((leaseMs * 7) / 8 - 1)
    t.equal(delivery?.signal.aborted, false)
    await delivery?.ack()
  }
  t.match(host.queue('jobs').stats(), { acked: 3, delivered: 3, leasesLost: 0 })
  t.strictSame(errors, [])
  await iterator.return?.()
})

t.test('a host that is silent for as long as a lease lasts: the signal of its deliveries aborts', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const host = await openHost(here, { queues })
  const producer = await openProducer(here, host)
  const consumer = await openConsumer(here, host)
  for (const resource of [host, producer, consumer]) watch(resource)
  await producer.send({ id: 1 })
  const delivery = await new Taken(consumer).at(0)
  const { signal } = delivery
  await host.close()
  clock.advance(leaseMs - 1)
  t.equal(signal.aborted, false)
  clock.advance(leaseMs / 4 + 1) // leases are looked at four times as often as they end
  t.equal(signal.aborted, true)
  t.match(signal.reason, { code: 'RIVULET_LEASE_LOST', message: /silent/ })
})

t.test('dead letters have no bound, do not grow old, and are never given up', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'inproc', { clock })
  const bounds = { maxLength: 1, maxBytes: 100, maxAgeMs: 1000, maxAttempts: 1, backoff: { initialMs: 0 } }
  const host = await openHost(here, { queues: { jobs: bounds } })
  const producer = await openProducer(here, host, { host })
  const consumer = await openConsumer(here, host, { host })
  const working = consumer.process(() => Promise.reject(new Error('never'))).subscribe()
  watch(consumer)
  for (const { id } of jobs(3)) {
    await producer.send({ id })
    await countsOf(host, ({ deadLettered }) => deadLettered === id + 1)
  }
  working.unsubscribe()
  clock.advance(60_000)
  t.match(host.queue('jobs.dead').stats(), { depth: 3, ready: 3, dropped: {} })
  const undertaker = new Taken(await openConsumer(here, host, { host, queue: 'jobs.dead', prefetch: 1 }))
  for (let attempt = 1; attempt <= 4; attempt++) {
    const delivery = await undertaker.at(attempt - 1)
    await (attempt % 2 === 0 ? delivery.reject() : delivery.nack())
  }
  t.match(host.queue('jobs.dead').stats(), { depth: 3, nacked: 4, deadLettered: 0 })
  t.equal(await host.queue('jobs').redrive(), 1, 'as many as the queue has room for')
  await until(() => host.queue('jobs').stats().depth === 1)
})
