/** What a publisher under a policy says of topics that it may not publish, and of the history of others, is not taken. */
import t from 'tap'
import * as zmq from 'zeromq'
import { createHub, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import { systemClock } from '../../src/clock/index.js'
import type { Policy } from '../../src/index.js'
import {
  frameKind,
  Origin,
  readRecordFrame,
  TopicAnswer,
  TopicRequest,
  writeRecordFrame,
} from '../../src/wire/index.js'
import { codesOf, first, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, type Place } from '../support/transports.js'
import { forgingPublisher } from './forging-publisher.js'
import { another } from './hubs.js'
import { everybody, keys, server, texts } from './policed.js'
import { curveOf, publisherOf, subscriberAt } from './policed-subscriber.js'
import { FrameSource } from './raw-peers.js'
import { Seen } from './seen.js'

const policy: Policy = [{ identity: '*', action: 'publish', target: 'ticks.*' }]

/** A hub whose publishers have the policy, and a subscriber behind it. */
async function policedHub(here: Place) {
  const { runtime } = here
  const hub = await createHub({
    publishers: { bind: here.bind, security: { keyPair: server, allow: everybody, policy } },
    subscribers: { bind: another(here) },
    runtime,
  })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  return { hub, endpoint: hub.publishers.endpoint, subscriber }
}

eachTransport(
  t,
  'replays and heads of denied topics, and schemas of one who may publish nothing',
  async (t, here) => {
    const subscriber = await subscriberAt(here, { policy })
    const errors = codesOf(subscriber)
    const all = new Seen<SinceEvent<Job>>(subscriber.events('#', Job, { since: 'all' }))
    const last = new Seen<SinceEvent<Job>>(subscriber.events('#', Job, { since: { last: 3 } }))
    const [, frame] = new FrameSource('other', Job).frame({ id: 666 })
    const asked: string[] = []
    await forgingPublisher(t, here, subscriber.endpoint, keys.bob, server.publicKey, {
      position: 100,
      replay: () => {
        asked.push('replay')
        return {
          schemas: [{ schemaId: Buffer.alloc(16, 1), text: '{' }],
          expired: [{ topic: 'other', sequence: 5, position: 50 }],
          frames: [{ topic: 'other', frame: frame as Buffer }],
          position: 100,
        }
      },
      heads: () => {
        asked.push('heads')
        return { heads: [{ topic: 'other', next: 9, previous: 60 }], position: 100 }
      },
    })
    const isLive = (seen: Seen<SinceEvent<Job>>) => seen.when(() => seen.values.some(({ kind }) => kind === 'live'))
    await Promise.all([all, last].map(isLive))
    t.ok(asked.includes('replay') && asked.includes('heads'))
    t.strictSame([texts(all.values), texts(last.values)], [['live'], ['live']])
    t.match(subscriber.stats(), { gaps: 0, missed: 0, expired: 0, received: 0 })
    t.strictSame(errors, [])
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'the history of another',
  async (t, here) => {
    const subscriber = await subscriberAt(here, { policy })
    const asked: string[] = []
    const bob = await forgingPublisher(t, here, subscriber.endpoint, keys.bob, server.publicKey, {
      replay: (source) => {
        asked.push(source.toString('hex'))
        return { position: 1000 }
      },
    })
    const live = new Seen(subscriber.events('ticks.a', Job))
    const alice = await publisherOf(here, subscriber, 'alice', { history: {} })
    await subscriber.whenReady({ publishers: 2 })
    await alice.topic('ticks.a', Job).send({ id: 1 })
    await live.count(1)
    const sourceOfAlice = live.values[0]?.publisher ?? ''
    bob.keeps(Buffer.from(sourceOfAlice, 'hex'))
    bob.keeps(bob.source)
    const seen = new Seen<SinceEvent<Job>>(subscriber.events('ticks.*', Job, { since: 'all' }))
    await seen.when(() => texts(seen.values).includes('ticks.a1'))
    t.notOk(asked.includes(sourceOfAlice))
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'a hub takes nothing in the name of another, and nothing over its socket',
  async (t, here) => {
    const { hub, endpoint, subscriber } = await policedHub(here)
    const seen = new Seen<SinceEvent<Job>>(subscriber.events('#', Job))
    const joined = new Seen(subscriber.publishers)
    const denied = first(hub.securityEvents, ({ kind, target }) => kind === 'denied' && target === 'ticks.raw')
    const rawPublisher = async (invertMatching: boolean) => {
      const raw = new zmq.XPublisher({ linger: 0, sendTimeout: 5000, invertMatching, ...curveOf('bob') })
      t.teardown(() => raw.close())
      raw.connect(endpoint)
      let frame: Buffer | undefined
      while ((frame?.[0] ?? 0) <= 1) [frame] = await raw.receive()
      return { raw, request: readRecordFrame(TopicRequest, frame as Buffer, frameKind.request, undefined) }
    }
    // one answers as an older publisher does, the other sends what nobody has subscribed
    const { raw: older, request } = await rawPublisher(false)
    const answer = ({ inbox, nonce }: TopicRequest) => {
      const record = { nonce, source: Buffer.alloc(8, 9), position: 0, time: new Date() }
      return older.send([inbox, writeRecordFrame(TopicAnswer, record, frameKind.answer, inbox)])
    }
    await answer(request)
    const answerAll = async (): Promise<void> => {
      for await (const [next] of older) {
        if ((next?.[0] ?? 0) > 1)
          await answer(readRecordFrame(TopicRequest, next as Buffer, frameKind.request, undefined))
      }
    }
    // closing ends it
    answerAll().catch(() => {})
    const { raw } = await rawPublisher(true)
    await raw.send(new FrameSource('ticks.raw', Job).frame({ id: 666 }))
    t.match(await denied, { reason: 'publish', identity: undefined })
    const alice = await publisherOf(here, { endpoint }, 'alice')
    await subscriber.whenReady({ publishers: 1 })
    await alice.topic('ticks.a', Job).send({ id: 1 })
    await seen.count(1)
    const sourceOfAlice = Buffer.from(seen.values[0]?.publisher ?? '', 'hex')
    const bob = await forgingPublisher(t, here, endpoint, keys.bob, server.publicKey)
    const before = hub.stats().publishers.rejectedFrames.denied ?? 0
    const [, forged] = new FrameSource(
      'ticks.a',
      Job,
      new Origin(systemClock, 1000, { source: sourceOfAlice, position: 50 }),
    ).frame({
      id: 666,
    })
    bob.say({ frames: [{ topic: 'ticks.a', frame: forged as Buffer }] })
    await until(() => (hub.stats().publishers.rejectedFrames.denied ?? 0) > before)
    await alice.topic('ticks.a', Job).send({ id: 2 })
    await seen.count(2)
    const messages = seen.values.map((event) => (event.kind === 'message' ? event.value.id : event.kind))
    t.strictSame(messages, [1, 2])
    t.notOk(
      joined.values.some(({ publisher }) => publisher === '09'.repeat(8)),
      'one that cannot be followed',
    )
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'a hub takes no answer for a source of another',
  async (t, here) => {
    const { endpoint, subscriber } = await policedHub(here)
    const joined = new Seen(subscriber.publishers)
    const seen = new Seen(subscriber.topic('#', Job))
    const [sourceOfAlice, unknown] = [Buffer.alloc(8, 7), Buffer.alloc(8, 8)]
    const alice = await forgingPublisher(t, here, endpoint, keys.alice, server.publicKey)
    const origin = new Origin(systemClock, 1000, { source: sourceOfAlice, position: 0 })
    const [, frame] = new FrameSource('ticks.a', Job, origin).frame({ id: 1 })
    alice.say({ frames: [{ topic: 'ticks.a', frame: frame as Buffer }] })
    await seen.count(1)
    const bob = await forgingPublisher(t, here, endpoint, keys.bob, server.publicKey)
    await until(() => bob.requests.some(({ requests = [] }) => requests.length > 0))
    for (const source of [sourceOfAlice, unknown]) bob.answerAs(source)
    const has = (source: Buffer) => joined.values.some(({ publisher }) => publisher === source.toString('hex'))
    await joined.when(() => has(unknown))
    t.notOk(has(sourceOfAlice))
  },
  ['ipc', 'tcp'],
)
