/** Which subscriptions a publisher with a policy reports: those that nobody follows over a link, and no others. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createPublisher, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import { PlainSubscriptions } from '../../patterns/pubsub/plain-subscriptions.js'
import { frameKind, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { first } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { another } from './hubs.js'
import { everybody, ids, keys, policy, publisherAt, server, subscriberOf, texts } from './policed.js'
import { Seen } from './seen.js'

const curve = {
  curveServerKey: server.publicKey,
  curvePublicKey: keys.bob.publicKey,
  curveSecretKey: keys.bob.secretKey,
}

t.test('a subscriber over two endpoints of one publisher is no plain SUB', async (t) => {
  const here = place(t, 'ipc')
  const { runtime } = here
  const security = { keyPair: server, allow: everybody, policy }
  const publisher = await createPublisher({ bind: ['tcp://127.0.0.1:*', another(here)], runtime, security })
  const denied = first(publisher.securityEvents, ({ kind }) => kind === 'denied')
  const alice = await createSubscriber({
    connect: publisher.endpoints,
    runtime,
    security: { keyPair: keys.alice, serverKey: server.publicKey },
  })
  const seen = new Seen(alice.topic('ticks.#', Job))
  await alice.ready
  t.match([publisher.connected, publisher.stats().links.open], [2, 1])
  // it subscribes later, so that it is looked at together with the other, or after it
  const plain = new zmq.Subscriber({ linger: 0, ...curve })
  t.teardown(() => plain.close())
  plain.connect(publisher.endpoint)
  plain.subscribe('news.')
  t.match(await denied, { target: 'news', count: 1 })
  t.equal(publisher.stats().links.denied, 1)
  await publisher.topic('ticks.a', Job).send({ id: 1 })
  await seen.count(1)
  t.strictSame(ids(seen), [1])
})

t.test('what is counted as plain', async (t) => {
  const clock = new VirtualClock()
  const reports: string[] = []
  const denied = (prefix: Buffer, count: number) => reports.push(`${prefix} ${count}`)
  const plain = new PlainSubscriptions({ clock, denied })
  const [ticks, inbox] = [Buffer.from('ticks.'), Buffer.of(0, 1)]
  const expect = (expected: string[], text: string) => {
    clock.advance(3000)
    t.strictSame(reports.splice(0), expected, text)
  }
  const reader = {}
  for (const subscribed of [true, true]) {
    plain.inbox(subscribed, inbox)
    plain.plain(subscribed, ticks)
  }
  plain.linked(true, ticks, reader)
  plain.named(reader, inbox)
  expect([], 'a reader with two connections')
  plain.plain(true, ticks)
  expect(['ticks. 1'], 'another subscription')
  plain.plain(false, ticks)
  plain.inbox(false, inbox)
  plain.plain(false, ticks)
  expect([], 'one of its connections ends')
  plain.linked(false, ticks, reader)
  expect(['ticks. 1'], 'it follows no more')
  const second = {}
  plain.linked(true, ticks, second)
  expect([], 'a reader that has not asked counts as one connection')
  plain.reset()
  plain.plain(true, ticks)
  expect([], 'after all were disconnected, it is back')
  plain.plain(true, ticks)
  plain.close()
  expect([], 'closed')
})

eachTransport(
  t,
  'an older subscriber gets an answer and no message, and is reported',
  async (t, here) => {
    const publisher = await publisherAt(here, { history: {} })
    const denied = first(publisher.securityEvents, ({ kind }) => kind === 'denied')
    // it subscribes and asks as a subscriber does, and does not know the extension of the answer
    const older = new zmq.XSubscriber({ linger: 0, sendTimeout: 5000, receiveTimeout: 0, ...curve })
    t.teardown(() => older.close())
    older.connect(publisher.endpoint)
    const inbox = Buffer.concat([Buffer.of(0), Buffer.alloc(16, 7)])
    for (const prefix of [inbox, Buffer.from('ticks.')]) await older.send(Buffer.concat([Buffer.of(1), prefix]))
    const request = { kind: 'ready', inbox, nonce: Buffer.alloc(16) } as const
    await older.send(writeRecordFrame(TopicRequest, request, frameKind.request, undefined))
    older.receiveTimeout = 5000
    const [to] = await older.receive()
    t.strictSame(to, inbox)
    const alice = await subscriberOf(here, publisher, 'alice')
    const seen = new Seen(alice.topic('ticks.#', Job))
    await alice.ready
    await publisher.topic('ticks.a', Job).sendAll(jobs(100))
    t.match(await denied, { reason: 'subscribe', target: 'ticks', count: 1 })
    await publisher.topic('ticks.a', Job).retain({ id: 100 })
    await seen.count(101)
    older.receiveTimeout = 0
    await t.rejects(older.receive(), { code: 'EAGAIN' })
  },
  ['ipc', 'tcp'],
)

eachTransport(t, 'the last messages of each permitted topic under a wildcard, then what is live', async (t, here) => {
  const publisher = await publisherAt(here, {
    policy: ({ target }) => target !== 'ticks.secret',
    history: {},
  })
  for (const topic of ['ticks.a', 'ticks.secret', 'ticks.b']) await publisher.topic(topic, Job).sendAll(jobs(10))
  const alice = await subscriberOf(here, publisher, 'alice')
  const seen = new Seen<SinceEvent<Job>>(alice.events('ticks.*', Job, { since: { last: 3 } }))
  await seen.when(() => seen.values.some(({ kind }) => kind === 'live'))
  for (const topic of ['ticks.secret', 'ticks.a', 'ticks.b']) await publisher.topic(topic, Job).send({ id: 10 })
  await seen.count(9)
  const numbers = (topic: string) => texts(seen.values).filter((text) => text.startsWith(topic))
  for (const topic of ['ticks.a', 'ticks.b'])
    t.strictSame(
      numbers(topic),
      [8, 9, 10, 11].map((at) => topic + at),
    )
  t.strictSame(numbers('ticks.secret'), [])
  t.match(alice.stats(), { gaps: 0, missed: 0, pending: 0 })
})
