/**
 * What is lost between a publisher and a hub, or between two hubs: the hub fetches it, and subscribers behind it get everything.
 */
import t, { type Test } from 'tap'
import {
  createHub,
  createPublisher,
  createSubscriber,
  type Hub,
  type Publisher,
  type TopicEvent,
  type TopicSubscriber,
} from '../../patterns/pubsub/index.js'
import { turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { CuttingProxy } from './cutting-proxy.js'
import { another } from './hubs.js'
import { lastNumber, missing } from './numbered.js'
import { Seen } from './seen.js'

/** A hub that holds up its publishers while its subscriber takes nothing. */
function narrowHub(here: Place, connect?: Hub): Promise<Hub> {
  return createHub({
    publishers: {
      ...(connect ? { connect: connect.subscribers.endpoint } : { bind: another(here) }),
      highWaterMark: 1,
    },
    subscribers: { bind: another(here), highWaterMark: 1, outboxBytes: 1, slowSubscribers: 'wait' },
    runtime: here.runtime,
  })
}

/** Publishes more than fits while a subscriber takes nothing; it gets everything in the end. */
async function overrun(t: Test, publisher: Publisher, subscriber: TopicSubscriber, { transport }: Place, hubs: Hub[]) {
  let release = () => {}
  const blocked = new Promise<void>((resolve) => {
    release = resolve
  })
  const events: TopicEvent<Job>[] = []
  subscriber
    .events('a', Job)
    .process(async (event) => {
      events.push(event)
      await blocked
    })
    .subscribe()
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  const note = 'x'.repeat(60_000)
  const count = transport === 'tcp' ? 400 : 100
  for (let id = 1; id <= count; id++) {
    await topic.send({ id, note })
    await turn()
  }
  await until(() => publisher.stats().pending === 0)
  release()
  // a beacon shows what was lost at the end
  await until(() => lastNumber(events) === count)
  t.equal(missing(events, count), 0)
  const fetched = hubs.map((hub) => hub.stats().history?.fetched ?? 0)
  t.ok((fetched[0] as number) > 0, `${fetched} were fetched`)
}

eachTransport(t, 'a burst over the high-water mark between a publisher and a hub loses nothing', async (t, here) => {
  const { runtime } = here
  const hub = await narrowHub(here)
  // it has no address of its own: the hub takes links
  const publisher = await createPublisher({
    connect: hub.publishers.endpoint,
    runtime,
    highWaterMark: 1,
    history: {},
  })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime, highWaterMark: 1 })
  await overrun(t, publisher, subscriber, here, [hub])
})

eachTransport(t, 'nor through two hubs', async (t, here) => {
  const { runtime } = here
  const upper = await narrowHub(here)
  const lower = await narrowHub(here, upper)
  const publisher = await createPublisher({
    connect: upper.publishers.endpoint,
    runtime,
    highWaterMark: 1,
    history: {},
  })
  const subscriber = await createSubscriber({ connect: lower.subscribers.endpoint, runtime, highWaterMark: 1 })
  await overrun(t, publisher, subscriber, here, [upper, lower])
})

/** Publishes, and cuts a connection with everything in transit; the subscriber gets everything in the end. */
async function cuts(
  t: Test,
  publisher: Publisher,
  subscriber: TopicSubscriber,
  { proxy, isUp, hubs }: { proxy: CuttingProxy; isUp: boolean; hubs: Hub[] },
) {
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  let published = 0
  const publish = async (count: number) => {
    for (let n = 0; n < count; n++) {
      topic.next({ id: ++published })
      await turn()
    }
  }
  for (let round = 0; round < 5; round++) {
    await publish(20)
    await seen.when(() => lastNumber(seen.values) === published)
    if (isUp) proxy.swallowingUp = true
    else proxy.swallowing = true
    await publish(1)
    await until(() => proxy.swallowed > 0)
    await publish(10)
    proxy.swallowed = 0
    proxy.cut()
    await publish(round % 2 === 0 ? 0 : 5)
    // nothing is published until everything is there: the tail was lost
    await seen.when(() => lastNumber(seen.values) === published)
  }
  t.equal(missing(seen.values, published), 0)
  t.match(subscriber.stats(), { delivered: published, pending: 0, gaps: 0, missed: 0 })
  t.ok(hubs.some((hub) => (hub.stats().history?.fetched ?? 0) > 0))
  for (const hub of hubs) {
    const { received, forwarded, pending, dropped } = hub.stats()
    t.equal(received, forwarded + pending + Object.values(dropped).reduce((sum, one) => sum + one, 0))
  }
}

t.test('a cut between a publisher and a hub that connects to it loses nothing', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const publisher = await createPublisher({ bind: another(here), runtime, history: {} })
  const proxy = await CuttingProxy.open(t, publisher.endpoint)
  const hub = await createHub({
    publishers: { connect: proxy.endpoint },
    subscribers: { bind: another(here) },
    runtime,
  })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  await cuts(t, publisher, subscriber, { proxy, isUp: false, hubs: [hub] })
})

t.test('nor between a publisher that connects and its hub', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await createHub({ publishers: { bind: another(here) }, subscribers: { bind: another(here) }, runtime })
  const proxy = await CuttingProxy.open(t, hub.publishers.endpoint)
  const publisher = await createPublisher({ connect: proxy.endpoint, runtime, history: {} })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  await cuts(t, publisher, subscriber, { proxy, isUp: true, hubs: [hub] })
})

t.test('nor between two hubs, or above both', async (t) => {
  for (const isUpper of [true, false]) {
    const here = place(t, 'tcp')
    const { runtime } = here
    const publisher = await createPublisher({ bind: another(here), runtime, history: {} })
    const above = isUpper ? await CuttingProxy.open(t, publisher.endpoint) : undefined
    const upper = await createHub({
      publishers: { connect: above?.endpoint ?? publisher.endpoint },
      subscribers: { bind: another(here) },
      runtime,
    })
    const proxy = above ?? (await CuttingProxy.open(t, upper.subscribers.endpoint))
    const lower = await createHub({
      publishers: { connect: isUpper ? upper.subscribers.endpoint : proxy.endpoint },
      subscribers: { bind: another(here) },
      runtime,
    })
    const subscriber = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
    await cuts(t, publisher, subscriber, { proxy, isUp: false, hubs: [upper, lower] })
  }
})

t.test('what is published while a hub is not there is fetched through the one that takes its place', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const open = (publishers: string, subscribers: string) =>
    createHub({ publishers: { bind: publishers }, subscribers: { bind: subscribers }, runtime })
  const first = await open(another(here), another(here))
  const publisher = await createPublisher({ connect: first.publishers.endpoint, runtime, history: {} })
  const subscriber = await createSubscriber({ connect: first.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  await topic.sendAll([1, 2, 3].map((id) => ({ id })))
  await seen.count(3)
  await first.close({ drain: false })
  await until(() => publisher.connected === 0 && subscriber.connected === 0)
  await topic.sendAll([4, 5, 6].map((id) => ({ id })))
  await open(first.publishers.endpoint, first.subscribers.endpoint)
  await seen.when(() => lastNumber(seen.values) === 6)
  t.equal(missing(seen.values, 6), 0)
})
