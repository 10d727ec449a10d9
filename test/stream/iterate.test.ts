/** `for await`: one message at a time, at the pace of the loop; leaving the loop leaves the rest. */
import t from 'tap'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

t.test('a loop takes one message at a time', async (t) => {
  const feed = new Feed<number>()
  const supply = feed.frame(1, 2, 3)
  const seen: number[] = []
  for await (const value of feed.stream) {
    seen.push(value)
    t.equal(supply.taken, seen.length, 'nothing is taken before it is asked for')
    await turn()
    t.equal(supply.taken, seen.length, 'also while the body takes its time')
    if (value === 3) break
  }
  t.strictSame(seen, [1, 2, 3])
  t.strictSame(feed.wanted, [false, true, false])
})

for (const [how, leave] of Object.entries({
  break: async (feed: Feed<number>) => {
    for await (const value of feed.stream) if (value === 2) break
  },
  return: async (feed: Feed<number>) => {
    for await (const value of feed.stream) if (value === 2) return value
    return undefined
  },
  throw: async (feed: Feed<number>) => {
    for await (const value of feed.stream) if (value === 2) throw new Error('the body')
  },
})) {
  t.test(`leaving by ${how} leaves the rest, and a later loop goes on there`, async (t) => {
    const feed = new Feed<number>()
    feed.frame(1, 2, 3)
    feed.frame(4)
    const left = leave(feed)
    if (how === 'throw') await t.rejects(left as Promise<void>, { message: 'the body' })
    else await left
    t.match(feed.inbound, { delivered: 2, pending: 2, wanted: false })
    const rest: number[] = []
    for await (const value of feed.stream) if (rest.push(value) === 2) break
    t.strictSame(rest, [3, 4])
    t.equal(feed.unaccounted, 0)
  })
}

t.test('calls of next that overlap get consecutive messages in order', async (t) => {
  const feed = new Feed<number>()
  const iterator = feed.stream[Symbol.asyncIterator]()
  const results = [iterator.next(), iterator.next(), iterator.next()]
  const supply = feed.frame(1, 2)
  t.equal(supply.taken, 2)
  const more = feed.frame(3, 4)
  t.equal(more.taken, 1, 'no more than was asked for')
  t.strictSame(
    await Promise.all(results),
    [1, 2, 3].map((value) => ({ value, done: false })),
  )
  t.strictSame(await iterator.next(), { value: 4, done: false })
  await iterator.return?.()
  t.equal(feed.inbound.wanted, false)
})

t.test('an iterator that was never asked wants nothing', async (t) => {
  const feed = new Feed<number>()
  const iterator = feed.stream[Symbol.asyncIterator]()
  feed.frame(1)
  t.equal(feed.inbound.pending, 1)
  t.strictSame(await iterator.return?.(), { value: undefined, done: true })
  t.strictSame(await iterator.next(), { value: undefined, done: true }, 'and is over when it was left')
  t.equal(feed.inbound.pending, 1)
})

t.test('return ends the calls that wait', async (t) => {
  const feed = new Feed<number>()
  const iterator = feed.stream[Symbol.asyncIterator]()
  const waiting = [iterator.next(), iterator.next()]
  t.equal(feed.inbound.wanted, true)
  await iterator.return?.()
  t.strictSame(await Promise.all(waiting), Array(2).fill({ value: undefined, done: true }))
  feed.frame(1)
  t.equal(feed.inbound.pending, 1)
})

t.test('completion ends a loop, and every call that waits', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  const loop = (async () => {
    for await (const value of feed.stream) seen.push(value)
  })()
  const other = feed.stream[Symbol.asyncIterator]()
  const waiting = [other.next(), other.next()]
  feed.frame(1)
  await turn()
  feed.inbound.complete()
  await loop
  t.strictSame(seen, [1])
  t.strictSame(await Promise.all(waiting), [
    { value: 1, done: false },
    { value: undefined, done: true },
  ])
  t.strictSame(await other.next(), { value: undefined, done: true })
  for await (const _ of feed.stream) t.fail('a stream that has ended')
})

t.test('two loops see the same, in step', async (t) => {
  const feed = new Feed<number>()
  const seen: string[] = []
  const loop = async (name: string) => {
    for await (const value of feed.stream) {
      seen.push(`${name}${value}`)
      if (value === 3) break
    }
  }
  const both = Promise.all([loop('a'), loop('b')])
  feed.frame(1, 2, 3, 4)
  await both
  t.strictSame(seen.sort(), ['a1', 'a2', 'a3', 'b1', 'b2', 'b3'])
  t.match(feed.inbound, { delivered: 3, pending: 1 })
})

t.test('two hundred thousand messages that are there at once need no deep stack', async (t) => {
  const feed = new Feed<number>()
  for (let block = 0; block < 2; block++) feed.frame(...Array.from({ length: 100_000 }, () => 1))
  let count = 0
  for await (const value of feed.stream) {
    count += value
    if (count === 200_000) break
  }
  t.equal(feed.inbound.delivered, 200_000)
  t.equal(feed.inbound.pending, 0)
})
