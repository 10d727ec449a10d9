/** What a hub has seen of topics: duplicates, gaps, and which ranges are complete. */
import t from 'tap'
import { HubInterest } from '../../patterns/pubsub/hub-interest.js'
import { HubOrder, type HubPlace } from '../../patterns/pubsub/hub-order.js'

/** A frame of so many messages: number, position, and the position of the message before it. */
const at = (sequence: number, position: number, previous: number, count = 1): HubPlace => {
  return { sequence, position, previous, count }
}

t.test('what is missing between two frames is a gap, and what was seen is not new', async (t) => {
  const order = new HubOrder()
  t.strictSame(order.take('a', at(5, 50, 45), 1), { isNew: true })
  t.strictSame(order.take('a', at(6, 60, 50, 2), 2), { isNew: true })
  t.strictSame(order.take('a', at(6, 60, 50, 2), 3), { isNew: false })
  t.ok(order.covers('a', { after: 45, upTo: 61 }))
  t.notOk(order.covers('a', { after: 44, upTo: 61 }), 'what came before the first frame is not known')
  t.notOk(order.covers('a', { after: 45, upTo: 62 }))
  t.notOk(order.covers('b', { after: 45, upTo: 61 }))
  const gap = { after: 61, upTo: 89, from: 45, seenAt: 2 }
  t.strictSame(order.take('a', at(10, 90, 89), 4), { isNew: true, gap })
  t.notOk(order.covers('a', { after: 61, upTo: 89 }))
  t.ok(order.covers('a', { after: 89, upTo: 90 }))
  order.joined('a', gap, gap.from)
  t.ok(order.covers('a', { after: 45, upTo: 90 }), 'it is there')
  order.broken('a')
  t.notOk(order.covers('a', { after: 45, upTo: 90 }), 'the last one is not kept')
})

t.test('frames without messages show gaps, and publishers that forget a topic make none', async (t) => {
  const order = new HubOrder()
  order.take('a', at(1, 1, 0), 1)
  t.strictSame(order.take('a', at(2, 9, 1, 0), 1), { isNew: true }, 'a beacon with nothing new')
  t.match(order.take('a', at(4, 9, 8, 0), 1), { isNew: true, gap: { after: 1, upTo: 8 } })
  t.strictSame(order.take('a', at(4, 9, 8, 0), 1), { isNew: true }, 'it is found once')
  t.strictSame(order.take('a', at(100, 20, 0), 1), { isNew: true }, 'the topic begins with a higher number')
  t.match(order.known('a'), { next: 101, position: 20 })
})

t.test('topics that were seen last are remembered', async (t) => {
  const order = new HubOrder(2)
  for (const key of ['a', 'b', 'c', 'd', 'e']) order.take(key, at(1, 1, 0), 1)
  t.strictSame(order.take('e', at(1, 1, 0), 1), { isNew: false })
  t.strictSame(order.take('c', at(1, 1, 0), 1), { isNew: false })
  t.strictSame(order.take('a', at(1, 1, 0), 1), { isNew: true })
})

t.test('a topic is wanted since its prefixes are', async (t) => {
  const interest = new HubInterest()
  const part = Buffer.from('a.b.')
  interest.change(true, Buffer.from('a.'))
  const before = interest.changes
  t.ok(interest.isWanted(part, before))
  t.notOk(interest.isWanted(part, before - 1))
  t.notOk(interest.isWanted(Buffer.from('b.a.'), before))
  interest.change(false, Buffer.from('a.'))
  interest.change(true, Buffer.from('a.'))
  t.notOk(interest.isWanted(part, before), 'it was not in between')
  interest.change(true, Buffer.from('a.b.c'))
  interest.change(true, Buffer.from('x..'))
  t.strictSame(interest.patterns(), ['a.#', 'a.b.#'])
  interest.change(true, Buffer.alloc(0))
  t.ok(interest.patterns().includes('#'))
  for (let n = 0; n <= 1024; n++) interest.change(true, Buffer.from(`p${n}.`))
  t.strictSame(interest.patterns(), ['#'])
})
