/** Publishing under a policy: a subscriber that binds takes topics over links, of those who may publish them. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import * as zmq from 'zeromq'
import { createPublisher, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import { systemClock } from '../../src/clock/index.js'
import { type AllowList, closeAll, generateKeyPair, type Policy } from '../../src/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import {
  frameKind,
  Origin,
  readRecordFrame,
  TopicAnswer,
  TopicRequest,
  writeRecordFrame,
} from '../../src/wire/index.js'
import { codesOf, first, until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { forgingPublisher } from './forging-publisher.js'
import { another } from './hubs.js'
import { everybody, ids, keys, server, texts } from './policed.js'
import { curveOf, policy, publisherOf, subscriberAt } from './policed-subscriber.js'
import { FrameSource } from './raw-peers.js'
import { Seen } from './seen.js'

eachTransport(t, 'each publisher may publish what the policy says, and learns what it may not', async (t, here) => {
  const subscriber = await subscriberAt(here)
  const errors = codesOf(subscriber)
  const all = new Seen(subscriber.topic('#', Job))
  const alice = await publisherOf(here, subscriber, 'alice')
  const bob = await publisherOf(here, subscriber, 'bob')
  await subscriber.whenReady({ publishers: 2 })
  await subscriber.ready
  t.ok(alice.topic('ticks.a', Job).subscribed)
  t.match([alice.stats().links.open, bob.stats().links.open], [1, 1])
  await alice.topic('ticks.a.deep', Job).send({ id: 1 })
  await all.count(1)
  await bob.topic('ticks.a', Job).send({ id: 2 })
  await all.count(2)
  const denied = first(subscriber.securityEvents, ({ kind }) => kind === 'denied')
  const told = first(bob.errors)
  await bob.topic('ticks.a.deep', Job).send({ id: 3 })
  t.match(await denied, { reason: 'publish', target: 'ticks.a.deep', identity: { name: 'bob' } })
  t.match(await told, { code: 'RIVULET_PERMISSION_DENIED', message: /'ticks.a.deep' is not taken/ })
  await bob.topic('ticks.a.deep', Job).sendAll(jobs(10))
  await bob.topic('news', Job).send({ id: 4 })
  await all.count(3)
  t.strictSame(ids(all), [1, 2, 4])
  t.match(subscriber.stats(), { received: 3, gaps: 0, missed: 0 })
  t.ok((subscriber.stats().rejectedFrames.denied ?? 0) >= 1)
  t.strictSame(errors, [])
})

eachTransport(t, 'history and repair come over the same links', async (t, here) => {
  const allow = new BehaviorSubject<AllowList>(everybody)
  const subscriber = await subscriberAt(here, { security: { keyPair: server, allow, policy } })
  subscriber.errors.subscribe()
  const bob = await publisherOf(here, subscriber, 'bob', { history: {} })
  bob.errors.subscribe()
  for (const topic of ['ticks.a', 'ticks.a.deep', 'ticks.b']) await bob.topic(topic, Job).sendAll(jobs(10))
  await bob.topic('news', Job).retain({ id: 1 })
  const seen = new Seen<SinceEvent<Job>>(subscriber.events('#', Job, { since: 'all' }))
  const last = new Seen<SinceEvent<Job>>(subscriber.events('ticks.b', Job, { since: { last: 2 } }))
  const retained = new Seen<SinceEvent<Job>>(subscriber.events('news', Job, { since: 'retained' }))
  await Promise.all([seen, last, retained].map((one) => one.when(() => one.values.some(({ kind }) => kind === 'live'))))
  const numbers = (prefix: string, from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, at) => `${prefix}${from + at}`)
  const of = (one: Seen<SinceEvent<Job>>, prefix: string) => texts(one.values).filter((text) => text.startsWith(prefix))
  t.strictSame([of(seen, 'ticks.a'), of(seen, 'ticks.b')], [numbers('ticks.a', 1, 10), numbers('ticks.b', 1, 10)])
  t.strictSame(
    [of(seen, 'news'), of(retained, 'news'), of(last, 'ticks')],
    [['news1'], ['news1'], ['ticks.b9', 'ticks.b10']],
  )
  // under another name, its links end at once, and under its own it comes back
  const revoked = first(subscriber.securityEvents, ({ kind }) => kind === 'revoked')
  allow.next({ alice: keys.alice.publicKey, robert: keys.bob.publicKey })
  await revoked
  await until(() => bob.stats().links.open === 0)
  await bob.topic('ticks.b', Job).sendAll(jobs(20, 10))
  allow.next(everybody)
  await seen.when(() => texts(seen.values).includes('ticks.b30'))
  t.strictSame(of(seen, 'ticks.b'), numbers('ticks.b', 1, 30))
  t.match(subscriber.stats(), { gaps: 0, missed: 0 })
})

eachTransport(
  t,
  'a publisher that is followed already keeps values later: links learn of its history',
  async (t, here) => {
    const subscriber = await subscriberAt(here)
    subscriber.errors.subscribe()
    const live = new Seen(subscriber.topic('ticks.a', Job))
    const bob = await publisherOf(here, subscriber, 'bob')
    await subscriber.whenReady({ publishers: 1 })
    await bob.topic('news', Job).retain({ id: 1 })
    await bob.topic('ticks.a', Job).send({ id: 2 })
    await live.count(1)
    const retained = new Seen<SinceEvent<Job>>(subscriber.events('news', Job, { since: 'retained' }))
    await retained.when(() => retained.values.some(({ kind }) => kind === 'live'))
    t.strictSame(texts(retained.values), ['news1', 'live'])
  },
)

eachTransport(
  t,
  'plain and older publishers are not taken, and are reported',
  async (t, here) => {
    const subscriber = await subscriberAt(here)
    const seen = new Seen(subscriber.topic('#', Job))
    const events: SecurityEvent[] = []
    subscriber.securityEvents.subscribe((event) => event.kind === 'denied' && events.push(event))
    // it answers as an older publisher does
    const older = new zmq.XPublisher({ linger: 0, sendTimeout: 5000, ...curveOf('alice') })
    t.teardown(() => older.close())
    older.connect(subscriber.endpoint)
    const origin = new Origin(systemClock, 1000)
    const request = async (): Promise<TopicRequest> => {
      for (;;) {
        const [frame] = await older.receive()
        if ((frame?.[0] as number) > 1)
          return readRecordFrame(TopicRequest, frame as Buffer, frameKind.request, undefined)
      }
    }
    const publishers = new Seen(subscriber.publishers)
    const { inbox, nonce } = await request()
    const { source, position } = origin
    const answer = { nonce, source, position, time: new Date() }
    await older.send([inbox, writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)])
    await until(() => events.length > 0)
    t.match(events[0], { reason: 'publish', count: 1, target: undefined, identity: undefined })
    // a plain PUB, which never answers, and sends to nobody who has not subscribed
    const plain = new zmq.Publisher({ linger: 0, ...curveOf('alice') })
    t.teardown(() => plain.close())
    plain.connect(subscriber.endpoint)
    await until(() => events.length > 1)
    t.match(events[1], { reason: 'publish', count: 1, target: undefined })
    await t.rejects(subscriber.whenReady({ timeoutMs: 0 }), { code: 'RIVULET_TIMEOUT' })
    t.equal(subscriber.stats().rejectedFrames.denied, undefined)
    // one that is right beside them is taken
    const alice = await publisherOf(here, subscriber, 'alice')
    await subscriber.whenReady({ publishers: 1 })
    await alice.topic('ticks.a', Job).send({ id: 1 })
    await seen.count(1)
    t.strictSame(ids(seen), [1])
    t.equal(events.length, 2)
    t.notOk(publishers.values.some(({ publisher }) => publisher === source.toString('hex')))
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'a frame over the socket is not taken, whoever sends it',
  async (t, here) => {
    const subscriber = await subscriberAt(here)
    const seen = new Seen(subscriber.topic('#', Job))
    const alice = await publisherOf(here, subscriber, 'alice')
    await subscriber.whenReady({ publishers: 1 })
    const denied = first(subscriber.securityEvents, ({ kind }) => kind === 'denied')
    // it sends what nobody has subscribed
    const raw = new zmq.XPublisher({ linger: 0, sendTimeout: 5000, invertMatching: true, ...curveOf('alice') })
    t.teardown(() => raw.close())
    raw.connect(subscriber.endpoint)
    await raw.receive()
    const frames = new FrameSource('ticks.a', Job)
    await raw.send(frames.frame({ id: 1 }))
    t.match(await denied, { reason: 'publish', target: 'ticks.a', identity: undefined })
    t.match(subscriber.stats().rejectedFrames, { denied: 1 })
    await alice.topic('ticks.a', Job).send({ id: 2 })
    await seen.count(1)
    t.strictSame(ids(seen), [2])
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'nobody publishes as another, live, in answers or in history',
  async (t, here) => {
    const rules: Policy = [{ identity: '*', action: 'publish', target: 'ticks.*' }]
    const subscriber = await subscriberAt(here, { policy: rules })
    const errors = codesOf(subscriber)
    const seen = new Seen<SinceEvent<Job>>(subscriber.events('#', Job, { since: 'all' }))
    const alice = await publisherOf(here, subscriber, 'alice', { history: {} })
    await subscriber.whenReady({ publishers: 1 })
    await alice.topic('ticks.a', Job).send({ id: 1 })
    await seen.when(() => texts(seen.values).includes('ticks.a1'))
    const event = seen.values.find(({ kind }) => kind === 'message')
    const hers = Buffer.from(event?.publisher ?? '', 'hex')
    const frames = new FrameSource('ticks.a', Job, new Origin(systemClock, 1000, { source: hers, position: 500 }))
    const asked: string[] = []
    const events: string[] = []
    subscriber.securityEvents.subscribe(({ kind, reason, target, identity }) => {
      if (kind === 'denied') events.push(`${reason} ${target} ${identity?.name}`)
    })
    const bob = await forgingPublisher(t, here, subscriber.endpoint, keys.bob, server.publicKey, {
      kept: [hers],
      replay: (source) => {
        asked.push(source.toString('hex'))
        return { position: 1000 }
      },
    })
    const [, forged] = frames.frame({ id: 666 })
    const frame = forged as Buffer
    // a topic that he may not publish, with a schema that cannot be read, which is not looked at
    bob.say({ schemas: [{ schemaId: Buffer.alloc(16, 1), text: '{' }], frames: [{ topic: 'other', frame }] })
    await until(() => subscriber.stats().rejectedFrames.denied === 1)
    t.strictSame(subscriber.stats().rejectedFrames, { denied: 1 })
    bob.answerAs(hers)
    bob.say({ frames: [{ topic: 'ticks.a', frame }] })
    await until(() => subscriber.stats().rejectedFrames.denied === 2)
    for (const { id } of jobs(5, 2)) await alice.topic('ticks.a', Job).send({ id })
    await alice.topic('ticks.b', Job).send({ id: 7 })
    await seen.when(() => texts(seen.values).includes('ticks.b1'))
    t.strictSame(
      texts(seen.values).filter((text) => text !== 'live'),
      ['ticks.a1', 'ticks.a2', 'ticks.a3', 'ticks.a4', 'ticks.a5', 'ticks.a6', 'ticks.b1'],
    )
    t.match(subscriber.stats(), { gaps: 0, missed: 0 })
    await until(() => events.length === 2)
    t.strictSame(events, ['publish other bob', 'publish ticks.a bob'])
    t.notOk(asked.includes(hers.toString('hex')), 'her history is not asked of him')
    t.strictSame(errors, ['RIVULET_BAD_FRAME'], 'the schema, when he had published what he may')
  },
  ['ipc', 'tcp'],
)

eachTransport(t, 'what a publisher has sent before it is closed arrives', async (t, here) => {
  const subscriber = await subscriberAt(here)
  const seen = new Seen(subscriber.topic('#', Job))
  const alice = await publisherOf(here, subscriber, 'alice')
  await subscriber.whenReady({ publishers: 1 })
  await alice.topic('ticks.a', Job).sendAll(jobs(20_000))
  await closeAll([alice, subscriber])
  t.equal(seen.values.length, 20_000)
})

eachTransport(t, 'a publisher waits for a subscriber of its links, if it is to lose nothing', async (t, here) => {
  const subscriber = await subscriberAt(here)
  const iterator = subscriber.topic('ticks.a', Job)[Symbol.asyncIterator]()
  const firstOne = iterator.next()
  const alice = await publisherOf(here, subscriber, 'alice', {
    slowSubscribers: 'wait',
    highWaterMark: 1,
    outboxBytes: 100_000,
  })
  await subscriber.whenReady({ publishers: 1 })
  const note = 'x'.repeat(50_000)
  let sent = 0
  const sending = (async () => {
    for (const { id } of jobs(400)) {
      await alice.topic('ticks.a', Job).send({ id, note })
      sent += 1
    }
  })()
  const read = [(await firstOne).value?.id]
  // nothing is read until it waits
  await until(() => alice.stats().pending > 0 && sent > 2)
  while (read.length < 400) read.push((await iterator.next()).value?.id)
  await sending
  t.strictSame(
    read,
    Array.from({ length: 400 }, (_, at) => at),
  )
  t.match([subscriber.stats().gaps, alice.stats().links.dropped], [0, 0])
  await iterator.return?.()
})

t.test('a publisher over two endpoints is followed over one link, and over the other when that ends', async (t) => {
  const here = place(t, 'ipc')
  const { runtime } = here
  const subscriber = await createSubscriber({
    bind: ['tcp://127.0.0.1:*', another(here)],
    runtime,
    security: { keyPair: server, allow: everybody, policy },
  })
  const seen = new Seen(subscriber.topic('#', Job))
  const alice = await createPublisher({
    connect: subscriber.endpoints,
    runtime,
    security: { keyPair: keys.alice, serverKey: server.publicKey },
  })
  await subscriber.ready
  t.equal(subscriber.connected, 2)
  await until(() => alice.stats().links.open === 1)
  await alice.topic('ticks.a', Job).sendAll(jobs(100))
  await seen.count(100)
  t.match(subscriber.stats(), { received: 100, delivered: 100, dropped: {} })
})

t.test('a publisher that binds as well serves plain subscribers of its socket', async (t) => {
  const here = place(t, 'ipc')
  const { runtime } = here
  const subscriber = await subscriberAt(here)
  const mine = generateKeyPair()
  const alice = await createPublisher({
    bind: another(here),
    connect: subscriber.endpoint,
    runtime,
    history: {},
    security: { keyPair: keys.alice, serverKey: server.publicKey, allow: { other: mine.publicKey } },
  })
  const other = await createSubscriber({
    connect: alice.endpoint,
    runtime,
    security: { keyPair: mine, serverKey: keys.alice.publicKey },
  })
  await alice.topic('ticks.a', Job).send({ id: 1 })
  const [policed, plain] = [subscriber, other].map((one) => new Seen(one.topic('#', Job, { since: 'all' })))
  await Promise.all([subscriber.ready, other.ready])
  await alice.topic('ticks.a', Job).send({ id: 2 })
  await Promise.all([policed?.count(2), plain?.count(2)])
  t.strictSame(
    [ids(policed as Seen<Job>), ids(plain as Seen<Job>)],
    [
      [1, 2],
      [1, 2],
    ],
  )
})

t.test('options that contradict a policy are refused with what to do', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const security = { keyPair: server, allow: everybody, policy }
  const connect = { address: 'tcp://127.0.0.1:1', serverKey: server.publicKey }
  await t.rejects(createSubscriber({ bind, connect, runtime, security }), {
    code: 'RIVULET_INVALID_OPTION',
    message: /security.policy must be left out where the resource connects, too/,
  })
})
