/** The topics of a publisher that were: how many have their numbers kept, and how those beyond that begin again. */

import t from 'tap'
import { SequenceTracker } from '../../patterns/pubsub/sequence-tracker.js'
import type { PublishedTopic } from '../../patterns/pubsub/topic-publisher.js'
import { TopicTable } from '../../patterns/pubsub/topic-table.js'
import { systemClock } from '../../src/clock/index.js'

t.test('a topic begins with 1 while nothing was forgotten', async (t) => {
  const table = new TopicTable({ clock: systemClock, announceMs: 1000, position: () => 7 })
  t.strictSame(table.numbers('a'), { sequence: 1, previous: 0 })
  const numbers = { sequence: 5, previous: 6 }
  const sink = { name: 'a', schemaText: '"int"', numbers } as PublishedTopic<never>
  table.add(sink)
  t.equal(table.sink('a'), sink)
  t.equal(table.numbers('a'), numbers, 'what is known continues')
  t.equal(table.schemaText('a'), '"int"')
  t.equal(table.schemaText('b'), undefined)
})

t.test('a topic that its publisher has forgotten begins again: no duplicate, no gap', async (t) => {
  const tracker = new SequenceTracker()
  tracker.served('p', 0)
  tracker.follow('p', 'a', { position: 1, sequence: 1, previous: 0, count: 3 })
  const inOrder = { duplicates: 0, gap: undefined }
  t.strictSame(tracker.follow('p', 'a', { position: 90, sequence: 90, previous: 0, count: 2 }), inOrder)
  t.strictSame(tracker.follow('p', 'a', { position: 95, sequence: 92, previous: 91, count: 1 }), inOrder)
  t.strictSame(tracker.follow('p', 'a', { position: 99, sequence: 95, previous: 98, count: 1 }), {
    duplicates: 0,
    gap: { from: 93, to: 94 },
  })
})
