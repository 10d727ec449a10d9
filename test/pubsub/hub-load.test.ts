/**
 * Hubs with much to do: many peers, many prefixes, slow subscribers, cuts on both sides.
 */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { hubAt, hubBelow } from './hubs.js'
import { rawSubscriber } from './raw-peers.js'
import { Seen } from './seen.js'

t.test('20 publishers and 20 subscribers', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await hubAt(here)
  const count = 20
  const each = 500
  const publishers = await Promise.all(
    Array.from({ length: count }, () => createPublisher({ connect: hub.publishers.endpoint, runtime })),
  )
  const subscribers = await Promise.all(
    Array.from({ length: count }, () => createSubscriber({ connect: hub.subscribers.endpoint, runtime })),
  )
  const seen = subscribers.map((subscriber) => new Seen(subscriber.events('#', Job)))
  await Promise.all(subscribers.map((subscriber) => subscriber.whenReady({ publishers: count })))
  await Promise.all(publishers.map((publisher, i) => publisher.topic(`of.${i}`, Job).sendAll(jobs(each))))
  await Promise.all(seen.map((one) => one.count(count * each)))
  for (const { values } of seen) {
    const next = new Map<string, number>()
    for (const event of values) {
      if (event.kind !== 'message' || event.value.id !== (next.get(event.topic) ?? 0)) t.fail('out of order')
      else next.set(event.topic, event.value.id + 1)
    }
    t.equal(next.size, count)
  }
  const { received, forwarded, pending, dropped } = hub.stats()
  const all = count * each
  t.strictSame({ received, forwarded, pending, dropped }, { received: all, forwarded: all, pending: 0, dropped: {} })
})

t.test('50,000 prefixes go up, and down again when nobody wants them', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const subscriptionBytes = 16 * 1024 * 1024
  const prefixes = 50_000
  const hub = await hubAt(here, { subscribers: { subscriptionBytes } })
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, subscriptionBytes, runtime })
  const known = { prefixes: 0 }
  publisher.subscriptions.subscribe(({ kind }) => {
    known.prefixes += kind === 'subscribed' ? 1 : -1
  })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  let arrived = 0
  const subscriptions = Array.from({ length: prefixes }, (_, i) =>
    subscriber.topic(`t.${i}`, Job).subscribe(() => {
      arrived += 1
    }),
  )
  await subscriber.ready
  t.equal(known.prefixes, prefixes)
  t.equal(hub.stats().publishers.prefixes, prefixes)
  for (let i = 0; i < prefixes; i += 1000) publisher.topic(`t.${i}`, Job).next({ id: i })
  await until(() => arrived === prefixes / 1000)
  for (const subscription of subscriptions) subscription.unsubscribe()
  await until(() => known.prefixes === 0)
  t.strictSame(hub.stats().publishers, { prefixes: 0, rejectedFrames: {} })
  t.match(hub.stats().subscribers, { rejectedFrames: {}, subscriptionResets: 0 })
})

eachTransport(
  t,
  'a subscriber that takes nothing loses messages, which the hub keeps, and the others none',
  async (t, here) => {
    const { runtime, transport } = here
    const hub = await hubAt(here, { subscribers: { outboxBytes: 262_144, highWaterMark: 2 } })
    const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime })
    const slow = await createSubscriber({ connect: hub.subscribers.endpoint, runtime, highWaterMark: 1 })
    const quick = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
    const { promise: opened, resolve: open } = deferred()
    slow
      .topic('a', Job)
      .process(() => opened)
      .subscribe()
    const seen = new Seen(quick.events('a', Job))
    await Promise.all([slow.ready, quick.ready])
    const topic = publisher.topic('a', Job)
    const note = 'x'.repeat(60_000)
    const count = transport === 'tcp' ? 400 : 60
    for (let id = 0; id < count; id++) {
      await topic.send({ id, note })
      // a subscriber that keeps up with this pace loses nothing
      await seen.count(id + 1)
    }
    t.ok(seen.values.every(({ kind }) => kind === 'message'))
    const { received, forwarded, pending, dropped } = hub.stats()
    t.strictSame(
      { received, forwarded, pending, dropped },
      { received: count, forwarded: count, pending: 0, dropped: {} },
    )
    open()
    await slow.ready
    await topic.send({ id: count })
    await until(() => slow.stats().delivered + slow.stats().missed === count + 1)
    t.ok(slow.stats().missed + slow.stats().repaired > 0, 'it knows how many')
  },
)

t.test('with wait, a hub that is full makes its publisher wait', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await hubAt(here, {
    publishers: { highWaterMark: 1 },
    subscribers: { slowSubscribers: 'wait', outboxBytes: 65_536, highWaterMark: 1 },
  })
  const publisher = await createPublisher({
    connect: hub.publishers.endpoint,
    runtime,
    slowSubscribers: 'wait',
    outboxBytes: 65_536,
    highWaterMark: 1,
  })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime, highWaterMark: 1 })
  const iterator = subscriber.events('#', Job)[Symbol.asyncIterator]()
  let next = iterator.next()
  await subscriber.ready
  const count = 1500
  const note = 'x'.repeat(20_000)
  let isSent = false
  const sending = publisher.topic('a', Job).sendAll(jobs(count).map((job) => ({ ...job, note })))
  void sending.then(() => {
    isSent = true
  })
  await until(() => hub.stats().pendingBytes >= 65_536 && publisher.stats().pendingBytes >= 65_536)
  t.notOk(isSent, 'the buffers are full on the whole way')
  for (let id = 0; id < count; id++) {
    const { value } = await next
    if (value?.kind !== 'message' || value.value.id !== id) t.fail(`not ${id}`)
    if (id < count - 1) next = iterator.next()
  }
  t.match(await sending, { sent: count, dropped: 0 })
  t.match(hub.stats(), { received: count, forwarded: count, pending: 0, dropped: {} })
  await iterator.return?.()
})

eachTransport(
  t,
  'subscriptions are there again after a cut on either side',
  async (t, here) => {
    const { runtime } = here
    const upper = await hubAt(here)
    const [above, below] = [upper.publishers.endpoint, upper.subscribers.endpoint]
    const lower = await hubBelow(here, upper)
    const publisher = await createPublisher({ connect: above, runtime })
    const subscriber = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
    const seen = new Seen(subscriber.topic('a.*', Job))
    let sent = 0
    const works = async () => {
      await subscriber.ready
      const id = sent++
      publisher.topic('a.b', Job).next({ id })
      await seen.when(() => seen.values.at(-1)?.id === id)
    }
    await works()
    // the lower hub and the publisher lose the upper one, and have another
    await upper.close()
    const again = await hubAt(here, { publishers: { bind: above }, subscribers: { bind: below } })
    await works()
    // the subscriber leaves and another one comes
    const other = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
    const seenByOther = new Seen(other.topic('a.*', Job))
    await other.ready
    await subscriber.close()
    publisher.topic('a.b', Job).next({ id: sent })
    await seenByOther.count(1)
    t.equal(seenByOther.values[0]?.id, sent)
    t.equal(again.stats().publishers.prefixes, 1)
  },
  ['ipc', 'tcp'],
)

t.test('too many subscriptions: those below connect again, and are served', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await hubAt(here, { subscribers: { subscriptionBytes: 4096 } })
  const codes: string[] = []
  hub.errors.subscribe(({ code }) => codes.push(code))
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  const flood = rawSubscriber(t, hub.subscribers.endpoint)
  for (let i = 0; i < 300; i++) await flood.subscribe(`flood.${i}.`)
  await until(() => hub.stats().subscribers.subscriptionResets > 0)
  flood.socket.close()
  await subscriber.ready
  publisher.topic('a', Job).next({ id: 1 })
  await seen.count(1)
  t.strictSame([...new Set(codes)], ['RIVULET_TOO_MANY_SUBSCRIPTIONS'])
})
