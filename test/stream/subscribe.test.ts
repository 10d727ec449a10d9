/** `subscribe`: hot and shared, lazy, and what nobody took waits for the next subscriber. */
import { config, filter, firstValueFrom, isObservable, map, merge, take, toArray } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

/** Everything that a subscription sees, its end included. */
function record<T>(stream: Feed<T>['stream']): { seen: (T | 'end')[]; unsubscribe: () => void } {
  const seen: (T | 'end')[] = []
  const subscription = stream.subscribe({ next: (value) => seen.push(value), complete: () => seen.push('end') })
  return { seen, unsubscribe: () => subscription.unsubscribe() }
}

t.test('nothing is taken before somebody subscribes', async (t) => {
  const feed = new Feed<number>()
  const supply = feed.frame(1, 2)
  feed.frame(3)
  t.equal(supply.taken, 0)
  t.strictSame(feed.wanted, [false])
  t.match(feed.inbound, { received: 3, delivered: 0, pending: 3 })
  t.strictSame(record(feed.stream).seen, [1, 2, 3], 'all of it, within subscribe')
  t.strictSame(feed.wanted, [false, true])
  t.match(feed.inbound, { received: 3, delivered: 3, pending: 0 })
})

t.test('two subscribers see the same, each message counted once', async (t) => {
  const feed = new Feed<number>()
  const [first, second] = [record(feed.stream), record(feed.stream)]
  feed.frame(1, 2)
  feed.frame(3)
  t.strictSame(first.seen, [1, 2, 3])
  t.strictSame(second.seen, [1, 2, 3])
  t.equal(feed.inbound.delivered, 3)
  t.strictSame(feed.wanted, [true], 'it was wanted once')
})

t.test('a late subscriber sees what comes after it alone', async (t) => {
  const feed = new Feed<number>()
  const early = record(feed.stream)
  feed.frame(1)
  const late = record(feed.stream)
  feed.frame(2)
  early.unsubscribe()
  feed.frame(3)
  t.strictSame(early.seen, [1, 2])
  t.strictSame(late.seen, [2, 3])
})

t.test('one that subscribes in the middle of a frame sees the rest of the frame', async (t) => {
  const feed = new Feed<number>()
  let late: ReturnType<typeof record<number>> | undefined
  feed.stream.subscribe((value) => {
    if (value === 2) late = record(feed.stream)
  })
  feed.frame(1, 2, 3, 4)
  t.strictSame(late?.seen, [3, 4])
  t.equal(feed.unaccounted, 0)
})

t.test('unsubscribing in the middle of a frame keeps the rest for the next subscriber', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  const subscription = feed.stream.subscribe((value) => {
    seen.push(value)
    if (value === 2) subscription.unsubscribe()
  })
  feed.frame(1, 2, 3, 4)
  feed.frame(5)
  t.strictSame(seen, [1, 2])
  t.match(feed.inbound, { received: 5, delivered: 2, pending: 3, backlogged: true, wanted: false })
  t.equal(feed.unaccounted, 0)
  t.strictSame(record(feed.stream).seen, [3, 4, 5])
  t.match(feed.inbound, { received: 5, delivered: 5, pending: 0, backlogged: false, wanted: true })
})

t.test('one of two that unsubscribes in the middle of a frame leaves the frame to the other', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  const leaving = feed.stream.subscribe((value) => {
    seen.push(value)
    if (value === 2) leaving.unsubscribe()
  })
  const staying = record(feed.stream)
  feed.frame(1, 2, 3)
  t.strictSame(seen, [1, 2])
  t.strictSame(staying.seen, [1, 2, 3])
  t.equal(feed.inbound.delivered, 3)
})

t.test('firstValueFrom takes exactly one message each time', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1, 2)
  feed.frame(3)
  for (const expected of [1, 2, 3]) t.equal(await firstValueFrom(feed.stream), expected)
  const next = firstValueFrom(feed.stream)
  feed.frame(4, 5)
  t.equal(await next, 4)
  t.equal(feed.inbound.pending, 1)
})

t.test('operators that end themselves leave the rest', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1, 2, 3, 4, 5, 6)
  const even = feed.stream.pipe(
    filter((value) => value % 2 === 0),
    map((value) => value * 10),
    take(2),
    toArray(),
  )
  t.strictSame(await firstValueFrom(even), [20, 40])
  t.equal(feed.inbound.pending, 2)
})

t.test('one observable that subscribes twice sees each message twice', async (t) => {
  const feed = new Feed<number>()
  const seen: number[] = []
  merge(feed.stream, feed.stream).subscribe((value) => seen.push(value))
  feed.frame(1, 2)
  t.strictSame(seen, [1, 1, 2, 2])
  t.equal(feed.inbound.delivered, 2)
})

t.test('a subscriber that throws disturbs neither the stream nor the others', async (t) => {
  const feed = new Feed<number>()
  const cause = new Error('a subscriber of the test')
  const unhandled = new Promise((resolve) => {
    config.onUnhandledError = resolve
  })
  t.teardown(() => {
    config.onUnhandledError = null
  })
  feed.stream.subscribe((value) => {
    if (value === 1) throw cause
  })
  const other = record(feed.stream)
  feed.frame(1, 2)
  t.strictSame(other.seen, [1, 2])
  t.equal(await unhandled, cause, 'RxJS tells of it in its own way')
})

t.test('frames that arrive while one is delivered come after it, in order', async (t) => {
  const feed = new Feed<number>()
  const { seen } = record(feed.stream)
  feed.stream.subscribe((value) => {
    if (value < 10) feed.frame(value * 10, value * 10 + 1)
  })
  feed.frame(1, 2)
  t.strictSame(seen, [1, 2, 10, 11, 20, 21])
  t.equal(feed.unaccounted, 0)
})

t.test('completion ends everyone, also those that come later, and counts what is left', async (t) => {
  const feed = new Feed<number>()
  const early = record(feed.stream)
  feed.frame(1)
  early.unsubscribe()
  const staying = record(feed.stream)
  feed.frame(2)
  staying.unsubscribe()
  feed.frame(3, 4)
  feed.frame(5)
  t.equal(feed.inbound.complete(), 3)
  t.strictSame(record(feed.stream).seen, ['end'])
  t.strictSame(staying.seen, [2], 'who has left hears nothing')
  t.match(feed.inbound, { received: 5, delivered: 2, pending: 0 })
  t.strictSame(feed.inbound.dropped.snapshot(), { closed: 3 })
  t.equal(feed.unaccounted, 0)
})

t.test('completion in the middle of a frame stops there', async (t) => {
  const feed = new Feed<number>()
  const seen: (number | string)[] = []
  let left = 0
  feed.stream.subscribe({
    next: (value) => {
      seen.push(value)
      if (value === 2) left = feed.inbound.complete()
    },
    complete: () => seen.push('end'),
  })
  feed.frame(1, 2, 3, 4)
  t.strictSame(seen, [1, 2, 'end'])
  t.equal(left, 2)
  t.equal(feed.unaccounted, 0)
})

t.test('a stream is an observable to RxJS', async (t) => {
  const { stream } = new Feed<number>()
  t.ok(isObservable(stream))
})
