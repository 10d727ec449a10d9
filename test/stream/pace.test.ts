/** Several consumers of one stream: the slowest of those with a bound sets the pace for all. */
import { Subject } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** Work that is done when the test says so. */
class Work {
  readonly begun: number[] = []
  readonly #open = new Map<number, Subject<never>>()

  readonly begin = (value: number) => {
    this.begun.push(value)
    const subject = new Subject<never>()
    this.#open.set(value, subject)
    return subject
  }

  finish(value: number): void {
    this.#open.get(value)?.complete()
    this.#open.delete(value)
  }
}

t.test('a subscriber without a bound goes no faster than the process beside it', async (t) => {
  const feed = new Feed<number>()
  const work = new Work()
  const seen: number[] = []
  feed.stream.process(work.begin, { concurrency: 2 }).subscribe()
  feed.stream.subscribe((value) => seen.push(value))
  const supply = feed.frame(1, 2, 3, 4)
  t.strictSame(work.begun, [1, 2])
  t.strictSame(seen, [1, 2])
  work.finish(1)
  t.strictSame(seen, [1, 2, 3])
  t.equal(supply.taken, 3)
})

t.test('of two with a bound the slower one rules, whichever came first', async (t) => {
  const feed = new Feed<number>()
  const [narrow, wide] = [new Work(), new Work()]
  feed.stream.process(wide.begin, { concurrency: 3 }).subscribe()
  feed.stream.process(narrow.begin, { concurrency: 1 }).subscribe()
  feed.frame(1, 2, 3, 4, 5)
  t.strictSame([narrow.begun, wide.begun], [[1], [1]])
  narrow.finish(1)
  narrow.finish(2)
  t.strictSame(
    [narrow.begun, wide.begun],
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
    'now both are busy',
  )
  narrow.finish(3)
  t.strictSame(narrow.begun, [1, 2, 3], 'the wide one rules')
  wide.finish(2)
  t.strictSame(
    [narrow.begun, wide.begun],
    [
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ],
  )
  t.equal(feed.unaccounted, 0)
})

t.test('a loop that stands still holds everyone, and its end lets them go', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  feed.stream.subscribe((value) => seen.push(value))
  const iterator = feed.stream[Symbol.asyncIterator]()
  const first = iterator.next()
  feed.frame(1, 2, 3)
  t.strictSame(await first, { value: 1, done: false })
  await turn()
  t.strictSame(seen, [1], 'the loop has not asked for more')
  t.equal(feed.inbound.backlogged, true, 'so its owner reads nothing more')
  await iterator.return?.()
  t.strictSame(seen, [1, 2, 3])
  t.equal(feed.inbound.backlogged, false)
})

t.test('a process that is unsubscribed lets the others go on', async (t) => {
  const feed = new Feed<number>()
  const work = new Work()
  const seen: number[] = []
  const slow = feed.stream.process(work.begin).subscribe()
  feed.stream.subscribe((value) => seen.push(value))
  feed.frame(1, 2, 3)
  t.strictSame(seen, [1])
  slow.unsubscribe()
  t.strictSame(seen, [1, 2, 3])
  t.strictSame(work.begun, [1])
})

t.test('the next frame waits with its owner until the one before is used up', async (t) => {
  const feed = new Feed<number>()
  const work = new Work()
  feed.stream.process(work.begin).subscribe()
  feed.frame(1, 2)
  const second = feed.frame(3)
  work.finish(1)
  t.equal(second.taken, 0)
  t.match(feed.inbound, { backlogged: true, pending: 1 })
  work.finish(2)
  t.equal(second.taken, 1)
  t.match(feed.inbound, { backlogged: false, pending: 0 })
})
