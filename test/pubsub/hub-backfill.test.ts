/**
 * What publishers had kept before a hub forwarded anything: late subscribers behind it have that, too.
 */
import t from 'tap'
import type { HistoryAsker } from '../../patterns/pubsub/history-call.js'
import type { HistoryFetch } from '../../patterns/pubsub/history-fetch.js'
import { HubBackfill } from '../../patterns/pubsub/hub-backfill.js'
import { HubTails } from '../../patterns/pubsub/hub-tails.js'
import { createHub, createPublisher, createSubscriber, type SinceEvent } from '../../patterns/pubsub/index.js'
import type { TopicFrame } from '../../patterns/pubsub/topic-frame.js'
import type { Range } from '../../patterns/pubsub/topics-wire.js'
import { until } from '../support/events.js'
import { Job, jobs } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { CuttingProxy } from './cutting-proxy.js'
import { another, hubAt, hubBelow } from './hubs.js'
import { missing } from './numbered.js'
import { rawSubscriber } from './raw-peers.js'
import { Seen } from './seen.js'

const idsOf = (events: readonly SinceEvent<Job>[]) =>
  events.flatMap((event) => (event.kind === 'message' ? [event.value.id] : event.kind === 'gap' ? [-1] : []))

const from = (first: number, end: number) => Array.from({ length: end - first }, (_, n) => first + n)

eachTransport(t, 'everything that a publisher keeps is had through two hubs', async (t, here) => {
  const { runtime } = here
  const upper = await hubAt(here)
  const lower = await hubBelow(here, upper)
  // it has no address of its own
  const publisher = await createPublisher({ connect: upper.publishers.endpoint, runtime, history: {} })
  const topic = publisher.topic('a.x', Job)
  await topic.sendAll(jobs(100))
  await publisher.topic('b', Job).send({ id: 1000 })
  await publisher.flush()
  const middle = new Date()
  await until(() => Date.now() > middle.getTime())
  const second = new Date()
  await topic.sendAll(jobs(50, 100))
  await topic.retain({ id: 150 })
  await publisher.flush()
  t.equal(lower.stats().received, 0, 'nothing has come to the hub')

  const options = { connect: lower.subscribers.endpoint, runtime }
  const cases = [
    ['all', from(0, 151)],
    [{ last: 10 }, from(141, 151)],
    [second, from(100, 151)],
    ['retained', [150]],
  ] as const
  for (const [since, expected] of cases) {
    const subscriber = await createSubscriber(options)
    const seen = new Seen(subscriber.events('a.*', Job, { since }))
    await seen.when(() => seen.values.some(({ kind }) => kind === 'live'))
    t.strictSame(idsOf(seen.values), expected, `${since}`)
    await subscriber.close()
  }
  const reader = await createSubscriber(options)
  const seen = new Seen(reader.events('a.*', Job, { since: 'all' }))
  await seen.when(() => seen.values.some(({ kind }) => kind === 'live'))
  const tenth = seen.values.find((event) => event.kind === 'message' && event.value.id === 120)
  const cursor = tenth?.kind === 'message' ? tenth.cursor : undefined
  await topic.send({ id: 151 })
  const late = await createSubscriber(options)
  const rest = new Seen(late.events('a.*', Job, { since: cursor as NonNullable<typeof cursor> }))
  await rest.when(() => idsOf(rest.values).length === 31)
  t.strictSame(idsOf(rest.values), from(121, 152))
  t.ok((lower.stats().history?.fetched ?? 0) >= 151)

  // the publisher leaves: the hub has it all, and what it has is not fetched again
  await seen.when(() => idsOf(seen.values).length === 152)
  await publisher.close()
  await until(() => upper.publishers.connected === 0)
  const last = await createSubscriber(options)
  const kept = new Seen(last.events('a.*', Job, { since: 'all' }))
  await kept.when(() => idsOf(kept.values).length === 152)
  t.strictSame(idsOf(kept.values), from(0, 152))
})

eachTransport(t, 'a retained value that was removed while nobody asked is not delivered', async (t, here) => {
  const { runtime } = here
  const hub = await hubAt(here)
  const publisher = await createPublisher({ connect: hub.publishers.endpoint, runtime })
  const first = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(first.topic('a.*', Job))
  await first.ready
  for (const name of ['a.x', 'a.y']) await publisher.topic(name, Job).retain({ id: 1 })
  await seen.count(2)
  await first.close()
  await until(() => hub.stats().publishers.prefixes === 0)
  await until(() => !publisher.topic('a.x', Job).subscribed)
  publisher.topic('a.x', Job).clear()
  const late = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const values = new Seen(late.events('a.*', Job, { since: 'retained' }))
  await values.when(() => values.values.some(({ kind }) => kind === 'live'))
  t.match(values.values, [{ kind: 'message', topic: 'a.y' }, { kind: 'live' }])
})

t.test('a hub repairs what only plain subscribers want, before the publisher leaves', async (t) => {
  const here = place(t, 'tcp')
  const { runtime } = here
  const publisher = await createPublisher({ bind: another(here), runtime, history: {} })
  const proxy = await CuttingProxy.open(t, publisher.endpoint)
  const hub = await createHub({
    publishers: { connect: proxy.endpoint },
    subscribers: { bind: another(here) },
    runtime,
  })
  const raw = rawSubscriber(t, hub.subscribers.endpoint)
  await raw.subscribe('a.')
  const topic = publisher.topic('a', Job)
  await until(() => topic.subscribed)
  const kept = (count: number) => until(() => hub.stats().history?.messages === count)
  await topic.sendAll([1, 2, 3].map((id) => ({ id })))
  await kept(3)
  proxy.swallowing = true
  await topic.sendAll([4, 5].map((id) => ({ id })))
  await until(() => proxy.swallowed > 0)
  proxy.cut()
  await kept(5)
  await publisher.close()
  await until(() => hub.publishers.connected === 0)
  const late = await createSubscriber({ connect: hub.subscribers.endpoint, runtime })
  const seen = new Seen(late.events('a', Job, { since: 'all' }))
  await seen.when(() => idsOf(seen.values).length === 5)
  t.equal(missing(seen.values.filter(({ kind }) => kind !== 'live') as never, 5), 0)
})

/** A machine with a publisher that is asked, and answers when the test says so. */
function machine(hasHistory = true) {
  const asked: { fetch: HistoryFetch; asker: HistoryAsker }[] = []
  const kept: string[] = []
  const joined: unknown[] = []
  const covered = new Set<string>()
  /** What waits until the log can be read, while it cannot. */
  const unwritten: (() => void)[] = []
  const disk = { isBusy: false }
  const asks = {
    hasHistory: () => hasHistory,
    fetch: (fetch: HistoryFetch, asker: HistoryAsker) => void asked.push({ fetch, asker }),
  }
  const backfill = new HubBackfill({
    ...asks,
    keep: ({ topic }, as) => void kept.push(`${as} ${topic}`),
    late: ({ topic }) => void kept.push(`late ${topic}`),
    retained: (_, pattern, upTo, topics) => void kept.push(`only ${[...topics]} of ${pattern} up to ${upTo}`),
    whenKept: (callback) => (disk.isBusy ? void unwritten.push(callback) : callback()),
    covers: (_, topic) => covered.has(topic),
    joined: (_, topic, { after, upTo }, first) => void joined.push([topic, after, upTo, first]),
  })
  const end = (at: number, outcome: 'complete' | 'unavailable' = 'complete') => {
    const { fetch, asker } = asked[at] as (typeof asked)[number]
    asker.ended(fetch, outcome, 0)
  }
  const bring = (at: number, topic: string) => {
    const { fetch, asker } = asked[at] as (typeof asked)[number]
    asker.fetched(fetch, { topic } as TopicFrame)
  }
  const done: string[] = []
  const need = (name: string, ...ranges: Partial<Range>[]) =>
    backfill.complete(
      's',
      ranges.map((range) => ({ pattern: '#', after: 0, upTo: 0, last: 0, since: null, retained: false, ...range })),
      () => done.push(name),
      () => done.push(`progress of ${name}`),
    )
  return { asks, asked, kept, joined, covered, backfill, end, bring, done, need, disk, unwritten }
}

t.test('what was forwarded is served when it can be read, whether or not anything is fetched', async (t) => {
  for (const hasHistory of [true, false]) {
    const { covered, need, done, disk, unwritten, asked } = machine(hasHistory)
    covered.add('a')
    disk.isBusy = true
    need('one', { pattern: 'a', after: 3, upTo: 4 })
    const cancel = need('two', { pattern: 'a', after: 3, upTo: 4 })
    t.strictSame(done, [])
    cancel()
    for (const written of unwritten) written()
    t.strictSame(done, ['one'])
    t.equal(asked.length, 0)
  }
})

t.test('what was fetched is not fetched again, and those who want the same wait for it', async (t) => {
  const { asked, need, done, end, bring, kept } = machine()
  need('one', { upTo: 100 })
  need('two', { upTo: 120 })
  need('three', { after: 10, upTo: 100 })
  need('other', { pattern: 'a', upTo: 100 })
  t.match(
    asked.map(({ fetch }) => fetch),
    [
      { purpose: 'history', pattern: '#', after: 0, upTo: 100 },
      { purpose: 'repair', pattern: 'a', after: 0, upTo: 100 },
    ],
  )
  bring(0, 'x')
  t.strictSame(kept, ['message x'])
  const [first] = asked
  first?.asker.progress?.(first.fetch)
  t.strictSame(done.splice(0), ['progress of one', 'progress of two', 'progress of three'])
  end(0)
  t.strictSame(done, ['one', 'three'])
  t.match(asked[2]?.fetch, { pattern: '#', after: 100, upTo: 120 })
  end(2)
  end(1)
  t.strictSame(done, ['one', 'three', 'two', 'other'])
  need('four', { after: 50, upTo: 120 })
  t.equal(done.at(-1), 'four')
  need('five', { last: 3, upTo: 120 })
  t.equal(done.at(-1), 'five')
  need('none')
  t.equal(done.at(-1), 'none')
  t.equal(asked.length, 3)
})

t.test('what cannot be had is not waited for, and asked again the next time', async (t) => {
  const { asked, need, done, end } = machine()
  need('one', { upTo: 100 })
  need('two', { upTo: 120 })
  end(0, 'unavailable')
  t.strictSame(done, ['one', 'two'])
  need('three', { upTo: 100 })()
  end(1)
  t.strictSame(done, ['one', 'two'], 'it has left')
  t.equal(asked.length, 2)
  const without = machine(false)
  without.need('one', { upTo: 100 })
  t.strictSame(without.done, ['one'])
})

t.test('retained values are asked for each time, and others of their topics removed', async (t) => {
  const { need, kept, end, bring, asked, done } = machine()
  const retained = { retained: true, upTo: 9 }
  need('one', retained)
  need('two', retained)
  t.equal(asked.length, 1)
  bring(0, 'x')
  end(0)
  t.strictSame(kept, ['retained x', 'only x of # up to 9'])
  t.strictSame(done, ['one', 'two'])
  need('three', retained)
  t.equal(asked.length, 2)
  end(1, 'unavailable')
  t.equal(kept.length, 2)
})

t.test('one topic has one repair at a time, and replays wait for it', async (t) => {
  const { backfill, asked, need, done, end, bring, kept, joined, covered } = machine()
  const gap = (after: number, upTo: number) => ({ after, upTo, from: 1, seenAt: 0 })
  backfill.repair('s', 'a', gap(5, 9), false)
  backfill.repair('s', 'a', gap(11, 14), false)
  backfill.repair('s', 'a', gap(16, 18), false)
  need('within', { pattern: 'a', after: 5, upTo: 9 })
  t.equal(asked.length, 1)
  end(0)
  t.strictSame(done, ['within'])
  t.strictSame(joined.at(-1), ['a', 5, 9, 1])
  t.match(asked[1]?.fetch, { purpose: 'repair', pattern: 'a', after: 11, upTo: 18 })
  end(1)
  covered.add('a')
  need('covered', { pattern: 'a', after: 1, upTo: 18 })
  t.equal(done.at(-1), 'covered')
  backfill.repair('s', 'b', gap(1, 2), true)
  bring(2, 'b')
  bring(2, 'b')
  t.strictSame(kept, ['message b', 'message b'])
  end(2)
  t.equal(kept.at(-1), 'late b', 'the last one is forwarded')
})

t.test('after a cut, what moved meanwhile is looked for once', async (t) => {
  const { asks, asked } = machine()
  const tails: unknown[] = []
  const at = { position: 50 }
  const lookout = new HubTails({
    ...asks,
    positionOf: () => at.position,
    patterns: () => ['a.#', 'b.#'],
    changes: () => 7,
    tail: (...tail) => void tails.push(tail),
  })
  lookout.served('s', 50, 0)
  lookout.served('s', 60, 0)
  t.equal(asked.length, 0, 'nothing was cut')
  lookout.served('s', 60, 1)
  lookout.served('s', 60, 1)
  t.match(
    asked.map(({ fetch }) => fetch),
    ['a.#', 'b.#'].map((pattern) => ({ purpose: 'check', pattern, after: 50, upTo: 60 })),
  )
  const [one, two] = asked
  one?.asker.head(one.fetch, 'a', 10, 55)
  one?.asker.head(one.fetch, 'a.late', 10, 61)
  t.strictSame(tails, [['s', { topic: 'a', next: 10, previous: 55 }, { after: 50, upTo: 55 }, 7]])
  one?.asker.ended(one.fetch, 'complete', 62)
  two?.asker.ended(two.fetch, 'unavailable', 0)
  lookout.served('s', 60, 1)
  t.equal(asked.length, 4, 'it is tried again')
  for (const { fetch, asker } of asked.slice(2)) asker.ended(fetch, 'complete', 62)
  lookout.served('s', 60, 1)
  at.position = 70
  lookout.served('s', 70, 2)
  t.equal(asked.length, 4)

  const heads: unknown[] = []
  lookout.heads('s', ['a'], 3, (found, position) => heads.push([[...found.keys()], position]))
  const { fetch, asker } = asked[4] as (typeof asked)[number]
  asker.head(fetch, 'a', 10, 55)
  asker.ended(fetch, 'complete', 62)
  t.strictSame(heads, [[['a'], 62]])
  const unknown = new HubTails({
    ...machine(false).asks,
    positionOf: () => 0,
    patterns: () => [],
    changes: () => 0,
    tail() {},
  })
  unknown.heads('s', ['a'], 3, (found, position) => heads.push([found.size, position]))
  t.strictSame(heads[1], [0, 0])
})
