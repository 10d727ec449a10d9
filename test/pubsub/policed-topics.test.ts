/** Topics under a policy: served over links, by identity, with the same interface; a plain subscription gets nothing. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import * as zmq from 'zeromq'
import { createHub, createPublisher, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import { type AllowList, generateKeyPair, type Policy } from '../../src/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { codesOf, first, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { another } from './hubs.js'
import { everybody, ids, keys, policy, publisherAt, server, subscriberOf, texts } from './policed.js'
import { Seen } from './seen.js'

eachTransport(t, 'each subscriber receives permitted topics, and an error for denied ones', async (t, here) => {
  const publisher = await publisherAt(here)
  const alice = await subscriberOf(here, publisher, 'alice')
  const bob = await subscriberOf(here, publisher, 'bob')
  const all = new Seen(alice.topic('ticks.#', Job))
  const one = new Seen(bob.topic('ticks.*', Job))
  await Promise.all([alice.ready, bob.ready])
  t.match(publisher.stats().links, { open: 2, denied: 0 })
  t.ok(publisher.topic('ticks.a', Job).subscribed)
  t.notOk(publisher.topic('other', Job).subscribed)
  await publisher.topic('ticks.a.deep', Job).send({ id: 1 })
  await publisher.topic('ticks.a', Job).send({ id: 2 })
  await Promise.all([all.count(2), one.count(1)])
  t.strictSame([ids(all), ids(one)], [[1, 2], [2]])

  const denied = first(publisher.securityEvents, ({ kind, identity }) => kind === 'denied' && identity?.name === 'bob')
  const errors = codesOf(bob)
  const deep = new Seen(bob.topic('ticks.#', Job))
  await t.rejects(bob.whenReady(), { code: 'RIVULET_PERMISSION_DENIED', message: /'ticks.#' is not served/ })
  t.match(await denied, { reason: 'subscribe', target: 'ticks.#', identity: { publicKey: keys.bob.publicKey } })
  t.strictSame(errors, ['RIVULET_PERMISSION_DENIED'])
  t.equal(publisher.stats().links.denied, 1)
  deep.unsubscribe()
  const other = new Seen(bob.topic('news.world', Job))
  await t.rejects(bob.whenReady(), { code: 'RIVULET_PERMISSION_DENIED', message: /'news.world' is not served/ })
  other.unsubscribe()

  // what was denied does no harm to the rest
  const news = new Seen(bob.topic('news', Job))
  await bob.ready
  await publisher.topic('ticks.a.deep', Job).send({ id: 3 })
  await publisher.topic('news.world', Job).send({ id: 4 })
  await publisher.topic('ticks.b', Job).send({ id: 5 })
  await publisher.topic('news', Job).send({ id: 6 })
  await Promise.all([all.count(4), one.count(2), news.count(1)])
  t.strictSame([ids(all), ids(one), ids(news), ids(deep), ids(other)], [[1, 2, 3, 5], [2, 5], [6], [], []])
  one.unsubscribe()
  await until(() => publisher.stats().links.open === 2)
  t.match(bob.stats(), { gaps: 0, missed: 0, delivered: 3, pending: 0 })
})

eachTransport(
  t,
  'a plain SUB with an admitted key gets nothing, and is reported',
  async (t, here) => {
    const publisher = await publisherAt(here)
    const denied = first(publisher.securityEvents, ({ kind }) => kind === 'denied')
    const plain = new zmq.Subscriber({
      linger: 0,
      receiveTimeout: 0,
      curveServerKey: server.publicKey,
      curvePublicKey: keys.alice.publicKey,
      curveSecretKey: keys.alice.secretKey,
    })
    t.teardown(() => plain.close())
    plain.connect(publisher.endpoint)
    plain.subscribe('ticks.')
    const alice = await subscriberOf(here, publisher, 'alice')
    const seen = new Seen(alice.topic('ticks.#', Job))
    await alice.ready
    await publisher.whenConnected()
    for (const { id } of jobs(100)) await publisher.topic('ticks.a', Job).send({ id })
    await seen.count(100)
    const event: SecurityEvent = await denied
    t.match(event, { reason: 'subscribe', target: 'ticks', count: 1 })
    t.equal(event.identity, undefined)
    t.equal(publisher.stats().links.denied, 1)
    await publisher.topic('ticks.a', Job).send({ id: 100 })
    await seen.count(101)
    await t.rejects(plain.receive(), { code: 'EAGAIN' })
  },
  ['ipc', 'tcp'],
)

eachTransport(t, 'a function decides for each topic under a wildcard, live and in history', async (t, here) => {
  const asked = new Set<string>()
  const publisher = await publisherAt(here, {
    policy: ({ action, target }) => {
      asked.add(`${action} ${target}`)
      return target !== 'secret' && !target.startsWith('secret.')
    },
    history: {},
  })
  for (const topic of ['open', 'secret', 'secret.a']) await publisher.topic(topic, Job).send({ id: 1 })
  await publisher.topic('secret.kept', Job).retain({ id: 1 })
  const alice = await subscriberOf(here, publisher, 'alice')
  const all = new Seen<SinceEvent<Job>>(alice.events('#', Job, { since: 'all' }))
  const kept = new Seen<SinceEvent<Job>>(alice.events('#', Job, { since: 'retained' }))
  await alice.ready
  await Promise.all([all, kept].map((seen) => seen.when(() => seen.values.some(({ kind }) => kind === 'live'))))
  for (const topic of ['secret', 'secret.b', 'open']) await publisher.topic(topic, Job).send({ id: 2 })
  await Promise.all([all.when(() => texts(all.values).includes('open2')), kept.count(2)])
  t.strictSame(texts(all.values).sort(), ['live', 'open1', 'open2'])
  t.strictSame(texts(kept.values), ['live', 'open2'])
  t.ok(asked.has('subscribe #') && asked.has('subscribe secret.b'))
  t.match(alice.stats(), { gaps: 0, missed: 0, expired: 0 })
})

eachTransport(t, 'history, last values and retained ones, then what is live', async (t, here) => {
  const publisher = await publisherAt(here, { history: {} })
  await publisher.topic('ticks.a', Job).sendAll(jobs(500))
  await publisher.topic('ticks.b', Job).retain({ id: 1 })
  await publisher.topic('other', Job).send({ id: 1 })
  const alice = await subscriberOf(here, publisher, 'alice')
  const all = new Seen<SinceEvent<Job>>(alice.events('ticks.#', Job, { since: 'all' }))
  const last = new Seen<SinceEvent<Job>>(alice.events('ticks.a', Job, { since: { last: 2 } }))
  const kept = new Seen<SinceEvent<Job>>(alice.events('ticks.*', Job, { since: 'retained' }))
  await alice.ready
  await last.when(() => last.values.at(-1)?.kind === 'live')
  await publisher.topic('ticks.a', Job).sendAll(jobs(100))
  await Promise.all([all.count(602), last.count(103), kept.count(102)])
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `ticks.a${from + at}`)
  const withoutSeam = (seen: Seen<SinceEvent<Job>>) => texts(seen.values).filter((text) => text !== 'live')
  t.strictSame(
    withoutSeam(all).filter((text) => text !== 'ticks.b1'),
    numbers(1, 600),
  )
  t.strictSame(withoutSeam(last), numbers(499, 600))
  t.strictSame(withoutSeam(kept), ['ticks.b1', ...numbers(501, 600)])
  t.match(alice.stats(), { gaps: 0, missed: 0, pending: 0 })
})

eachTransport(t, 'without the option history, retained values are served', async (t, here) => {
  const publisher = await publisherAt(here)
  const before = await subscriberOf(here, publisher, 'alice')
  await before.ready
  await publisher.topic('ticks.a', Job).retain({ id: 7 })
  const alice = await subscriberOf(here, publisher, 'alice')
  const seen = new Seen<SinceEvent<Job>>(alice.events('ticks.#', Job, { since: 'retained' }))
  await seen.count(2)
  t.strictSame(texts(seen.values), ['ticks.a1', 'live'])
})

eachTransport(t, 'a revoked key loses its streams, and the others keep theirs', async (t, here) => {
  const allow = new BehaviorSubject<AllowList>(everybody)
  const publisher = await publisherAt(here, { security: { keyPair: server, allow, policy }, history: {} })
  const alice = await subscriberOf(here, publisher, 'alice')
  const bob = await subscriberOf(here, publisher, 'bob')
  // how its connections end, and in which order, is not fixed
  bob.errors.subscribe()
  const kept = new Seen(alice.topic('ticks.a', Job))
  const lost = new Seen(bob.topic('ticks.a', Job))
  await Promise.all([alice.ready, bob.ready])
  await publisher.topic('ticks.a', Job).send({ id: 1 })
  await Promise.all([kept.count(1), lost.count(1)])
  const revoked = first(publisher.securityEvents, ({ kind }) => kind === 'revoked')
  allow.next({ alice: keys.alice.publicKey })
  t.match(await revoked, { identity: { name: 'bob' } })
  await until(() => publisher.stats().links.open === 1)
  for (const { id } of jobs(50, 2)) await publisher.topic('ticks.a', Job).send({ id })
  await kept.count(51)
  t.strictSame(ids(lost), [1])
  t.strictSame(
    ids(kept),
    Array.from({ length: 51 }, (_, at) => at + 1),
  )
})

eachTransport(t, 'a link that ends is made again, and what was missed meanwhile is fetched', async (t, here) => {
  const names = new BehaviorSubject<AllowList>(everybody)
  const rules: Policy = [{ identity: '*', action: 'subscribe', target: 'ticks.#' }]
  const security = { keyPair: server, allow: names, policy: rules }
  const publisher = await publisherAt(here, { security, history: {} })
  const bob = await subscriberOf(here, publisher, 'bob')
  bob.errors.subscribe()
  const seen = new Seen(bob.topic('ticks.a', Job))
  await bob.ready
  await publisher.topic('ticks.a', Job).send({ id: 1 })
  await seen.count(1)
  // under another name, its links end at once and it comes back
  names.next({ alice: keys.alice.publicKey, robert: keys.bob.publicKey })
  await until(() => publisher.stats().links.open === 0)
  await publisher.topic('ticks.a', Job).sendAll(jobs(20, 2))
  await seen.count(21)
  await bob.ready
  await publisher.topic('ticks.a', Job).send({ id: 22 })
  await seen.count(22)
  t.strictSame(
    ids(seen),
    Array.from({ length: 22 }, (_, at) => at + 1),
  )
  t.match(bob.stats(), { gaps: 0, missed: 0 })
})

eachTransport(t, 'a hub has an identity of its own, and so have those below it', async (t, here) => {
  const { runtime } = here
  const below = generateKeyPair()
  const publisher = await publisherAt(here, {
    policy: [{ identity: 'bob', action: 'subscribe', target: 'ticks.#' }],
    history: {},
  })
  await publisher.topic('ticks.a', Job).sendAll(jobs(10))
  const hub = await createHub({
    publishers: { connect: publisher.endpoint, security: { keyPair: keys.bob, serverKey: server.publicKey } },
    subscribers: { bind: another(here), security: { keyPair: below, allow: { alice: keys.alice.publicKey } } },
    runtime,
  })
  const errors = codesOf(hub)
  const subscriber = await createSubscriber({
    connect: hub.subscribers.endpoint,
    security: { keyPair: keys.alice, serverKey: below.publicKey },
    runtime,
  })
  const live = new Seen(subscriber.topic('ticks.*', Job))
  await subscriber.ready
  const all = new Seen<SinceEvent<Job>>(subscriber.events('ticks.#', Job, { since: 'all' }))
  await all.when(() => all.values.at(-1)?.kind === 'live')
  await publisher.topic('ticks.a', Job).sendAll(jobs(10, 10))
  await publisher.topic('ticks.b', Job).send({ id: 20 })
  await Promise.all([live.count(11), all.count(22)])
  t.strictSame(
    ids(live),
    Array.from({ length: 11 }, (_, at) => at + 10),
  )
  t.match(subscriber.stats(), { gaps: 0, missed: 0 })
  t.strictSame(errors, [])
  // the hub asks for what is below the literal words, which is denied to it
  const denied = first(hub.errors, ({ code }) => code === 'RIVULET_PERMISSION_DENIED')
  const other = new Seen(subscriber.topic('news', Job))
  t.match(await denied, { message: /'news.#' is not served/ })
  await publisher.topic('news', Job).send({ id: 1 })
  await publisher.topic('ticks.b', Job).send({ id: 21 })
  await live.count(12)
  t.strictSame(ids(other), [])
})

t.test('options that contradict a policy are refused with what to do', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const security = { keyPair: server, allow: everybody, policy }
  await t.rejects(
    createPublisher({
      bind,
      connect: { address: bind.replace('*', '1'), serverKey: server.publicKey },
      runtime,
      security,
    }),
    { code: 'RIVULET_INVALID_OPTION', message: /security.policy must be left out where the resource connects, too/ },
  )
  await t.rejects(createPublisher({ connect: 'tcp://127.0.0.1:1', runtime, security: { ...security, allow: 'any' } }), {
    code: 'RIVULET_INVALID_OPTION',
  })
})
