/** Hubs with a policy: who may publish into them and who may subscribe through them; and hubs below those who have one. */
import t from 'tap'
import * as zmq from 'zeromq'
import {
  createHub,
  createPublisher,
  createSubscriber,
  type HubOptions,
  type Publisher,
  type SinceEvent,
} from '../../patterns/pubsub/index.js'
import { generateKeyPair } from '../../src/index.js'
import { codesOf, first } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { another } from './hubs.js'
import { everybody, ids, keys, server, subscriberOf, policy as subscribing, texts } from './policed.js'
import { curveOf, policy, publisherOf, subscriberAt } from './policed-subscriber.js'
import { Seen } from './seen.js'

const below = generateKeyPair()

for (const history of [{}, false] as const) {
  const what = history ? 'keeps' : 'does not keep'
  eachTransport(t, `a hub takes and ${what} what each publisher may publish`, async (t, here) => {
    const { runtime } = here
    const hub = await createHub({
      publishers: { bind: here.bind, security: { keyPair: server, allow: everybody, policy } },
      subscribers: { bind: another(here), security: { keyPair: below, allow: { alice: keys.alice.publicKey } } },
      history,
      runtime,
    })
    const above = { endpoint: hub.publishers.endpoint }
    const open = async () =>
      createSubscriber({
        connect: hub.subscribers.endpoint,
        security: { keyPair: keys.alice, serverKey: below.publicKey },
        runtime,
      })
    const subscriber = await open()
    const live = new Seen(subscriber.topic('#', Job))
    const alice = await publisherOf(here, above, 'alice')
    const bob = await publisherOf(here, above, 'bob', { history: {} })
    await subscriber.whenReady({ publishers: 2 })
    await subscriber.ready
    await alice.topic('ticks.a.deep', Job).send({ id: 1 })
    await live.count(1)
    const denied = first(hub.securityEvents, ({ kind }) => kind === 'denied')
    const told = first(bob.errors)
    await bob.topic('ticks.b.deep', Job).sendAll(jobs(10))
    t.match(await denied, { reason: 'publish', target: 'ticks.b.deep', identity: { name: 'bob' } })
    t.match(await told, { code: 'RIVULET_PERMISSION_DENIED', message: /'ticks.b.deep' is not taken/ })
    await bob.topic('news', Job).send({ id: 2 })
    await live.count(2)
    t.strictSame(ids(live), [1, 2])
    t.ok((hub.stats().publishers.rejectedFrames.denied ?? 0) >= 1)
    t.match(subscriber.stats(), { gaps: 0, missed: 0 })
    if (!history) return
    const late = await open()
    const all = new Seen<SinceEvent<Job>>(late.events('#', Job, { since: 'all' }))
    await all.when(() => all.values.filter(({ kind }) => kind === 'live').length === 2)
    t.strictSame(
      texts(all.values)
        .filter((text) => text !== 'live')
        .sort(),
      ['news1', 'ticks.a.deep1'],
    )
  })
}

/** A hub with a policy for its subscribers: alice has all ticks, bob those of one word. */
async function policedBelow({ runtime, bind }: Place, options: Partial<HubOptions> = {}) {
  const security = { keyPair: server, allow: everybody, policy: subscribing }
  return createHub({
    publishers: { bind: `inproc://above-${++count}` },
    subscribers: { bind, security },
    runtime,
    ...options,
  })
}

let count = 0

for (const history of [{}, false] as const) {
  const what = history ? 'with' : 'without'
  eachTransport(t, `a hub ${what} history serves each subscriber what it may have`, async (t, here) => {
    const { runtime } = here
    const hub = await policedBelow(here, { history })
    const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime, history: {} })
    const at = { endpoint: hub.subscribers.endpoint } as Publisher
    const [alice, bob] = [await subscriberOf(here, at, 'alice'), await subscriberOf(here, at, 'bob')]
    const all = new Seen(alice.topic('ticks.#', Job))
    const one = new Seen(bob.topic('ticks.*', Job))
    await Promise.all([alice, bob].map((subscriber) => subscriber.whenReady({ publishers: 1 })))
    await Promise.all([alice.ready, bob.ready])
    t.match(hub.stats().subscribers.links, { open: 2, denied: 0 })
    await publisher.topic('ticks.a.deep', Job).send({ id: 1 })
    await publisher.topic('ticks.a', Job).send({ id: 2 })
    await publisher.topic('secret', Job).send({ id: 3 })
    await Promise.all([all.count(2), one.count(1)])
    t.strictSame([ids(all), ids(one)], [[1, 2], [2]])
    const denied = first(hub.securityEvents, ({ kind }) => kind === 'denied')
    const errors = codesOf(bob)
    const deep = new Seen(bob.topic('ticks.#', Job))
    await t.rejects(bob.whenReady(), { code: 'RIVULET_PERMISSION_DENIED', message: /'ticks.#' is not served/ })
    t.match(await denied, { reason: 'subscribe', target: 'ticks.#', identity: { name: 'bob' } })
    deep.unsubscribe()
    t.strictSame(errors, ['RIVULET_PERMISSION_DENIED'])
    t.match([hub.stats().subscribers.links.denied, hub.stats().forwarded], [1, 2])
    if (!history) return
    const since = new Seen<SinceEvent<Job>>(bob.events('ticks.*', Job, { since: 'all' }))
    await since.when(() => since.values.some(({ kind }) => kind === 'live'))
    await publisher.topic('ticks.b', Job).send({ id: 4 })
    await since.when(() => texts(since.values).includes('ticks.b1'))
    t.strictSame(texts(since.values), ['ticks.a1', 'live', 'ticks.b1'])
    t.match(bob.stats(), { gaps: 0, missed: 0 })
  })
}

eachTransport(
  t,
  'through a hub that keeps nothing, nobody is shown the history of a publisher with a policy',
  async (t, here) => {
    const { runtime, bind } = here
    const rules = [{ identity: '*', action: 'subscribe', target: '#' }] as const
    const security = { keyPair: server, allow: everybody, policy: rules }
    const publisher = await createPublisher({ bind, runtime, security, history: {} })
    await publisher.topic('ticks.a', Job).send({ id: 1 })
    const hub = await createHub({
      publishers: { connect: publisher.endpoint, security: { keyPair: keys.alice, serverKey: server.publicKey } },
      subscribers: { bind: another(here), security: { keyPair: server, allow: everybody } },
      history: false,
      runtime,
    })
    const at = { endpoint: hub.subscribers.endpoint } as Publisher
    const bob = await subscriberOf(here, at, 'bob', { repairTimeoutMs: 300 })
    const all = new Seen<SinceEvent<Job>>(bob.events('ticks.a', Job, { since: 'all' }))
    await all.when(() => all.values.some(({ kind }) => kind === 'live'))
    await publisher.topic('ticks.a', Job).send({ id: 2 })
    await all.when(() => texts(all.values).includes('ticks.a2'))
    const messages = texts(all.values).filter((text) => text !== 'live')
    t.strictSame(messages, ['gap ticks.a1-1 unavailable', 'ticks.a2'])
  },
)

eachTransport(t, 'a subscriber that may have nothing learns of no publisher of a hub', async (t, here) => {
  const { runtime } = here
  const hub = await policedBelow(here)
  await createPublisher({ connect: hub.publishers.endpoint, runtime, history: {} })
  const bob = await subscriberOf(here, { endpoint: hub.subscribers.endpoint } as Publisher, 'bob')
  bob.errors.subscribe()
  const publishers = new Seen(bob.publishers)
  const nothing = new Seen(bob.topic('secret', Job))
  await t.rejects(bob.whenReady({ publishers: 1 }), { code: 'RIVULET_PERMISSION_DENIED' })
  nothing.unsubscribe()
  await bob.ready
  t.strictSame(publishers.values, [])
  const some = new Seen(bob.topic('ticks.*', Job))
  await bob.whenReady({ publishers: 1 })
  t.match(publishers.values, [{ kind: 'joined' }])
  some.unsubscribe()
})

eachTransport(
  t,
  'a plain SUB of a hub with a policy gets nothing, and is reported',
  async (t, here) => {
    const hub = await policedBelow(here)
    const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime: here.runtime })
    const denied = first(hub.securityEvents, ({ kind }) => kind === 'denied')
    const plain = new zmq.Subscriber({ linger: 0, receiveTimeout: 0, ...curveOf('bob') })
    t.teardown(() => plain.close())
    plain.connect(hub.subscribers.endpoint)
    plain.subscribe('ticks.')
    const alice = await subscriberOf(here, { endpoint: hub.subscribers.endpoint } as Publisher, 'alice')
    const seen = new Seen(alice.topic('ticks.#', Job))
    await alice.whenReady({ publishers: 1 })
    await publisher.topic('ticks.a', Job).sendAll(jobs(100))
    await seen.count(100)
    t.match(await denied, { reason: 'subscribe', target: 'ticks', identity: undefined })
    await publisher.topic('ticks.a', Job).send({ id: 100 })
    await seen.count(101)
    await t.rejects(plain.receive(), { code: 'EAGAIN' })
  },
  ['ipc', 'tcp'],
)

eachTransport(t, 'a hub publishes under its identity to a subscriber and to a hub with a policy', async (t, here) => {
  const { runtime } = here
  const taking = await subscriberAt(here)
  const upper = await createHub({
    publishers: { bind: another(here), security: { keyPair: server, allow: everybody, policy } },
    subscribers: { bind: `inproc://below-${++count}` },
    runtime,
  })
  const last = await createSubscriber({ connect: upper.subscribers.endpoint, runtime })
  const hub = await createHub({
    publishers: { bind: `inproc://above-${++count}` },
    subscribers: {
      connect: [taking.endpoint, upper.publishers.endpoint],
      security: { keyPair: keys.bob, serverKey: server.publicKey },
    },
    runtime,
  })
  const told = first(hub.errors)
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime, history: {} })
  const live = [taking, last].map((one) => new Seen(one.topic('#', Job)))
  await Promise.all([taking, last].map((one) => one.whenReady({ publishers: 1 })))
  await Promise.all([taking.ready, last.ready])
  t.equal(hub.stats().subscribers.links.open, 2)
  const denied = [taking, upper].map((one) => first(one.securityEvents, ({ kind }) => kind === 'denied'))
  await publisher.topic('ticks.a', Job).send({ id: 1 })
  await publisher.topic('ticks.a.deep', Job).send({ id: 2 })
  for (const event of await Promise.all(denied)) {
    t.match(event, { reason: 'publish', target: 'ticks.a.deep', identity: { name: 'bob' } })
  }
  t.match(await told, { code: 'RIVULET_PERMISSION_DENIED', message: /'ticks.a.deep' is not taken/ })
  await publisher.topic('news', Job).send({ id: 3 })
  await Promise.all(live.map((seen) => seen.count(2)))
  for (const seen of live) t.strictSame(ids(seen), [1, 3])
  // what the hub keeps is served over its links, as far as it may be published
  const all = [taking, last].map((one) => new Seen<SinceEvent<Job>>(one.events('#', Job, { since: 'all' })))
  await Promise.all(all.map((seen) => seen.when(() => seen.values.some(({ kind }) => kind === 'live'))))
  for (const seen of all) {
    const messages = texts(seen.values).filter((text) => text !== 'live')
    t.strictSame(messages.sort(), ['news1', 'ticks.a1'])
  }
})

eachTransport(t, 'what only passes a hub on its way up is answered by nobody over links', async (t, here) => {
  const { runtime, bind } = here
  const rules = [{ identity: '*', action: 'subscribe', target: '#' }] as const
  const security = { keyPair: server, allow: everybody, policy: rules }
  const publisher = await createPublisher({ bind, runtime, security })
  // each hub asks the one above it, or the publisher, over a link
  const hubAbove = (endpoint: string, name: keyof typeof keys) =>
    createHub({
      publishers: { connect: endpoint, security: { keyPair: keys[name], serverKey: server.publicKey } },
      subscribers: { bind: another(here), security },
      runtime,
    })
  const first = await hubAbove(publisher.endpoint, 'alice')
  const second = await hubAbove(first.subscribers.endpoint, 'bob')
  const third = await hubAbove(second.subscribers.endpoint, 'alice')
  const subscriber = await subscriberOf(here, { endpoint: third.subscribers.endpoint } as Publisher, 'bob')
  const seen = new Seen(subscriber.topic('ticks.a', Job))
  await subscriber.whenReady({ publishers: 1 })
  await subscriber.ready
  await publisher.topic('ticks.a', Job).send({ id: 1 })
  await seen.count(1)
  const hubs = [first, second, third]
  t.strictSame(
    hubs.map((hub) => hub.stats().publishers.rejectedFrames),
    [{}, {}, {}],
  )
})

t.test('a hub with a policy on a side only binds there', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const security = { keyPair: server, allow: everybody, policy }
  const connect = { address: 'tcp://127.0.0.1:1', serverKey: server.publicKey }
  const aside = { bind: `inproc://aside-${++count}` }
  for (const sides of [
    { publishers: { bind, connect, security }, subscribers: aside },
    { publishers: aside, subscribers: { bind, connect, security } },
  ]) {
    await t.rejects(createHub({ ...sides, runtime }), {
      code: 'RIVULET_INVALID_OPTION',
      message: /security.policy must be left out where the resource connects, too/,
    })
  }
})
