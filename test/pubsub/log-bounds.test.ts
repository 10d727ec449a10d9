/** How logs keep within their bounds: what is not copied, and what is given up while nothing is appended. */
import t from 'tap'
import { FrameSegment } from '../../patterns/pubsub/frame-segment.js'
import { LogBounds } from '../../patterns/pubsub/log-bounds.js'
import { LogIndex } from '../../patterns/pubsub/log-index.js'
import { createMemoryTopicLogs } from '../../patterns/pubsub/memory-topic-logs.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { FrameSource, said } from './topic-log-frames.js'
import { unbounded } from './topic-logs.js'

t.test('of what no bound keeps, nothing is copied', async (t) => {
  const logs = createMemoryTopicLogs({ ...unbounded, maxMessages: 0 }, new VirtualClock())
  const log = logs.log('0a')
  const source = new FrameSource()
  const append = FrameSegment.prototype.add
  let copies = 0
  FrameSegment.prototype.add = function (...parts) {
    copies += 1
    append.apply(this, parts)
  }
  t.teardown(() => {
    FrameSegment.prototype.add = append
  })
  log.append(source.frame('a', 2))
  log.append(source.frame('b', 1, { isRetained: true }))
  log.append(source.frame('a', 1, { schemaText: '"long"' }))
  t.equal(copies, 0)
  t.strictSame(said(log.replay([{ pattern: '#' }, { pattern: '#', retained: true }])), [
    'a to 3@4',
    'b to 1@3',
    'b:1+1@3',
  ])
  t.match(logs.stats(), { messages: 0, expired: 4 })
  t.match(
    [...log.ends()],
    [
      { topic: 'a', schemaText: '"long"', sequence: 3, position: 4 },
      { topic: 'b', sequence: 1, position: 3 },
    ],
  )
})

t.test('what is too old is given up while nothing is appended or read, with one timer', async (t) => {
  const clock = new VirtualClock()
  const bounds = new LogBounds({ ...unbounded, maxAgeMs: 10_000 }, clock)
  const index = new LogIndex('0a', bounds.kept)
  const source = new FrameSource()
  for (let n = 0; n < 100; n++) {
    bounds.append(index, source.frame('a', 1, { time: clock.wallNow() }))
    clock.advance(10)
  }
  t.equal(clock.timers, 1)
  clock.advance(8900)
  t.equal(bounds.kept.messages, 100)
  clock.advance(600)
  t.ok(bounds.kept.messages > 20 && bounds.kept.messages < 80, `${bounds.kept.messages} are kept`)
  clock.advance(800)
  t.equal(bounds.kept.messages, 0)
  t.equal(clock.timers, 0)
  bounds.append(index, source.frame('a', 1, { time: clock.wallNow() }))
  t.equal(clock.timers, 1)
  bounds.close()
  t.equal(clock.timers, 0)
})

t.test('an age of many days is waited for in steps', async (t) => {
  const clock = new VirtualClock()
  const day = 86_400_000
  const bounds = new LogBounds({ ...unbounded, maxAgeMs: 60 * day }, clock)
  const delays: number[] = []
  const { setTimer } = clock
  clock.setTimer = (callback, delayMs) => {
    delays.push(delayMs)
    return setTimer.call(clock, callback, delayMs)
  }
  bounds.append(new LogIndex('0a', bounds.kept), new FrameSource().frame('a', 1, { time: clock.wallNow() }))
  clock.advance(59 * day)
  t.equal(bounds.kept.messages, 1)
  clock.advance(2 * day)
  t.equal(bounds.kept.messages, 0)
  t.ok(delays.every((delayMs) => delayMs < 2 ** 31))
})
