/** A host that goes and comes back with its folder: nothing that was confirmed is lost, and nothing is done that was not. */
import t from 'tap'
import type { Delivery } from '../../patterns/queue/index.js'
import type { RivuletError } from '../../src/avro/index.js'
import { until } from '../support/events.js'
import { type Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { ChildHost } from './child-host.js'
import { countsOf, folder, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

eachTransport(t, 'a host that closes in the middle and is opened again', async (t, place) => {
  const path = folder(t, place)
  let host = await openHost(place, { path })
  const bind = host.endpoint
  const producer = await openProducer(place, host)
  const consumer = await openConsumer(place, host, { prefetch: 50 })
  for (const resource of [producer, consumer]) watch(resource)
  const seen = new Map<number, number>()
  const acked = new Set<number>()
  consumer.deliveries.subscribe((delivery) => {
    const { id } = delivery.value
    t.notOk(acked.has(id), 'what was done is not delivered again')
    seen.set(id, (seen.get(id) ?? 0) + 1)
    delivery.ack().then(
      () => acked.add(id),
      () => {},
    )
  })
  const sends: Promise<unknown>[] = []
  for (let round = 0; round < 3; round++) {
    for (let id = round * 200; id < (round + 1) * 200; id++) {
      sends.push(producer.send({ id }))
      if (id % 20 === 0) await new Promise(setImmediate)
    }
    await host.close()
    t.equal(host.status, 'closed')
    host = await openHost({ ...place, bind }, { path })
    watch(host)
  }
  await Promise.all(sends)
  await countsOf(host, ({ depth }) => depth === 0)
  t.equal(seen.size, 600)
  t.match(await host.queue('jobs.dead').peek(), [])
})

t.test('what is in hand is adopted, and what is not goes back', async (t) => {
  const here = place(t, 'tcp')
  const path = folder(t, here)
  const first = await openHost(here, { path })
  const producer = await openProducer(here, first)
  const consumer = await openConsumer(here, first, { prefetch: 6 })
  const errors = watch(consumer)
  watch(producer)
  await producer.sendAll(jobs(10))
  const inHand: Delivery<Job>[] = []
  const working = consumer.deliveries.process(
    (delivery) => {
      inHand.push(delivery)
      return new Promise<void>((resolve) => delivery.signal.addEventListener('abort', () => resolve()))
    },
    { concurrency: 2 },
  )
  const subscription = working.subscribe()
  await until(() => inHand.length === 2 && consumer.stats().pending === 4)
  await first.close()
  const second = await openHost({ ...here, bind: first.endpoint }, { path })
  await until(() => (consumer.stats().dropped.released ?? 0) === 4)
  t.equal(inHand[0]?.signal.aborted, false)
  await Promise.all(inHand.map((delivery) => delivery.ack()))
  t.match(second.queue('jobs').stats(), { depth: 8, acked: 2, leasesLost: 0, stale: 0 })
  t.strictSame(
    inHand.map(({ value }) => value.id),
    [0, 1],
  )
  subscription.unsubscribe()
  await consumer.close({ drain: false })
  const other = new Taken(await openConsumer(here, second))
  await other.at(7)
  t.strictSame(
    other.all.map(({ value, attempt }) => [value.id, attempt]).sort((a, b) => (a[0] as number) - (b[0] as number)),
    jobs(8, 2).map(({ id }) => [id, 1]),
  )
  t.strictSame(errors, [])
})

t.test('kill -9 of the host, a few times', async (t) => {
  const { runtime } = place(t, 'tcp')
  const path = folder(t, { runtime })
  const options = { queues: { jobs: { leaseMs: 2000, backoff: { initialMs: 0 } } } }
  let child = await ChildHost.start(path, options)
  t.teardown(() => child.kill())
  const { endpoint } = child
  const host = { endpoint } as never
  const producer = await openProducer({ runtime }, host)
  const consumers = await Promise.all([40, 10].map((prefetch) => openConsumer({ runtime }, host, { prefetch })))
  for (const resource of [producer, ...consumers]) resource.errors.subscribe()
  const delivered = new Map<number, number>()
  const done = new Set<number>()
  const wrong: number[] = []
  for (const consumer of consumers) {
    consumer.deliveries.subscribe((delivery) => {
      const { id } = delivery.value
      if (done.has(id)) wrong.push(id)
      delivered.set(id, (delivered.get(id) ?? 0) + 1)
      delivery.ack().then(
        () => done.add(id),
        () => {},
      )
    })
  }
  const confirmed = new Set<number>()
  const failures: RivuletError[] = []
  let next = 0
  let stop = false
  const load = async () => {
    while (!stop) {
      const id = next++
      await producer.send({ id }).then(
        () => confirmed.add(id),
        (error: RivuletError) => failures.push(error),
      )
    }
  }
  const loads = Array.from({ length: 20 }, load)
  for (let round = 0; round < 3; round++) {
    const goal = confirmed.size + 200
    await until(() => confirmed.size > goal)
    await child.kill()
    child = await ChildHost.start(path, options, endpoint)
  }
  const goal = confirmed.size + 200
  await until(() => confirmed.size > goal)
  stop = true
  await Promise.all(loads)
  t.strictSame(failures, [], 'a producer keeps what is not confirmed')
  await until(() => [...confirmed].every((id) => delivered.has(id)))
  t.strictSame(wrong, [], 'none was delivered after its ack was confirmed')
  t.equal(confirmed.size, next)
})
