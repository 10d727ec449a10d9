/**
 * Where a stream continues that begins with a cursor of another one.
 */
import t from 'tap'
import type { Cursor } from '../../patterns/pubsub/cursor.js'
import { Following, Kept } from './follower-world.js'

const idP = '00000000000000aa'
const idQ = '00000000000000bb'

t.test('cursors: everything behind them, once, and nothing before', async (t) => {
  const p = new Kept(idP)
  const q = new Kept(idQ)
  p.publish('a', 3)
  q.publish('a', 2)
  p.publish('b', 2)
  const first = new Following([p, q], 'all')
  first.follower.served(idP, p.position, 1)
  first.settle()
  first.follower.frame(idP, p.publish('b', 2))
  const cursors = first.shown.map((one) => (one.kind === 'message' ? one.cursor() : undefined))
  const texts = first.texts()
  t.strictSame(texts, ['a1', 'a2', 'a3', 'b1', 'b2', 'live', 'b3', 'b4'])
  for (const [at, cursor] of cursors.entries()) {
    if (cursor === undefined) continue
    t.ok(cursor.length < 120, `${cursor.length} characters`)
    const next = new Following([p, q], JSON.parse(JSON.stringify(cursor)) as Cursor)
    next.follower.served(idP, p.position, 1)
    next.settle()
    next.follower.served(idQ, q.position, 1)
    next.settle()
    const rest = texts.slice(at + 1).filter((text) => text !== 'live')
    t.strictSame(next.texts(), [...rest, 'live', 'a1', 'a2', 'live'], `behind ${texts[at]}`)
  }
})

t.test('a cursor behind a message that waited, where other topics did not', async (t) => {
  const p = new Kept(idP)
  const first = new Following([p], 'now')
  first.follower.served(idP, 0, 1)
  first.follower.frame(idP, p.publish('a', 1))
  p.publish('a', 1)
  first.follower.frame(idP, p.publish('a', 1))
  first.follower.frame(idP, p.publish('b', 1))
  const last = first.shown.at(-1)
  t.strictSame(first.texts(), ['a1', 'b1'])
  const next = new Following([p], last?.kind === 'message' ? last.cursor() : 'now')
  next.follower.served(idP, p.position, 1)
  next.settle()
  t.strictSame(next.texts(), ['a2', 'a3', 'live'], 'what waited is delivered')
})

t.test('a cursor names what is missing behind it, exactly', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 3)
  const first = new Following([p], 'all')
  first.follower.served(idP, p.position, 1)
  first.settle()
  const at = first.shown[1]
  p.publish('a', 2)
  p.publish('a', 1)
  p.trim(2)
  const next = new Following([p], at?.kind === 'message' ? at.cursor() : 'now')
  next.follower.served(idP, p.position, 1)
  next.settle()
  t.strictSame(next.texts(), ['gap a3-5 expired', 'a6', 'live'])
})

t.test('a cursor over many topics is made short', async (t) => {
  const p = new Kept(idP)
  const all = new Following([p], 'now')
  all.follower.served(idP, 0, 1)
  for (let n = 0; n < 500; n++) all.follower.frame(idP, p.publish(`t.${n}`, 1))
  const long = all.shown.at(-1)
  t.ok(long?.kind === 'message' && long.cursor().length > 5000)
  all.follower.compact(idP)
  const late = p.publish('t.0', 1)
  all.settle()
  all.follower.frame(idP, p.publish('t.1', 1))
  const still = all.shown.at(-1)
  t.ok(still?.kind === 'message' && still.cursor().length > 5000, 'one message is still to come')
  all.follower.frame(idP, late)
  all.follower.frame(idP, p.publish('t.2', 1))
  const short = all.shown.at(-1)
  t.ok(short?.kind === 'message' && short.cursor().length < 100)
  all.follower.compact(idP)
  t.equal(all.replays.length, 0, 'not twice within a second')
  all.now = 1000
  all.follower.compact(idP)
  t.equal(all.replays.length, 1)
  const next = new Following([p], short?.kind === 'message' ? short.cursor() : 'now')
  next.follower.served(idP, p.position, 1)
  next.settle()
  t.strictSame(next.texts(), ['live'])
})

t.test('a cursor from history that passes a topic under repair does not pass what waits there', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 1)
  const all = new Following([p], 'all', '#', 700)
  all.follower.served(idP, 1, 1)
  // the first of these is lost, so that the seam begins a repair; the last ones find no room, so that more history follows
  p.publish('a', 1)
  for (const topic of ['a', 'b', 'b', 'b']) all.follower.frame(idP, p.publish(topic, 1))
  all.step(0)
  all.step(0)
  t.strictSame(
    all.replays.map(({ fetch }) => fetch.purpose),
    ['repair', 'history'],
  )
  all.step(1)
  const last = all.shown.at(-1)
  t.strictSame(all.texts(), ['a1', 'b1', 'b2', 'b3'])
  const next = new Following([p], last?.kind === 'message' ? last.cursor() : 'now')
  next.follower.served(idP, p.position, 1)
  next.settle()
  t.strictSame(next.texts(), ['a2', 'a3', 'live'])
})

t.test('a cursor does not pass what was lost behind frames that came before the answer', async (t) => {
  const p = new Kept(idP)
  const first = new Following([p], 'now')
  first.follower.frame(idP, p.publish('a', 1))
  p.publish('a', 2)
  first.follower.served(idP, p.position, 1)
  first.follower.frame(idP, p.publish('b', 1))
  for (const { cursor } of first.shown.filter((one) => one.kind === 'message')) {
    const next = new Following([p], cursor())
    next.follower.served(idP, p.position, 1)
    next.settle()
    t.strictSame(
      next.texts().filter((text) => text !== 'b1'),
      ['a2', 'a3', 'live'],
    )
  }
})

t.test('what was lost before the answer, behind frames that came, is found with the next connection', async (t) => {
  const p = new Kept(idP)
  const now = new Following([p], 'now')
  now.follower.frame(idP, p.publish('a', 1))
  p.publish('a', 2)
  now.follower.served(idP, p.position, 1)
  p.publish('b', 1)
  now.follower.served(idP, p.position, 2)
  now.settle()
  t.strictSame(now.texts(), ['a1', 'b1', 'a2', 'a3'])
})

t.test('a cursor of a stream that began with the last messages does not name those before them', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 4)
  p.publish('b', 1)
  p.publish('a', 2)
  const first = new Following([p], { last: 2 })
  first.follower.served(idP, p.position, 1)
  first.settle()
  t.strictSame(first.texts(), ['b1', 'a5', 'a6', 'live'])
  const [b1] = first.shown
  const next = new Following([p], b1?.kind === 'message' ? b1.cursor() : 'now')
  next.follower.served(idP, p.position, 1)
  next.settle()
  t.strictSame(next.texts(), ['a5', 'a6', 'live'])
})
