/**
 * From where a subscription begins: history, and the seam to what is live; cursors are in `topic-follower-cursors.test.ts`.
 */
import t from 'tap'
import { Following, Kept } from './follower-world.js'

const idP = '00000000000000aa'

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

t.test('since the last of each topic, while one moves on: nothing is left out behind the answer', async (t) => {
  const p = new Kept(idP)
  p.publish('a', 5)
  const all = new Following([p], { last: 3 })
  const frame = p.publish('a', 4)
  // the answer is in the middle of a frame, and the topic has moved by more than the last ones before its head is read
  all.follower.served(idP, p.position - 2, 1)
  all.follower.frame(idP, frame)
  all.follower.frame(idP, p.publish('a', 20))
  all.settle()
  const shown = all.texts().filter((text) => text !== 'live')
  t.strictSame(
    shown.slice(-22),
    [8, 9, ...Array.from({ length: 20 }, (_, n) => n + 10)].map((n) => `a${n}`),
  )
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

t.test(
  'what a slow connection brings from before the answer is not wanted, and shows nothing as missing',
  async (t) => {
    for (const since of ['retained', new Date(5), 'now'] as const) {
      const p = new Kept(idP)
      p.publish('a', 1, { isRetained: true })
      const late = [p.beacon('a')]
      if (since !== 'now') late.push(p.publish('a', 1))
      p.publish('a', 3)
      const stream = new Following([p], since)
      stream.follower.served(idP, p.position, 1)
      stream.settle()
      for (const frame of late) stream.follower.frame(idP, frame)
      stream.follower.frame(idP, p.beacon('a'))
      const first = p.publish('a', 1)
      stream.follower.frame(idP, first)
      stream.settle()
      const before = since === 'now' ? [] : since === 'retained' ? ['a1', 'live'] : ['live']
      t.strictSame(stream.texts(), [...before, `a${first.place.sequence}`], `since ${since}`)
    }
  },
)

t.test('a stream that is left before its history has come begins at its next answer', async (t) => {
  for (const since of ['retained', new Date(5)] as const) {
    const p = new Kept(idP)
    p.publish('b', 1, { time: 10, isRetained: true })
    const stream = new Following([p], since)
    stream.follower.served(idP, p.position, 1)
    stream.follower.stop()
    p.publish('a', 2)
    stream.follower.resume()
    stream.follower.served(idP, p.position, 1)
    stream.settle()
    stream.follower.frame(idP, p.publish('a', 1, { time: 10 }))
    stream.settle()
    t.strictSame(stream.texts(), ['b1', 'live', 'a3'], `since ${since}`)
  }
})

t.test('since the last messages: left in the middle of them, it continues there', async (t) => {
  const p = new Kept(idP)
  for (let n = 0; n < 6; n++) p.publish('a', 1)
  const stream = new Following([p], { last: 3 })
  stream.follower.served(idP, p.position, 1)
  stream.step()
  stream.step()
  t.strictSame(stream.texts(), ['a4'])
  stream.follower.stop()
  for (let n = 0; n < 6; n++) p.publish('a', 1)
  stream.follower.resume()
  stream.follower.served(idP, p.position, 1)
  stream.settle()
  const rest = ['a5', 'a6', 'a7', 'a8', 'a9', 'a10', 'a11', 'a12']
  t.strictSame(stream.texts(), ['a4', ...rest, 'live'])
})
