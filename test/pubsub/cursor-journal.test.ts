/** What a stream remembers for its cursors is bounded, however many publishers and topics come. */
import t from 'tap'
import { readCursor } from '../../patterns/pubsub/cursor.js'
import { CursorJournal, cursorBehind } from '../../patterns/pubsub/cursor-journal.js'

const sourceOf = (n: number) => n.toString(16).padStart(16, '0')

t.test('of endless publishers, a cursor names those that have sent last', async (t) => {
  const journal = new CursorJournal()
  for (let n = 0; n < 3000; n++) {
    journal.done(sourceOf(n), 5, false)
    journal.moved(sourceOf(0), 'a', n + 1, n + 6)
  }
  const { cursor } = cursorBehind(journal.mark(), sourceOf(0), 'a', { sequence: 3001, position: 3006 })
  const sources = readCursor(cursor)
  t.equal(sources?.size, 1024)
  t.ok(sources?.has(sourceOf(0)), 'the first one has sent since')
  t.ok(sources?.has(sourceOf(2999)))
  t.notOk(sources?.has(sourceOf(1)))
})

t.test('of endless topics, a cursor names those that have come last', async (t) => {
  const journal = new CursorJournal()
  const source = sourceOf(7)
  journal.done(source, 0, true)
  for (let n = 1; n <= 140_000; n++) journal.moved(source, `a.${n}`, 1, n)
  const last = { sequence: 1, position: 140_001 }
  const { cursor, topics } = cursorBehind(journal.mark(), source, 'b', last)
  t.equal(topics, 65_536)
  const known = readCursor(cursor)?.get(source)
  t.equal(known?.isWhole, false, 'topics that are not named may have begun')
  t.strictSame(known?.topics.get('b'), last)
  t.notOk(known?.topics.has('a.1'))
})
