/** The topics of a publisher that were: how many have their numbers kept, and how those beyond that begin again. */

import t from 'tap'
import type { PublishedTopic } from '../../patterns/pubsub/topic-publisher.js'
import { TopicTable } from '../../patterns/pubsub/topic-table.js'
import { systemClock } from '../../src/clock/index.js'
import { Following } from './follower-world.js'

t.test('a topic begins with 1 while nothing was forgotten', async (t) => {
  const table = new TopicTable({ clock: systemClock, announceMs: 1000, position: () => 7 })
  t.strictSame(table.numbers('a'), { sequence: 1, previous: 0, time: 0 })
  const numbers = { sequence: 5, previous: 6, time: 0 }
  const tail = { codec: { schemaId: Buffer.alloc(16) } }
  const sink = { name: 'a', schemaText: '"int"', numbers, tail } as PublishedTopic<never>
  table.add(sink)
  t.equal(table.sink('a'), sink)
  t.equal(table.numbers('a'), numbers, 'what is known continues')
  t.equal(table.schemaText('a'), '"int"')
  t.equal(table.schemaText('b'), undefined)
})

t.test('a topic that its publisher has forgotten begins again: no duplicate, no gap', async (t) => {
  const all = new Following([], 'now')
  const frame = (position: number, sequence: number, previous: number, count: number) =>
    all.follower.frame('p', {
      topic: 'a',
      place: { position, sequence, previous, count },
      bytes: 0,
      time: 0,
      isRetained: false,
    })
  all.follower.served('p', 0, 1)
  frame(1, 1, 0, 3)
  frame(90, 90, 0, 2)
  frame(95, 92, 91, 1)
  frame(99, 95, 98, 1)
  t.strictSame(all.texts(), ['a1', 'a2', 'a3', 'a90', 'a91', 'a92', 'gap a93-94 lost', 'a95'])
})
