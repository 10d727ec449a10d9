/** Long work lets timers and other sockets have their turn, whoever consumes, and loses and reorders nothing. */
import t from 'tap'
import { turn, until } from '../support/events.js'
import { Feed } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** Keeps the thread busy. */
function burn(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

const count = 384
/** Long enough that all of it takes several slices. */
const burnMs = 0.25

const consumers: Record<string, (feed: Feed<number>, each: (value: number) => void) => void> = {
  subscribe: (feed, each) => void feed.stream.subscribe(each),
  'process, at once': (feed, each) => void feed.stream.process(each).subscribe(),
  'process, asynchronous': (feed, each) => void feed.stream.process(async (value) => each(value)).subscribe(),
  'process, many at once': (feed, each) =>
    void feed.stream.process(async (value) => each(value), { concurrency: 100 }).subscribe(),
  'for await': (feed, each) =>
    void (async () => {
      for await (const value of feed.stream) each(value)
    })(),
}

/** Runs a consumer over frames; returns how often the event loop turned meanwhile. */
async function turnsDuring(
  consume: (feed: Feed<number>, each: (value: number) => void) => void,
  frames: readonly number[][],
): Promise<{ turns: number; seen: number[]; feed: Feed<number> }> {
  const feed = new Feed<number>()
  const seen: number[] = []
  const total = frames.flat().length
  let turns = 0
  let done = () => {}
  const ended = new Promise<void>((resolve) => {
    done = resolve
  })
  const tick = () => {
    turns += 1
    if (seen.length < total) setImmediate(tick)
  }
  setImmediate(tick)
  consume(feed, (value) => {
    burn(burnMs)
    if (seen.push(value) === total) done()
  })
  for (const frame of frames) feed.frame(...frame)
  await ended
  return { turns, seen, feed }
}

for (const [name, consume] of Object.entries(consumers)) {
  t.test(`${name}: a long frame is delivered in slices`, async (t) => {
    const values = Array.from({ length: count }, (_, index) => index)
    const { turns, seen, feed } = await turnsDuring(consume, [values])
    t.strictSame(seen, values)
    t.ok(turns >= 3, `the event loop turned ${turns} times`)
    t.equal(feed.unaccounted, 0)
  })

  t.test(`${name}: so are many short frames`, async (t) => {
    const values = Array.from({ length: count }, (_, index) => index)
    const { turns, seen, feed } = await turnsDuring(
      consume,
      values.map((value) => [value]),
    )
    t.strictSame(seen, values)
    t.ok(turns >= 3, `the event loop turned ${turns} times`)
    t.equal(feed.unaccounted, 0)
  })
}

t.test('handlers that take long by themselves have a turn each', async (t) => {
  const feed = new Feed<number>()
  const slow = 120
  const supply = feed.frame(...Array.from({ length: slow }, (_, index) => index))
  const perTurn: number[] = []
  feed.stream.process(async () => burn(2)).subscribe()
  for (let before = 0; supply.taken < slow; before = supply.taken) {
    await turn()
    perTurn.push(supply.taken - before)
  }
  t.ok(Math.max(...perTurn.slice(1)) <= 16, `messages in a turn: ${perTurn}`)
})

t.test('what comes alone is delivered at once', async (t) => {
  const feed = new Feed<number>()
  let seen = 0
  feed.stream.subscribe(() => (seen += 1))
  feed.frame(0)
  // longer than a slice: that of one turn says nothing of the next
  burn(11)
  await turn()
  seen = 0
  for (let frame = 1; frame <= 200; frame++) {
    feed.frame(frame)
    if (seen !== frame) t.fail(`frame ${frame} waits`)
    if (frame % 3 === 0) await turn()
  }
  t.equal(seen, 200)
})

t.test('one that unsubscribes between two slices keeps the rest', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  const subscription = feed.stream.subscribe((value) => {
    seen.push(value)
    burn(0.5)
  })
  feed.frame(...Array.from({ length: count }, (_, index) => index))
  const first = seen.length
  t.ok(first < count, 'the first slice is over')
  subscription.unsubscribe()
  t.equal(feed.inbound.pending, count - first)
  await turn()
  t.equal(seen.length, first)
  feed.stream.subscribe((value) => seen.push(value))
  await until(() => feed.inbound.pending === 0)
  t.strictSame(seen, [...Array(count).keys()])
})

t.test('completion between two slices ends it', async (t) => {
  const feed = new Feed<number>()
  let seen = 0
  feed.stream.subscribe(() => {
    seen += 1
    burn(0.5)
  })
  feed.frame(...Array.from({ length: count }, (_, index) => index))
  const first = seen
  t.equal(feed.inbound.complete(), count - first)
  await turn()
  t.equal(seen, first)
  t.equal(feed.unaccounted, 0)
})
