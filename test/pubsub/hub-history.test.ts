/**
 * What a hub keeps: the messages that it has forwarded, served in place of their publishers, also when those have left.
 */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { answerKind } from '../../patterns/pubsub/hub-wire.js'
import { createHub, createPublisher, createSubscriber, type Hub } from '../../patterns/pubsub/index.js'
import { readLinks } from '../../patterns/pubsub/link-addresses.js'
import { frameKind, readRecordFrame, TopicAnswer } from '../../src/wire/index.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, type Place, place } from '../support/transports.js'
import { HistoryClient, refusalOf } from './history-client.js'
import { another, hubAt, hubBelow } from './hubs.js'
import { rawSubscriber } from './raw-peers.js'
import { Seen } from './seen.js'

/** What a hub answers to a subscriber that asks: until it has answered for a source. */
async function answersOf(t: Test, hub: Hub, count: number) {
  const inbox = Buffer.concat([Buffer.of(0), randomBytes(8)])
  const raw = rawSubscriber(t, hub.subscribers.endpoint)
  await raw.subscribe('asked.')
  await raw.socket.send(Buffer.concat([Buffer.of(1), inbox]))
  await raw.request(inbox)
  const answers: TopicAnswer[] = []
  while (answers.length < count) {
    const [topic, bytes] = await raw.socket.receive()
    if (topic?.equals(inbox)) answers.push(readRecordFrame(TopicAnswer, bytes as Buffer, frameKind.answer, inbox))
  }
  raw.socket.close()
  return answers
}

/** A client of the links that an answer names. */
async function clientOf(t: Test, { runtime }: Place, { extensions }: TopicAnswer): Promise<HistoryClient> {
  const [address = ''] = readLinks(extensions) ?? []
  const client = await HistoryClient.open(t, { runtime })
  client.dial({ address })
  return client
}

const all = [{ pattern: '#' }]
const ids = (frames: readonly { readonly values: readonly { readonly id: number }[] }[]) =>
  frames.flatMap(({ values }) => values.map(({ id }) => id))

eachTransport(
  t,
  'a publisher leaves, and its messages are served through a chain of hubs',
  async (t, here) => {
    const { runtime } = here
    const upper = await hubAt(here)
    const lower = await hubBelow(here, upper)
    const publisher = await createPublisher({ connect: upper.publishers.endpoint, runtime })
    const subscriber = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
    const seen = new Seen(subscriber.events('a.#', Job))
    await subscriber.ready
    await publisher.topic('a.x', Job).sendAll(jobs(100))
    await seen.count(100)
    await publisher.topic('a.y', Job).retain({ id: 100 })
    await publisher.topic('b', Job).send({ id: 101 })
    await seen.count(101)
    const source = Buffer.from(seen.values[0]?.publisher as string, 'hex')
    await publisher.close()
    await until(() => upper.publishers.connected === 0)
    for (const hub of [upper, lower]) {
      const [answer] = await answersOf(t, hub, 1)
      t.equal(answerKind(answer as TopicAnswer), 'kept')
      t.strictSame(answer?.source, source)
      t.equal(answer?.position, 101)
      const client = await clientOf(t, here, answer as TopicAnswer)
      t.match(await client.sources(), { present: [{ source, position: 101 }] })
      const { frames, expired } = await client.replay(source, all, Job)
      t.strictSame(ids(frames), [...Array(101).keys()])
      t.strictSame(expired, [])
      const retained = await client.replay(source, [{ pattern: '#', retained: true }], Job)
      t.match(retained.frames, [{ topic: 'a.y', isRetained: true, values: [{ id: 100 }] }])
      t.match(await client.heads(source, ['a.x']), [{ topic: 'a.x', next: 101, previous: 100 }])
      t.match(hub.stats().history, { sources: 1, messages: 101, expired: 0, notKept: 0 })
    }
  },
  ['ipc', 'tcp'],
)

t.test('while a publisher is there, answers have its position and the links of the hub', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await hubAt(here)
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime, history: {} })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.topic('asked', Job))
  await subscriber.ready
  const topic = publisher.topic('asked', Job)
  await topic.sendAll(jobs(5))
  await seen.count(5)
  const answers = await answersOf(t, hub, 2)
  t.strictSame(answers.map(answerKind), ['behind', 'ready'])
  t.equal(answers[0]?.position, 5)
  const client = await clientOf(t, here, answers[0] as TopicAnswer)
  const { frames } = await client.replay(answers[0]?.source as Buffer, all, Job)
  t.strictSame(ids(frames), [0, 1, 2, 3, 4])
  await topic.retain({ id: 5 })
  topic.clear()
  await seen.count(6)
  await topic.send({ id: 6 })
  await seen.count(7)
  t.strictSame((await client.replay(answers[0]?.source as Buffer, [{ pattern: '#', retained: true }], Job)).frames, [])
  t.equal(await refusalOf(client.replay(randomBytes(8), all, Job)), 'RIVULET_NO_HISTORY')
})

t.test('bounds hold for all publishers together, and what is given up is named', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const hub = await createHub({
    publishers: { bind: another(here) },
    subscribers: { bind: another(here) },
    history: { maxMessages: 10 },
    runtime,
  })
  const subscriber = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.events('#', Job))
  const publishers = await Promise.all(
    [0, 1].map(() => createPublisher({ connect: hub.publishers.endpoint, runtime, maxBatchMessages: 1 })),
  )
  await subscriber.whenReady({ publishers: 2 })
  for (const publisher of publishers) {
    await publisher.topic('a', Job).sendAll(jobs(8))
    await seen.count(seen.values.length === 0 ? 8 : 16)
  }
  t.match(hub.stats().history, { sources: 2, messages: 10, expired: 6 })
  const [answer] = await answersOf(t, hub, 1)
  const client = await clientOf(t, here, answer as TopicAnswer)
  const first = Buffer.from(seen.values[0]?.publisher as string, 'hex')
  const { frames, expired } = await client.replay(first, all, Job)
  t.strictSame(ids(frames), [6, 7])
  t.match(expired, [{ topic: 'a', sequence: 6, position: 6 }])
})

t.test('on disk it is there after a restart of the hub', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const path = mkdtempSync(join(tmpdir(), 'rivulet-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  const open = () =>
    createHub({
      publishers: { bind: another(here) },
      subscribers: { bind: another(here) },
      history: { path },
      runtime,
    })
  const first = await open()
  await t.rejects(open(), { code: 'RIVULET_STORE_LOCKED' })
  const publisher = await createPublisher({ connect: first.publishers.endpoint, runtime })
  const subscriber = await createSubscriber({ connect: first.subscribers.endpoint, runtime })
  const seen = new Seen(subscriber.events('#', Job))
  await subscriber.ready
  await publisher.topic('a', Job).sendAll(jobs(1000))
  await seen.count(1000)
  await publisher.close()
  await first.close()
  const second = await open()
  const [answer] = await answersOf(t, second, 1)
  t.equal(answerKind(answer as TopicAnswer), 'kept')
  const client = await clientOf(t, here, answer as TopicAnswer)
  const { frames } = await client.replay(answer?.source as Buffer, all, Job)
  t.strictSame(ids(frames), [...Array(1000).keys()])
  await second.close()
})

t.test('without history of its own, a hub passes on where that of its publishers is', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const publisher = await createPublisher({ bind: another(here), runtime, history: {} })
  const hub = await createHub({
    publishers: { connect: publisher.endpoint },
    subscribers: { bind: another(here) },
    history: false,
    runtime,
  })
  await publisher.topic('a', Job).sendAll(jobs(3))
  const [answer] = await answersOf(t, hub, 2)
  t.equal(answerKind(answer as TopicAnswer), 'behind')
  const client = await clientOf(t, here, answer as TopicAnswer)
  t.strictSame(ids((await client.replay(answer?.source as Buffer, all, Job)).frames), [0, 1, 2])
  t.equal(hub.stats().history, undefined)
})

t.test('options of history', async (t) => {
  const sides = { publishers: { bind: 'tcp://127.0.0.1:*' }, subscribers: { bind: 'tcp://127.0.0.1:*' } }
  const cases: [unknown, RegExp][] = [
    [true, /createHub: history must be an object with options of history, or false/],
    [{ maxBytes: 0 }, /createHub: history: maxBytes must be/],
    [{ path: '' }, /createHub: history: path must be/],
    [{ maxByte: 1 }, /createHub: history: unknown option 'maxByte'/],
  ]
  for (const [history, message] of cases) {
    await t.rejects(createHub({ ...sides, history: history as never }), { code: 'RIVULET_INVALID_OPTION', message })
  }
})

eachTransport(
  t,
  'a late subscriber has what a publisher has sent that has left, through two hubs, then what follows',
  async (t, here) => {
    const { runtime } = here
    const upper = await hubAt(here)
    const lower = await hubBelow(here, upper)
    const early = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
    const seen = new Seen(early.events('#', Job))
    const left = await createPublisher({ connect: upper.publishers.endpoint, runtime })
    const stays = await createPublisher({ connect: upper.publishers.endpoint, runtime })
    await early.whenReady({ publishers: 2 })
    await left.topic('a', Job).sendAll(jobs(100))
    await stays.topic('b', Job).sendAll(jobs(100, 100))
    await seen.count(200)
    await left.close()
    await until(() => upper.publishers.connected === 1)
    const late = await createSubscriber({ connect: lower.subscribers.endpoint, runtime })
    const all = new Seen(late.events('#', Job, { since: 'all' }))
    const values = () => all.values.flatMap((event) => (event.kind === 'message' ? [event.value.id] : []))
    await all.when(() => values().length === 200)
    await stays.topic('b', Job).send({ id: 200 })
    await all.when(() => values().length === 201)
    t.strictSame(
      values().sort((one, other) => one - other),
      [...Array(201).keys()],
    )
    t.notOk(all.values.some(({ kind }) => kind === 'gap'))
  },
  ['ipc', 'tcp'],
)
