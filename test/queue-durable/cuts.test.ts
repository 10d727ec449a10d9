/** Links that are cut, swallowed and slow: what is sent again is stored once. */
import t from 'tap'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { jobs } from '../support/job.js'
import { place } from '../support/transports.js'
import { countsOf, openConsumer, openHost, openProducer, watch } from './queues.js'

t.test('cuts between all parties: no loss, and no duplicate in the queue', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  watch(host)
  const [up, down] = [await ChaosProxy.open(host.endpoint), await ChaosProxy.open(host.endpoint, 2)]
  t.teardown(() => Promise.all([up.close(), down.close()]))
  const producer = await openProducer(here, host, { connect: up.endpoint })
  const consumer = await openConsumer(here, host, { connect: down.endpoint, prefetch: 100 })
  for (const resource of [producer, consumer]) watch(resource)
  const ids: number[] = []
  consumer.deliveries.subscribe((delivery) => {
    ids.push(delivery.value.id)
    void delivery.ack()
  })
  const sends: Promise<unknown>[] = []
  for (let round = 0; round < 6; round++) {
    for (const { id } of jobs(200, round * 200)) {
      sends.push(producer.send({ id }))
      if (id % 10 === 0) await new Promise(setImmediate)
    }
    if (round % 2 === 0) up.cut()
    else down.cut()
  }
  await Promise.all(sends)
  await countsOf(host, ({ depth }) => depth === 0)
  t.match(host.queue('jobs').stats(), { stored: 1200, duplicates: 0, delivered: 1200, acked: 1200, stale: 0 })
  t.strictSame(
    ids.sort((a, b) => a - b),
    jobs(1200).map(({ id }) => id),
  )
})

t.test('a host that comes back without a memory of the session has each message once', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  watch(host)
  const proxy = await ChaosProxy.open(host.endpoint)
  t.teardown(() => proxy.close())
  const producer = await openProducer(here, host, { connect: proxy.endpoint })
  watch(producer)
  await producer.send({ id: 0 })
  proxy.set({ blackHole: 'down' }) // the host hears what it is sent, and the producer nothing
  const sends = jobs(50, 1).map(({ id }) => producer.send({ id }))
  await countsOf(host, ({ stored }) => stored === 51)
  await until(() => proxy.swallowed > 0)
  proxy.calm().cut()
  const results = await Promise.all(sends)
  t.equal(results.length, 50)
  t.match(host.queue('jobs').stats(), { stored: 51, depth: 51 })
})
