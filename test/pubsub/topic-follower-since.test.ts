/**
 * From where a subscription begins: history, the seam to what is live, and cursors.
 */
import t from 'tap'
import type { Cursor } from '../../patterns/pubsub/cursor.js'
import { Following, Kept } from './follower-world.js'

const idP = '00000000000000aa'
const idQ = '00000000000000bb'

t.test('since all: history, what was held, then what is live', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  p.publish('b', 1)
  const all = new Following([p], 'all')
  all.follower.served(idP, p.position, 1)
  all.follower.frame(idP, p.publish('a', 1))
  t.strictSame(all.texts(), [])
  all.settle()
  all.follower.frame(idP, p.publish('b', 1))
  t.strictSame(all.texts(), ['a1', 'a2', 'b1', 'a3', 'live', 'b2'])
})

t.test('since all: frames before the answer, and frames that history has as well', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  const before = p.publish('a', 2)
  const all = new Following([p], 'all')
  all.follower.frame(idP, before)
  all.follower.served(idP, p.position, 1)
  p.publish('a', 1)
  all.settle()
  all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts(), ['a1', 'a2', 'a3', 'a4', 'live', 'a5', 'a6'])
})

t.test('since all, of which a part is not kept', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  p.publish('b', 1)
  p.publish('a', 2)
  p.trim(2)
  const all = new Following([p], 'all')
  all.follower.served(idP, p.position, 1)
  all.settle()
  t.strictSame(all.texts(), ['gap a1-2 expired', 'gap b1-1 expired', 'a3', 'a4', 'live'])
})

t.test('since all without history: live at once, and what was before is named when its topic speaks', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  const all = new Following([], 'all')
  all.follower.served(idP, p.position, 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.follower.frame(idP, p.publish('b', 1))
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  t.strictSame(all.texts(), ['live', 'gap a1-2 expired', 'a3', 'b1', 'gap a4-4 lost', 'a5'])
})

t.test('since all where history cannot be reached', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  const all = new Following([p], 'all')
  all.follower.served(idP, p.position, 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.fail()
  t.strictSame(all.texts(), ['gap a1-2 unavailable', 'a3', 'live'])
})

t.test('since all with more live frames than may be held: they are fetched, round by round', async (t) => {
  const p = new Kept(idP)
  for (let n = 0; n < 10; n++) p.publish('a', 1)
  const all = new Following([p], 'all', '#', 1000)
  all.follower.served(idP, p.position, 1)
  for (let n = 0; n < 30; n++) {
    all.follower.frame(idP, p.publish('ab'[n % 2] as string, 1))
    all.step()
  }
  all.settle()
  const numbers = (topic: string, count: number) => Array.from({ length: count }, (_, n) => `${topic}${n + 1}`)
  t.strictSame(
    all.texts().filter((text) => text.startsWith('a')),
    numbers('a', 25),
  )
  t.strictSame(
    all.texts().filter((text) => text.startsWith('b')),
    numbers('b', 15),
  )
  t.equal(all.texts().filter((text) => text === 'live').length, 1)
  t.equal(all.budget.bytes, 0)
})

t.test('a publisher that never answers is live after a second', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2)
  const all = new Following([], 'all')
  all.now = 5000
  all.follower.frame(idP, p.publish('a', 1))
  t.equal(all.watchedAt, 6000)
  all.follower.unanswered(5999)
  t.strictSame(all.texts(), [])
  all.now = 6000
  all.follower.unanswered(6000)
  t.strictSame(all.texts(), ['gap a1-2 unavailable', 'a3', 'live'])
  all.follower.frame(idP, p.publish('a', 1))
  all.follower.served(idP, p.position, 1)
  t.strictSame(all.texts().slice(3), ['a4'])
})

t.test('frames of a publisher that never answers, for which there was no room, are named as missing', async (t) => {
  for (const since of [{ last: 3 }, 'retained', 'all'] as const) {
    const p = new Kept(idP)
    const all = new Following([], since, '#', 0)
    all.follower.frame(idP, p.publish('a', 1))
    all.now = 1000
    all.follower.unanswered(1000)
    t.strictSame(all.texts(), ['live'])
    all.follower.frame(idP, p.publish('a', 1))
    t.strictSame(all.texts().slice(1), ['gap a1-1 unavailable', 'a2'], `since ${JSON.stringify(since)}`)
  }
})

t.test('since the last of each topic', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 10)
  p.publish('b', 1)
  p.publish('a', 1)
  p.publish('c', 5)
  p.trim(1)
  const all = new Following([p], { last: 3 })
  all.follower.served(idP, p.position, 1)
  t.match(all.replays[0]?.fetch, { purpose: 'floors' })
  all.follower.frame(idP, p.publish('d', 4))
  all.settle()
  t.strictSame(all.texts(), ['gap a9-10 expired', 'b1', 'a11', 'c3', 'c4', 'c5', 'd1', 'd2', 'd3', 'd4', 'live'])
})

t.test('since the last of each topic where history cannot be reached, or is none', async (t) => {
  for (const publishers of [1, 0]) {
    const p = new Kept(idP)
    p.publish('a', 10)
    const all = new Following(publishers ? [p] : [], { last: 3 })
    all.follower.served(idP, p.position, 1)
    all.fail()
    all.follower.frame(idP, p.publish('a', 1))
    t.strictSame(all.texts(), ['live', 'a11'])
  }
})

t.test('since a date', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 2, { time: 1 })
  p.publish('a', 1, { time: 5 })
  p.publish('b', 1, { time: 4 })
  const all = new Following([p], new Date(5))
  all.follower.served(idP, p.position, 1)
  all.settle()
  all.follower.frame(idP, p.publish('b', 1))
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts(), ['a3', 'live', 'b2', 'a4', 'a5'])
})

t.test('since a date whose history cannot be reached: what is missing behind held frames is fetched', async (t) => {
  const p = new Kept(idP)
  const held = p.publish('a', 2)
  p.publish('a', 2)
  const all = new Following([p], new Date(0))
  all.follower.frame(idP, held)
  all.follower.served(idP, p.position, 1)
  all.fail()
  t.strictSame(all.texts(), ['a1', 'a2', 'live'])
  p.publish('a', 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts().slice(3), ['a3', 'a4', 'a5', 'a6'])
})

t.test('since the retained values: each once, then what is live', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 1, { isRetained: true })
  p.publish('a', 1, { isRetained: true })
  p.publish('a', 3)
  p.publish('b', 1)
  const all = new Following([p], 'retained')
  all.follower.served(idP, p.position, 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts(), ['a2', 'a6', 'live'])
  p.publish('b', 1)
  all.follower.frame(idP, p.publish('b', 1, { isRetained: true }))
  all.settle()
  t.strictSame(all.texts().slice(3), ['b2', 'b3'], 'a loss after the seam is a gap like any other')
})

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

t.test('a connection is lost while history is replayed: what it lost is fetched without a beacon', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 1)
  const all = new Following([p], 'all')
  all.follower.served(idP, 1, 1)
  p.publish('a', 1)
  all.follower.served(idP, 2, 2)
  all.settle()
  t.strictSame(all.texts(), ['a1', 'a2', 'live'])
})

t.test('more live frames than may be held while history is replayed: they come before the seam', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 1)
  const all = new Following([p], 'all', '#', 300)
  all.follower.served(idP, 1, 1)
  for (let n = 0; n < 4; n++) all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts(), ['a1', 'a2', 'a3', 'a4', 'a5', 'live'])
})

t.test('since all: what is given up behind held frames is named behind them, before the seam', async (t) => {
  for (const isNext of [true, false]) {
    const p = new Kept(idP)
    p.publish('a', 1)
    const all = new Following([p], 'all', '#', 300)
    all.follower.frame(idP, p.publish('a', 1))
    // there is no room for these
    for (let n = 0; n < 2; n++) all.follower.frame(idP, p.publish('a', 1))
    p.trim(4)
    all.follower.served(idP, 4, 1)
    if (isNext) all.follower.frame(idP, p.publish('a', 1))
    all.settle()
    const end = isNext ? ['a5'] : []
    t.strictSame(all.texts(), ['gap a1-1 expired', 'a2', 'gap a3-4 expired', ...end, 'live'])
  }
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

t.test('it is left in the middle of what was held: the rest is kept', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 1)
  const all: Following = new Following([p], 'all', '#', 1_000_000, ({ sequence }) => {
    if (sequence === 2) all.follower.stop()
  })
  all.follower.served(idP, 1, 1)
  all.follower.frame(idP, p.publish('a', 1))
  all.follower.frame(idP, p.publish('a', 1))
  all.settle()
  t.strictSame(all.texts(), ['a1', 'a2', 'a3'], 'and it is not live')
})

t.test(
  'since the retained values: other messages from before the answer are not wanted, though they have arrived',
  async (t) => {
    const p = new Kept(idP)
    p.publish('a', 1, { isRetained: true })
    const late = p.publish('a', 2)
    const all = new Following([p], 'retained')
    all.follower.frame(idP, late)
    all.follower.served(idP, p.position, 1)
    all.settle()
    all.follower.frame(idP, p.publish('a', 1))
    t.strictSame(all.texts(), ['a1', 'live', 'a4'])
    t.equal(all.abandoned, 2)
  },
)
