/**
 * A stream that holds up its subscriber is reported there: once, with its pattern and the time.
 */
import t from 'tap'
import { createPublisher, createSubscriber } from '../../patterns/pubsub/index.js'
import { SlowStreams } from '../../patterns/pubsub/slow-streams.js'
import { codesOf, until } from '../support/events.js'
import { Job } from '../support/job.js'
import { eachTransport, place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Seen } from './seen.js'

/** Streams that are letters, and the reports of them. */
function made() {
  const clock = new VirtualClock()
  const reports: [string, number][] = []
  const slow = new SlowStreams<string>(clock, (stream, forMs) => void reports.push([stream, forMs]))
  return { clock, reports, slow }
}

t.test('after 5 s it is reported once', async (t) => {
  const { clock, reports, slow } = made()
  slow.set('a', true)
  clock.advance(4000)
  slow.set('b', true)
  t.strictSame(reports, [])
  clock.advance(1000)
  t.strictSame(reports, [['a', 5000]])
  slow.set('a', true)
  clock.advance(60_000)
  t.strictSame(reports, [
    ['a', 5000],
    ['b', 5000],
  ])
  t.ok(slow.areHolding)
})

t.test('one that takes a frame now and then still holds up its subscriber', async (t) => {
  const { clock, reports, slow } = made()
  for (let i = 0; i < 10; i++) {
    slow.set('a', true)
    clock.advance(990)
    slow.set('a', false)
    t.notOk(slow.areHolding)
    clock.advance(10)
  }
  t.strictSame(reports, [['a', 5000]])
})

t.test('the time begins when it has caught up, also between two looks', async (t) => {
  const { clock, reports, slow } = made()
  slow.set('a', true)
  clock.advance(4500)
  slow.set('a', false)
  clock.advance(300)
  slow.set('a', true)
  clock.advance(4900)
  t.strictSame(reports, [])
  clock.advance(1000)
  t.strictSame(reports, [['a', 5200]])
})

t.test('one that has caught up is reported again when it is slow again, and later looks end', async (t) => {
  const { clock, reports, slow } = made()
  for (let round = 0; round < 3; round++) {
    slow.set('a', true)
    clock.advance(4900)
    slow.set('a', false)
    clock.advance(round < 2 ? 100 : 99)
  }
  t.strictSame(reports, [], 'each time it caught up before')
  slow.set('a', true)
  clock.advance(1000)
  t.equal(reports.length, 1)
  slow.set('a', false)
  clock.advance(2000)
  t.equal(clock.timers, 0, 'nobody is slow, nothing to look at')
  slow.set('a', true)
  clock.advance(6000)
  t.strictSame(reports.at(-1), ['a', 5000])
  t.equal(reports.length, 2)
  slow.close()
  t.equal(clock.timers, 0)
  t.notOk(slow.areHolding)
})

eachTransport(t, 'errors of the subscriber name the pattern and the time', async (t, { transport }) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, transport, { clock })
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const errors = new Seen(subscriber.errors)
  const iterator = subscriber.topic('ticks.*', Job)[Symbol.asyncIterator]()
  const first = iterator.next()
  const conflated = subscriber.topic('ticks.*', Job, { conflateBy: ({ id }) => id })[Symbol.asyncIterator]()
  const other = conflated.next()
  await subscriber.ready
  const topic = publisher.topic('ticks.a', Job)
  for (let id = 0; id < 10; id++) topic.next({ id })
  await Promise.all([first, other])
  await until(() => subscriber.stats().received === 20)
  clock.advance(4000)
  t.strictSame(errors.values, [])
  clock.advance(2000)
  await errors.count(1)
  t.match(errors.values, [
    { code: 'RIVULET_SLOW_STREAM', message: /stream of 'ticks\.\*' has held up its subscriber for \d+ ms/ },
  ])
  t.equal(errors.values.length, 1, 'a conflated stream holds up nobody')
  for (let i = 0; i < 9; i++) await iterator.next()
  topic.next({ id: 10 })
  t.equal((await iterator.next()).value?.id, 10, 'it continues')
  await Promise.all([subscriber.close({ drain: false }), publisher.close({ drain: false })])
  t.equal(clock.timers, 0)
})

t.test('a fast stream is not reported', async (t) => {
  const clock = new VirtualClock()
  const { runtime, bind } = place(t, 'tcp', { clock })
  const publisher = await createPublisher({ bind, runtime })
  const subscriber = await createSubscriber({ connect: publisher.endpoint, runtime })
  const codes = codesOf(subscriber)
  const seen = new Seen(subscriber.topic('a', Job))
  await subscriber.ready
  for (let id = 0; id < 20; id++) {
    publisher.topic('a', Job).next({ id })
    await seen.count(id + 1)
    clock.advance(1000)
  }
  t.strictSame(codes, [])
})
