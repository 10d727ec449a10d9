/** How logs keep within their bounds: what is not copied, and what is given up while nothing is appended. */
import t from 'tap'
import { FrameSegment } from '../../patterns/pubsub/frame-segment.js'
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
