/**
 * Messages that did not arrive: told by the next one that does, each counted once.
 */

import t from 'tap'
import { createPublisher, createSubscriber, type TopicEvent } from '../../patterns/pubsub/index.js'
import { systemClock } from '../../src/clock/index.js'
import { Origin } from '../../src/wire/index.js'
import { linkState, turn, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { CuttingProxy } from './cutting-proxy.js'
import { FrameSource, rawPublisher } from './raw-peers.js'
import { Seen } from './seen.js'

/** Checks that numbers and gaps of one topic cover 1 to `published` without holes, and returns what is missing. */
function missing(events: readonly TopicEvent<Job>[], published: number): number[] {
  const missed: number[] = []
  let next = 1
  for (const event of events) {
    const [from, to] = event.kind === 'gap' ? [event.from, event.to] : [event.sequence, event.sequence]
    if (from !== next) throw new Error(`${event.kind} from ${from} where ${next} was due`)
    if (event.kind === 'gap') for (let sequence = from; sequence <= to; sequence++) missed.push(sequence)
    else if (event.value.id !== event.sequence) throw new Error(`message ${event.value.id} as number ${event.sequence}`)
    next = to + 1
  }
  if (next !== published + 1) throw new Error(`it ends before ${next}`)
  return missed
}

t.test('a link that is cut in the middle', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const publisher = await createPublisher({ bind, runtime })
  const proxy = await CuttingProxy.open(t, publisher.endpoint)
  const subscriber = await createSubscriber({ connect: proxy.endpoint, runtime })
  const seen = new Seen(subscriber.events('a', Job))
  await subscriber.ready
  const topic = publisher.topic('a', Job)
  let published = 0
  const publish = async (count: number) => {
    for (let i = 0; i < count; i++) {
      topic.next({ id: ++published })
      await turn()
    }
  }
  for (let round = 0; round < 3; round++) {
    await publish(20)
    await seen.when(() => seen.values.at(-1)?.kind === 'message' && lastNumber(seen.values) === published)
    proxy.swallowing = true
    await publish(1)
    // the bytes of this one at least are gone
    await until(() => proxy.swallowed > 0)
    await publish(10)
    proxy.swallowed = 0
    const cut = linkState(subscriber, 'disconnected')
    proxy.cut()
    await cut
    await publish(5)
    await subscriber.ready
  }
  await publish(1)
  await seen.when(() => lastNumber(seen.values) === published)
  const missed = missing(seen.values, published)
  t.ok(missed.length >= 3, `${missed.length} of ${published} were lost`)
  const gap = seen.values.find(({ kind }) => kind === 'gap')
  const { publisher: identity } = seen.values[0] as TopicEvent<Job>
  t.match(gap, { kind: 'gap', topic: 'a', publisher: identity, from: 21, reason: 'lost' })
  const stats = subscriber.stats()
  t.equal(stats.delivered + stats.missed, published)
  t.equal(stats.missed, missed.length)
  t.equal(stats.gaps, 3)
  t.equal(stats.received, stats.delivered)
})

function lastNumber(events: readonly TopicEvent<Job>[]): number {
  const event = events.at(-1)
  return event === undefined ? 0 : event.kind === 'gap' ? event.to : event.sequence
}

eachTransport(t, 'a subscriber that is too slow', async (t, { runtime, bind, transport }) => {
  const publisher = await createPublisher({ bind, runtime, highWaterMark: 1 })
  const slow = await createSubscriber({ connect: publisher.endpoint, runtime, highWaterMark: 1 })
  let release = () => {}
  const blocked = new Promise<void>((resolve) => {
    release = resolve
  })
  const events: TopicEvent<Job>[] = []
  slow
    .events('a', Job)
    .process(async (event) => {
      events.push(event)
      await blocked
    })
    .subscribe()
  await slow.ready
  const topic = publisher.topic('a', Job)
  const note = 'x'.repeat(60_000)
  // what the system itself holds for one connection differs
  const count = transport === 'tcp' ? 400 : 60
  for (let id = 1; id <= count; id++) {
    await topic.send({ id, note })
    await turn()
  }
  await until(() => publisher.stats().pending === 0)
  t.equal(publisher.stats().sent, count, 'the publisher was held up for a moment only')
  t.equal(events.length, 1)
  release()
  // the answer comes behind all that was on its way
  await slow.ready
  topic.next({ id: count + 1 })
  await until(() => lastNumber(events) === count + 1)
  const missed = missing(events, count + 1)
  t.ok(missed.length > 0, `${missed.length} of ${count} were lost`)
  const stats = slow.stats()
  t.equal(stats.delivered + stats.missed, count + 1)
  t.equal(stats.received, stats.delivered + stats.pending)
})

t.test('gaps are counted where only values are shown, and for each stream', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const values = new Seen(subscriber.topic('a', Job))
  const events = new Seen(subscriber.events('a', Job))
  const raw = await rawPublisher(t, { connect: subscriber.endpoint })
  await raw.subscribed('a.')
  const source = new FrameSource('a', Job)
  await raw.send(source.frame({ id: 1, note: '' }))
  source.frame({ id: 2, note: '' }, { id: 3, note: '' })
  await raw.send(source.frame({ id: 4, note: '' }))
  await events.count(3)
  t.strictSame(
    values.values.map(({ id }) => id),
    [1, 4],
  )
  t.match(events.values, [{ sequence: 1 }, { kind: 'gap', from: 2, to: 3, reason: 'lost' }, { sequence: 4 }])
  t.match(subscriber.stats(), { received: 4, delivered: 4, pending: 0, gaps: 2, missed: 4 })
})

t.test('the first message after ready was lost: the last one that is missing is named', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const events = new Seen(subscriber.events('#', Job))
  const raw = await rawPublisher(t, { connect: subscriber.endpoint })
  const origin = new Origin(systemClock, 1_000_000)
  const a = new FrameSource('a', Job, origin)
  const b = new FrameSource('b', Job, origin)
  a.frame({ id: 1, note: '' })
  b.frame({ id: 1, note: '' })
  const ready = subscriber.whenReady({ publishers: 1 })
  raw.answerAll(origin)
  await ready
  a.frame({ id: 2, note: '' })
  a.frame({ id: 3, note: '' })
  await raw.send(a.beacon())
  await events.count(1)
  t.match(events.values[0], { kind: 'gap', topic: 'a', from: 3, to: 3 }, 'a frame without messages tells it too')
  await raw.send(b.beacon())
  await raw.send(b.frame({ id: 2, note: '' }))
  await events.count(2)
  t.match(events.values[1], { kind: 'message', topic: 'b', sequence: 2 }, 'what was published before is not missing')
  t.match(subscriber.stats(), { gaps: 1, missed: 1 })
})

t.test('a gap that nobody saw counts as no message when the subscriber is closed', async (t) => {
  const { runtime, bind } = place(t, 'tcp')
  const subscriber = await createSubscriber({ bind, runtime })
  const iterator = subscriber.events('a', Job)[Symbol.asyncIterator]()
  const first = iterator.next()
  const raw = await rawPublisher(t, { connect: subscriber.endpoint })
  await raw.subscribed('a.')
  const source = new FrameSource('a', Job)
  await raw.send(source.frame({ id: 1, note: '' }))
  await first
  source.frame({ id: 2, note: '' })
  await raw.send(source.frame({ id: 3, note: '' }))
  await until(() => subscriber.stats().received === 2)
  t.match(subscriber.stats(), { delivered: 1, pending: 1 })
  const { undelivered } = await subscriber.close({ drain: false })
  t.equal(undelivered, 1)
  t.match(subscriber.stats(), { received: 2, delivered: 1, pending: 0, dropped: { closed: 1 }, gaps: 1, missed: 1 })
})
