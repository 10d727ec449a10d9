/** Consumers whose connection is closed: they are dealt nothing, and what they hold goes to the living. */
import t from 'tap'
import { defaults } from '../../src/options/index.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { linkState } from '../support/events.js'
import { jobs } from '../support/job.js'
import { QueueChild } from '../support/queue-child.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { countsOf, openConsumer, openHost, openProducer, Taken, watch } from './queues.js'

const never = 86_400_000

eachTransport(
  t,
  'nothing is dealt to a consumer that was killed',
  async (t, place) => {
    const host = await openHost(place, { queues: { jobs: { leaseMs: never } } })
    watch(host)
    const producer = await openProducer(place, host, { host })
    const child = new QueueChild({ role: 'consumer', connect: host.endpoint, seed: 1 }, () => {})
    t.teardown(() => child.kill())
    const living = await openConsumer(place, host, { host, prefetch: 500 })
    const taken = new Taken(living)
    await countsOf(host, ({ consumers }) => consumers === 2)
    const lost = linkState(host, 'disconnected')
    await child.kill()
    await lost
    await producer.sendAll(jobs(200))
    await taken.at(199)
    t.match(host.queue('jobs').stats(), { consumers: 1, leased: 200 })
    await Promise.all(taken.all.map((delivery) => delivery.ack()))
    t.match(host.queue('jobs').stats(), { depth: 0, acked: 200, leasesLost: 0 })
  },
  ['ipc', 'tcp'],
)

t.test('what a killed consumer holds goes back when its session ends, before its lease', async (t) => {
  const clock = new VirtualClock()
  const here = place(t, 'tcp', { clock })
  const host = await openHost(here, { queues: { jobs: { leaseMs: never } } })
  watch(host)
  const producer = await openProducer(here, host, { host })
  const child = new QueueChild({ role: 'holder', connect: host.endpoint }, () => {})
  t.teardown(() => child.kill())
  await producer.send({ id: 7 })
  await child.says('d')
  const taken = new Taken(await openConsumer(here, host, { host }))
  const lost = linkState(host, 'disconnected')
  await child.kill()
  await lost
  clock.advance(defaults.retentionMs - 1000)
  await new Promise(setImmediate)
  t.match(host.queue('jobs').stats(), { leased: 1, leasesLost: 0 }, 'it may still come back')
  clock.advance(3000)
  const { value, attempt } = await taken.at(0)
  t.strictSame([value.id, attempt], [7, 2])
  t.match(host.queue('jobs').stats(), { leasesLost: 1, consumers: 1 })
})

t.test('a consumer that was cut off gets nothing until its link has resumed, and keeps what it holds', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here)
  watch(host)
  const proxy = await ChaosProxy.open(host.endpoint)
  t.teardown(() => proxy.close())
  const producer = await openProducer(here, host, { host })
  const far = await openConsumer(here, host, { connect: proxy.endpoint })
  watch(far)
  const taken = new Taken(far)
  await producer.send({ id: 0 })
  const held = await taken.at(0)
  proxy.set({ refuse: true })
  const lost = linkState(host, 'disconnected')
  proxy.cut()
  await lost
  // the session learns of it just after `links`
  await countsOf(host, ({ consumers }) => consumers === 0)
  await producer.sendAll(jobs(20, 1))
  t.match(host.queue('jobs').stats(), { consumers: 0, ready: 20, leased: 1, delivered: 1 })
  const near = await openConsumer(here, host, { host, prefetch: 5 })
  const others = new Taken(near)
  await others.at(4)
  proxy.calm()
  await taken.at(15)
  await held.ack()
  t.match(host.queue('jobs').stats(), { acked: 1, leased: 20, ready: 0, delivered: 21, leasesLost: 0 })
  t.strictSame(
    [...taken.ids, ...others.ids].sort((a, b) => a - b),
    [...jobs(21).keys()],
  )
})

t.test('what has not left for a consumer that is cut off goes to others at once, as the first attempt', async (t) => {
  const here = place(t, 'tcp')
  const host = await openHost(here, { queues: { jobs: { leaseMs: never } } })
  watch(host)
  const proxy = await ChaosProxy.open(host.endpoint)
  t.teardown(() => proxy.close())
  const producer = await openProducer(here, host, { host })
  const far = await openConsumer(here, host, { connect: proxy.endpoint, prefetch: 1000 })
  watch(far)
  const taken = new Taken(far)
  await producer.send({ id: 0 })
  await (await taken.at(0)).ack()
  proxy.set({ blackHole: 'down' })
  const note = 'n'.repeat(50_000)
  await producer.sendAll(jobs(100).map(({ id }) => ({ id, note })))
  await countsOf(host, ({ leased }) => leased > 50)
  const { leased } = host.queue('jobs').stats()
  proxy.set({ refuse: true })
  const lost = linkState(host, 'disconnected')
  proxy.cut()
  await lost
  await countsOf(host, (stats) => stats.leased < leased)
  const left = host.queue('jobs').stats().leased
  const near = new Taken(await openConsumer(here, host, { host, prefetch: 1000 }))
  await near.at(100 - left - 1)
  t.ok(near.all.every(({ attempt }) => attempt === 1))
  t.match(host.queue('jobs').stats(), { leased: 100, delivered: 101, leasesLost: 0 })
})
