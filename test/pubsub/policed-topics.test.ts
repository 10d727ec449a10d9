/** Topics under a policy: served over links, by identity, with the same interface; a plain subscription gets nothing. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import * as zmq from 'zeromq'
import {
  createPublisher,
  createSubscriber,
  type Publisher,
  type PublisherOptions,
  type SinceEvent,
} from '../../patterns/pubsub/index.js'
import { type AllowList, generateKeyPair, type Policy, type SecurityOptions } from '../../src/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { codesOf, first, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { Seen } from './seen.js'

const server = generateKeyPair()
const keys = { alice: generateKeyPair(), bob: generateKeyPair() }
const everybody: AllowList = { alice: keys.alice.publicKey, bob: keys.bob.publicKey }

const policy: Policy = [
  { identity: 'alice', action: 'subscribe', target: 'ticks.#' },
  { identity: 'bob', action: 'subscribe', target: 'ticks.*' },
  { identity: 'bob', action: 'subscribe', target: 'news' },
]

function publisherAt({ runtime, bind }: Place, options: Partial<PublisherOptions> & { policy?: Policy } = {}) {
  const { policy: rules = policy, ...others } = options
  const security = { keyPair: server, allow: everybody, policy: rules }
  return createPublisher({ bind, runtime, security, ...others })
}

function subscriberOf({ runtime }: Place, publisher: Publisher, name: keyof typeof keys, options = {}) {
  const security: SecurityOptions = { keyPair: keys[name], serverKey: server.publicKey }
  return createSubscriber({ connect: publisher.endpoint, runtime, security, ...options })
}

const ids = (seen: Seen<Job>) => seen.values.map(({ id }) => id)

/** As texts: `a1`, `gap a2-3 lost`, `live`. */
const texts = (events: readonly SinceEvent<Job>[]) =>
  events.map((event) => {
    if (event.kind === 'live') return 'live'
    if (event.kind === 'gap') return `gap ${event.topic}${event.from}-${event.to} ${event.reason}`
    return `${event.topic}${event.sequence}`
  })

eachTransport(t, 'each subscriber gets what it may have, and is told what it may not', async (t, here) => {
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
  const codes = codesOf(bob)
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
  t.ok(codes.every((code) => code === 'RIVULET_UNAUTHENTICATED'))
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

const large = 'x'.repeat(50_000)

eachTransport(t, 'a subscriber that reads nothing loses frames alone, which history brings back', async (t, here) => {
  const publisher = await publisherAt(here, { highWaterMark: 4, outboxBytes: 4_194_304, history: {} })
  const slow = await subscriberOf(here, publisher, 'alice')
  const quick = await subscriberOf(here, publisher, 'bob')
  const iterator = slow.topic('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  const seen = new Seen(quick.topic('ticks.a', Job))
  await Promise.all([slow.ready, quick.ready])
  const topic = publisher.topic('ticks.a', Job)
  await topic.send({ id: 0, note: large })
  t.equal((await firstOne).value?.id, 0)
  const count = 400
  for (const { id } of jobs(count - 1, 1)) {
    await topic.send({ id, note: large })
    await seen.count(id + 1)
  }
  await until(() => publisher.stats().pending === 0)
  const { dropped, open } = publisher.stats().links
  t.ok(open === 2 && dropped > 100, `${dropped} messages were dropped`)
  t.strictSame(
    ids(seen),
    Array.from({ length: count }, (_, at) => at),
  )
  const read: (number | undefined)[] = [0]
  while (read.length < count) read.push((await iterator.next()).value?.id)
  t.strictSame(read, ids(seen))
  t.ok(slow.stats().repaired >= dropped)
  await iterator.return?.()
})

eachTransport(t, 'without history, what a slow subscriber loses is a gap', async (t, here) => {
  const publisher = await publisherAt(here, { highWaterMark: 1 })
  const slow = await subscriberOf(here, publisher, 'alice')
  const iterator = slow.events('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  await slow.ready
  const topic = publisher.topic('ticks.a', Job)
  await topic.send({ id: 0 })
  await firstOne
  for (const { id } of jobs(200, 1)) await topic.send({ id, note: large })
  await until(() => publisher.stats().pending === 0)
  const { dropped } = publisher.stats().links
  t.ok(dropped > 0)
  let messages = 1
  let missed = 0
  const last = topic.send({ id: 201 })
  while (messages + missed < 202) {
    const event = (await iterator.next()).value
    if (event?.kind === 'gap') missed += event.to - event.from + 1
    else messages += 1
  }
  await last
  t.ok(missed >= dropped)
  t.match(slow.stats(), { missed, delivered: messages })
  await iterator.return?.()
})

eachTransport(t, 'with slowSubscribers wait, nothing is lost and all wait', async (t, here) => {
  const options = { highWaterMark: 1, slowSubscribers: 'wait', overflow: 'error', outboxBytes: 200_000 } as const
  const publisher = await publisherAt(here, options)
  const slow = await subscriberOf(here, publisher, 'alice')
  const iterator = slow.topic('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  await slow.ready
  const topic = publisher.topic('ticks.a', Job)
  let sent = 0
  let isFull = false
  await topic.send({ id: sent++ })
  await firstOne
  while (!isFull) {
    await topic.send({ id: sent, note: large }).then(
      () => {
        sent += 1
      },
      ({ code }) => {
        t.equal(code, 'RIVULET_OUTBOX_FULL')
        isFull = true
      },
    )
  }
  t.ok(publisher.stats().pending > 0)
  const read = [0]
  while (read.length < sent) read.push((await iterator.next()).value?.id as number)
  t.strictSame(
    read,
    Array.from({ length: sent }, (_, at) => at),
  )
  t.match(publisher.stats().links, { dropped: 0 })
  await iterator.return?.()
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
