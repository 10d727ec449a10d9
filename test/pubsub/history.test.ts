/** The history of publishers in memory, asked for over raw links: what is kept, what is served, and how it is found. */
import t, { type Test } from 'tap'
import * as zmq from 'zeromq'
import { createPublisher, createSubscriber, type Publisher } from '../../patterns/pubsub/index.js'
import { readLinks, writeLinks } from '../../patterns/pubsub/link-addresses.js'
import { frameKind, readRecordFrame, TopicAnswer, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import { codesOf, first, firstFew, linkState, turn, until } from '../support/events.js'
import { eachTransport, place } from '../support/transports.js'
import { HistoryClient, refusalOf } from './history-client.js'
import { Old } from './schemas.js'

const ids = (count: number, from = 1) => Array.from({ length: count }, (_, at) => ({ id: from + at }))
const inbox = Buffer.concat([Buffer.of(0), Buffer.from('inbox')])

/** Where the links of a publisher are, by the default rule. */
const linksOf = ({ endpoint }: Publisher) => `${endpoint}.links`

/** An XSUB socket that asks publishers and reads their answers. */
async function asker(t: Test, side: { readonly connect: string } | { readonly bind: string }) {
  const socket = new zmq.XSubscriber({ linger: 0, sendTimeout: 5000 })
  t.teardown(() => socket.close())
  if ('bind' in side) await socket.bind(side.bind)
  else socket.connect(side.connect)
  await socket.send(Buffer.concat([Buffer.of(1), inbox]))
  return {
    endpoint: socket.lastEndpoint ?? '',
    async ask(addresses?: readonly string[]) {
      const nonce = Buffer.alloc(16, 7)
      const extensions = addresses ? writeLinks(addresses) : {}
      const request = { kind: 'ready', inbox, nonce, extensions } as const
      await socket.send(writeRecordFrame(TopicRequest, request, frameKind.request, undefined))
      for (;;) {
        const [topic, frame] = await socket.receive()
        if (!topic?.equals(inbox)) continue
        const { source, position, extensions } = readRecordFrame(TopicAnswer, frame as Buffer, frameKind.answer, inbox)
        return { source, position, links: readLinks(extensions) }
      }
    },
  }
}

eachTransport(
  t,
  'what was published is replayed, with and without subscribers',
  async (t, { runtime, bind, transport }) => {
    const publisher = await createPublisher({ bind, runtime, history: {} })
    const [a, b] = [publisher.topic('a.x', Old), publisher.topic('b', Old)]
    await a.sendAll(ids(3))
    await turn()
    await b.send({ id: 7 })
    await publisher.flush()
    const client = await HistoryClient.open(t, { runtime })
    if (transport === 'tcp') {
      const { ask } = await asker(t, { connect: publisher.endpoint })
      const { links = [], position } = await ask()
      t.equal(links.length, 1)
      t.match(links[0], /^tcp:\/\/127\.0\.0\.1:\d+$/)
      t.equal(position, 4)
      client.dial({ address: links[0] ?? '' })
    } else {
      client.dial({ address: linksOf(publisher) })
    }
    const { present = [] } = await client.sources()
    t.equal(present.length, 1)
    const { source, position } = present[0] as (typeof present)[number]
    t.equal(position, 4)
    const { frames, expired } = await client.replay(source, [{ pattern: '#' }], Old)
    t.strictSame(expired, [])
    t.strictSame(
      frames.map(({ topic, position, sequence, values }) => [topic, position, sequence, values.map(({ id }) => id)]),
      [
        ['a.x', 1, 1, [1, 2, 3]],
        ['b', 4, 1, [7]],
      ],
    )
    await a.send({ id: 8 })
    await publisher.flush()
    t.strictSame(
      (await client.heads(source, ['#'], 4)).map(({ topic, next, previous }) => [topic, next, previous]),
      [['a.x', 5, 5]],
    )
    t.equal(await refusalOf(client.parts(Buffer.alloc(8), [{ pattern: '#' }])), 'RIVULET_NO_HISTORY')
    t.equal(await refusalOf(client.parts(source, [{ pattern: '' }])), 'RIVULET_INVALID_REQUEST')
    const { messages, expired: expiredMessages, replays, openReplays, replayedBytes } = publisher.stats().history
    t.strictSame([messages, expiredMessages, replays, openReplays], [5, 0, 1, 0])
    t.ok(replayedBytes > 0)
  },
)

eachTransport(t, 'live subscribers get everything, in order, with history', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime, history: { maxMessages: 10 } })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const got = firstFew(subscriber.topic('#', Old), 2000)
  await subscriber.ready
  await publisher.topic('a', Old).sendAll(ids(2000))
  t.strictSame(
    (await got).map(({ id }) => id),
    ids(2000).map(({ id }) => id),
  )
})

t.test('bounds: the oldest messages are given up, counted, and named in replays', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const publisher = await createPublisher({ bind, runtime, history: { maxMessages: 10 } })
  const topic = publisher.topic('a', Old)
  for (const message of ids(25)) {
    await topic.send(message)
    await turn()
  }
  const client = await HistoryClient.open(t, { runtime })
  client.dial({ address: linksOf(publisher) })
  const { present: [kept] = [] } = await client.sources()
  const { frames, expired } = await client.replay(kept?.source as Buffer, [{ pattern: 'a' }], Old)
  t.strictSame(
    frames.flatMap(({ values }) => values.map(({ id }) => id)),
    ids(10, 16).map(({ id }) => id),
  )
  t.match(expired, [{ topic: 'a', sequence: 15, position: 15 }])
  t.match(publisher.stats().history, { messages: 10, expired: 15 })
})

eachTransport(
  t,
  'without history an answer names no links, until a value is retained; requests wait for the links in order',
  async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime })
    const { ask } = await asker(t, { connect: publisher.endpoint })
    t.equal((await ask()).links, undefined)
    await publisher.topic('a', Old).retain({ id: 1 })
    const { links = [], source } = await ask()
    t.equal(links.length, 1)
    const client = await HistoryClient.open(t, { runtime })
    client.dial({ address: links[0] ?? '' })
    const { frames } = await client.replay(source, [{ pattern: '#', retained: true }], Old)
    t.strictSame(
      frames.map(({ isRetained, values }) => [isRetained, values.map(({ id }) => id)]),
      [[true, [1]]],
    )
    t.equal(publisher.stats().history.messages <= 1, true, 'nothing else is kept')
  },
  ['ipc', 'tcp'],
)

eachTransport(
  t,
  'retained values: the last of each topic, until it is cleared',
  async (t, { runtime, bind, transport }) => {
    const publisher = await createPublisher({ bind, runtime, history: {} })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const events = firstFew(subscriber.events('#', Old), 6)
    await subscriber.ready
    const [a, b] = [publisher.topic('a', Old), publisher.topic('b', Old)]
    a.next({ id: 1 })
    await Promise.all([a.retain({ id: 2 }), a.send({ id: 3 }), a.retain({ id: 4 }), b.retain({ id: 5 })])
    b.clear()
    b.clear()
    a.next({ id: 6 })
    t.strictSame(
      (await events).map((event) => event.kind === 'message' && [event.topic, event.sequence, event.value.id]),
      [
        ['a', 1, 1],
        ['a', 2, 2],
        ['a', 3, 3],
        ['a', 4, 4],
        ['b', 1, 5],
        ['a', 5, 6],
      ].sort(([, , one], [, , other]) => (one as number) - (other as number)),
      'live subscribers get them as any others, and no notice of a tombstone',
    )
    await publisher.flush()
    if (transport === 'tcp') return
    const client = await HistoryClient.open(t, { runtime })
    client.dial({ address: linksOf(publisher) })
    const { present: [kept] = [] } = await client.sources()
    const { frames } = await client.replay(kept?.source as Buffer, [{ pattern: '#', retained: true }], Old)
    t.strictSame(
      frames.map(({ topic, sequence, isRetained, values }) => [
        topic,
        sequence,
        isRetained,
        values.map(({ id }) => id),
      ]),
      [['a', 4, true, [4]]],
    )
    await publisher.close()
    t.throws(() => a.clear(), { code: 'RIVULET_CLOSED' })
    await t.rejects(a.retain({ id: 1 }), { code: 'RIVULET_CLOSED' })
    await t.rejects(publisher.flush(), { code: 'RIVULET_CLOSED' })
  },
)

eachTransport(
  t,
  'a publisher that only connects serves over links that it dials',
  async (t, { runtime, bind }) => {
    const { endpoint, ask } = await asker(t, { bind })
    const client = await HistoryClient.open(t, { runtime, bind: bind.startsWith('ipc') ? `${bind}.own` : bind })
    const publisher = await createPublisher({ connect: endpoint, runtime, history: {} })
    await publisher.topic('a', Old).sendAll(ids(5))
    await linkState(publisher, 'connected').catch(() => {})
    t.strictSame((await ask()).links, [], 'it has no address')
    const { source } = await ask([client.links.endpoint])
    const { frames } = await client.replay(source, [{ pattern: '#' }], Old)
    t.equal(frames.flatMap(({ values }) => values).length, 5)
  },
  ['ipc', 'tcp'],
)

t.test('a closing publisher lets a replay finish, and begins none', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const topic = publisher.topic('a', Old)
  for (let round = 0; round < 40; round++) {
    await topic.sendAll(ids(5000))
    await turn()
  }
  const client = await HistoryClient.open(t, { runtime })
  client.dial({ address: linksOf(publisher) })
  const { present: [kept] = [] } = await client.sources()
  const source = kept?.source as Buffer
  const replaying = client.replay(source, [{ pattern: '#' }], Old)
  await until(() => publisher.stats().history.openReplays === 1)
  const closing = publisher.close()
  const { frames } = await replaying
  t.equal(frames.flatMap(({ values }) => values).length, 200_000)
  await closing
  t.equal(publisher.stats().history.replays, 1)
})

t.test('without draining, a replay ends with an error', async (t) => {
  const { runtime, bind } = place(t, 'ipc')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  for (let round = 0; round < 20; round++) {
    await publisher.topic('a', Old).sendAll(ids(20_000))
    await turn()
  }
  const client = await HistoryClient.open(t, { runtime })
  client.dial({ address: linksOf(publisher) })
  const { present: [kept] = [] } = await client.sources()
  const replaying = refusalOf(client.parts(kept?.source as Buffer, [{ pattern: '#' }]))
  await until(() => publisher.stats().history.openReplays === 1)
  await publisher.close({ drain: false })
  t.not(await replaying, undefined)
})

t.test('links that cannot be bound: at creation an error, at the first retained value a report', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const other = await createPublisher({ bind, runtime })
  const taken = { bind: other.endpoint }
  await t.rejects(createPublisher({ bind, runtime, history: taken }), { code: 'RIVULET_BIND_FAILED' })
  await t.rejects(createPublisher({ bind, runtime, history: { bind: 'tcp://0.0.0.0:*' } }), {
    code: 'RIVULET_INSECURE_BIND',
  })
  const path = `ipc://${'/tmp/'.padEnd(100, 'x')}`
  const publisher = await createPublisher({ bind: path, runtime })
  const codes = codesOf(publisher)
  await publisher.topic('a', Old).retain({ id: 1 })
  await until(() => codes.length === 1)
  t.strictSame(codes, ['RIVULET_INVALID_ENDPOINT'])
  const { ask } = await asker(t, { connect: publisher.endpoint })
  t.equal((await ask()).links, undefined)
})

t.test('missed messages that subscribers report are counted and reported, not once for each', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  const reported = first(publisher.errors)
  await publisher.topic('a', Old).send({ id: 1 })
  const client = await HistoryClient.open(t, { runtime })
  client.dial({ address: linksOf(publisher) })
  const { present: [kept] = [] } = await client.sources()
  const codes = codesOf(publisher)
  await client.missed(kept?.source as Buffer, 7)
  await client.missed(kept?.source as Buffer, 5)
  await until(() => publisher.stats().history.missedBySubscribers === 12)
  t.match(await reported, { code: 'RIVULET_MESSAGES_MISSED', messages: 7 })
  t.strictSame(codes, ['RIVULET_MESSAGES_MISSED'])
})
