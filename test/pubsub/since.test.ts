/**
 * Streams that begin with history: over sockets, against publishers that keep some.
 */
import t from 'tap'
import {
  type Cursor,
  createPublisher,
  createSubscriber,
  type Publisher,
  type Since,
  type SinceEvent,
} from '../../patterns/pubsub/index.js'
import { until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { FrameSource, rawPublisher } from './raw-peers.js'
import { Seen } from './seen.js'

type Event = SinceEvent<Job>

const publish = (publisher: Publisher, topic: string, from: number, to: number) =>
  publisher.topic(topic, Job).sendAll(Array.from({ length: to - from + 1 }, (_, n) => ({ id: from + n })))

/** As texts: `a1`, `gap a2-3 lost`, `live`. */
const texts = (events: readonly Event[]) =>
  events.map((event) => {
    if (event.kind === 'live') return 'live'
    if (event.kind === 'gap') return `gap ${event.topic}${event.from}-${event.to} ${event.reason}`
    return `${event.topic}${event.sequence}`
  })

const numbers = (topic: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => `${topic}${from + n}`)

eachTransport(t, 'a late subscriber gets all that is kept, then what is live', async (t, { runtime, bind }) => {
  const publisher = await createPublisher({ bind, runtime, history: {} })
  await publish(publisher, 'a', 1, 500)
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const all = new Seen<Event>(subscriber.events('#', Job, { since: 'all' }))
  const values = new Seen(subscriber.topic('a', Job, { since: 'all' }))
  await subscriber.ready
  await publish(publisher, 'a', 501, 600)
  await all.when(() => all.values.length === 601)
  const shown = texts(all.values)
  const seam = shown.indexOf('live')
  t.ok(seam >= 500, `the seam is behind ${seam} messages`)
  t.strictSame(
    shown.filter((text) => text !== 'live'),
    numbers('a', 1, 600),
  )
  await values.count(600)
  t.strictSame(
    values.values.map(({ id }) => id),
    Array.from({ length: 600 }, (_, n) => n + 1),
  )
  const stats = subscriber.stats()
  t.match(stats, { delivered: 1200, pending: 0, gaps: 0, missed: 0, repaired: 0 })
  t.equal(stats.received, 1200 + Object.values(stats.dropped).reduce((sum, count) => sum + count, 0))
})

for (const [name, since, expected] of [
  ['last', { last: 2 }, ['a9', 'a10', 'b1', 'live']],
  ['retained', 'retained', ['b1', 'live']],
  ['all', 'all', [...numbers('a', 1, 10), 'b1', 'live']],
] as const) {
  eachTransport(t, `since ${name}`, async (t, { runtime, bind }) => {
    const publisher = await createPublisher({ bind, runtime, history: {} })
    await publish(publisher, 'a', 1, 10)
    await publisher.topic('b', Job).retain({ id: 1 })
    const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
    const seen = new Seen<Event>(subscriber.events('#', Job, { since: since as Since }))
    await seen.when(() => seen.values.at(-1)?.kind === 'live')
    // between topics there is no order
    t.strictSame(texts(seen.values).sort(), [...expected].sort())
    await publish(publisher, 'a', 11, 12)
    await seen.count(expected.length + 2)
    t.strictSame(texts(seen.values).slice(expected.length), ['a11', 'a12'])
  })
}

t.test('since a date: what left the publisher then or later', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  await publish(publisher, 'a', 1, 10)
  await publisher.flush()
  const date = new Date(Date.now() + 1)
  while (Date.now() < date.getTime()); // the time of a frame is in milliseconds
  await publish(publisher, 'a', 11, 12)
  await publish(publisher, 'b', 1, 1)
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen<Event>(subscriber.events('#', Job, { since: date }))
  const none = new Seen<Event>(subscriber.events('#', Job, { since: new Date(Date.now() + 60_000) }))
  for (const one of [seen, none]) await one.when(() => one.values.at(-1)?.kind === 'live')
  t.strictSame(texts(seen.values).sort(), ['a11', 'a12', 'b1', 'live'])
  t.strictSame(texts(none.values), ['live'])
  await publish(publisher, 'a', 13, 13)
  for (const [one, count] of [
    [seen, 5],
    [none, 2],
  ] as const) {
    await one.count(count)
    t.equal(texts(one.values).at(-1), 'a13')
  }
})

t.test('a cursor continues where it was taken, in another subscriber', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime, history: {} })
  await publish(publisher, 'a', 1, 10)
  const first = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen<Event>(first.events('#', Job, { since: 'all' }))
  await seen.count(11)
  const fourth = seen.values[3]
  const cursor = fourth?.kind === 'message' ? fourth.cursor : undefined
  await first.close()
  await publish(publisher, 'a', 11, 12)
  await publish(publisher, 'b', 1, 1)
  const second = await createSubscriber({ connect: publisher.endpoint, runtime })
  const rest = new Seen<Event>(second.events('#', Job, { since: JSON.parse(JSON.stringify(cursor)) as Cursor }))
  await rest.when(() => rest.values.at(-1)?.kind === 'live')
  t.strictSame(texts(rest.values), [...numbers('a', 5, 12), 'b1', 'live'])
})

t.test('a publisher without history is live at once', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const seen = new Seen<Event>(subscriber.events('#', Job, { since: 'all' }))
  await seen.count(1)
  await publish(publisher, 'a', 1, 2)
  await seen.count(3)
  t.strictSame(texts(seen.values), ['live', 'a1', 'a2'])
})

t.test('what a publisher has sent before its first retained value is named as missing before it is live', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime })
  await publish(publisher, 'a', 1, 3)
  await publish(publisher, 'b', 1, 1)
  await publisher.flush()
  const behind = new Date(Date.now() + 60_000)
  await publisher.topic('c', Job).retain({ id: 1 })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  for (const [since, expected] of [
    ['all', ['gap a1-3 expired', 'gap b1-1 expired', 'gap c1-1 expired', 'live']],
    [{ last: 2 }, ['gap a2-3 expired', 'gap b1-1 expired', 'gap c1-1 expired', 'live']],
    [new Date(0), ['gap a3-3 expired', 'gap b1-1 expired', 'gap c1-1 expired', 'live']],
    [behind, ['live']],
    ['retained', ['c1', 'live']],
  ] as const) {
    const seen = new Seen<Event>(subscriber.events('#', Job, { since: since as Since }))
    await seen.when(() => seen.values.at(-1)?.kind === 'live')
    t.strictSame(texts(seen.values).sort(), [...expected], `since ${JSON.stringify(since)}`)
  }
})

t.test('publishers that connect serve history over links that the subscriber binds', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const publishers: Publisher[] = []
  for (let n = 0; n < 2; n++) {
    const publisher = await createPublisher({ connect: subscriber.endpoint, runtime, history: {} })
    await publish(publisher, 'a', 1, 5)
    publishers.push(publisher)
  }
  const seen = new Seen<Event>(subscriber.events('#', Job, { since: 'all' }))
  await seen.when(() => seen.values.filter(({ kind }) => kind === 'live').length === 2)
  t.equal(seen.values.filter(({ kind }) => kind === 'message').length, 10)
  for (const publisher of publishers) await publish(publisher, 'a', 6, 6)
  await seen.count(14)
  t.equal(subscriber.stats().missed, 0)
})

t.test('a publisher is not given up while its answer waits behind a backlog', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const raw = await rawPublisher(t, { bind })
  const subscriber = await createSubscriber({ connect: raw.endpoint, runtime })
  subscriber.errors.subscribe()
  const all = new Seen<Event>(subscriber.events('a', Job, { since: 'all' }))
  let release = () => {}
  const blocked = new Promise<void>((resolve) => {
    release = resolve
  })
  subscriber
    .topic('b', Job)
    .process(() => blocked)
    .subscribe()
  await raw.subscribed('a.')
  await raw.subscribed('b.')
  const a = new FrameSource('a', Job)
  await raw.send(a.frame({ id: 1 }))
  await raw.send(new FrameSource('b', Job, a.origin).frame(...Array.from({ length: 100 }, (_, id) => ({ id }))))
  await until(() => subscriber.stats().pending >= 100)
  // it is not read now; the answer comes next
  raw.answerAll(a.origin)
  clock.advance(10_000)
  t.strictSame(all.values, [])
  release()
  await subscriber.ready
  await all.count(2)
  t.strictSame(texts(all.values), ['a1', 'live'])
})

t.test('what since must be', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  for (const since of [
    'never',
    '',
    'c1.',
    'c1.AAA',
    7,
    null,
    { last: 0 },
    { last: 1.5 },
    {},
    new Date(Number.NaN),
    [],
  ]) {
    t.throws(
      () => subscriber.topic('a', Job, { since: since as Since }),
      { code: 'RIVULET_INVALID_OPTION' },
      String(since),
    )
  }
  t.equal(subscriber.topic('a', Job, { since: 'now' }), subscriber.topic('a', Job))
  t.equal(subscriber.topic('a', Job, { since: { last: 2 } }), subscriber.topic('a', Job, { since: { last: 2 } }))
  t.not(subscriber.topic('a', Job, { since: { last: 2 } }), subscriber.topic('a', Job, { since: { last: 3 } }))
})
