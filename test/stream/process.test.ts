/** `process`: the bound, the kinds of results, their order, what failures and unsubscribing do. */
import { firstValueFrom, Observable, of, range, Subject, take, toArray } from 'rxjs'
import t from 'tap'
import { turn } from '../support/events.js'
import { Feed } from '../support/feed.js'

// deliveries are synchronous while the turn has a budget left
t.beforeEach(turn)

t.test('no more messages are in work than the bound, and the rest stays where it is', async (t) => {
  const feed = new Feed<number>()
  const supply = feed.frame(0, 1, 2, 3, 4, 5)
  const work: Subject<string>[] = []
  const results: string[] = []
  feed.stream
    .process(
      (value) => {
        work[value] = new Subject()
        return work[value]
      },
      { concurrency: 2 },
    )
    .subscribe((result) => results.push(result))
  t.equal(supply.taken, 2)
  t.equal(feed.inbound.pending, 4)
  work[1]?.next('b')
  work[1]?.complete()
  t.equal(supply.taken, 3, 'one done, one begun')
  work[2]?.next('c')
  work[0]?.next('a1')
  work[0]?.next('a2')
  t.equal(supply.taken, 3, 'a result is not an end')
  work[0]?.complete()
  work[2]?.complete()
  t.equal(supply.taken, 5)
  t.strictSame(results, ['b', 'c', 'a1', 'a2'], 'in the order in which they are ready')
  t.equal(feed.unaccounted, 0)
})

t.test('the bound is one unless it is said', async (t) => {
  const feed = new Feed<number>()
  const supply = feed.frame(0, 1, 2)
  feed.stream.process(() => new Subject()).subscribe()
  t.equal(supply.taken, 1)
})

t.test('a result may be a value, a promise, an async iterable or an observable that ends at once', async (t) => {
  const kinds: ((value: number) => unknown)[] = [
    (value) => value * 2,
    async (value) => value * 2,
    (value) => of(value * 2),
    async function* (value) {
      yield value * 2
    },
  ]
  for (const kind of kinds) {
    const feed = new Feed<number>()
    feed.frame(1, 2, 3)
    const results = firstValueFrom(
      feed.stream.process(kind as (value: number) => Promise<number>).pipe(take(3), toArray()),
    )
    t.strictSame(await results, [2, 4, 6])
    t.equal(feed.unaccounted, 0)
  }
})

t.test('an array or a text is one result', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1, 2)
  const results: unknown[] = []
  feed.stream.process((value) => (value === 1 ? [7, 8] : 'text') as unknown as string).subscribe((x) => results.push(x))
  t.strictSame(results, [[7, 8], 'text'])
})

t.test('a failure is reported with its cause, and the stream goes on', async (t) => {
  const feed = new Feed<number>()
  const cause = new Error('no')
  const failures: ((value: number) => unknown)[] = [
    () => {
      throw cause
    },
    () => Promise.reject(cause),
    () => new Observable((subscriber) => subscriber.error(cause)),
    () => ({
      // biome-ignore lint/suspicious/noThenProperty: a hostile result
      get then() {
        throw cause
      },
    }),
  ]
  for (let index = 0; index < failures.length; index++) feed.frame(index)
  feed.frame(100)
  const project = (value: number) => (failures[value]?.(value) ?? value) as number
  t.equal(await firstValueFrom(feed.stream.process(project)), 100)
  t.strictSame(
    feed.errors.map(({ code, cause }) => [code, cause]),
    failures.map(() => ['RIVULET_HANDLER_FAILED', cause]),
  )
  t.equal(feed.inbound.delivered, 5)
})

t.test('a result that looks asynchronous and is not costs that message alone', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1, 2, 3)
  const results: unknown[] = []
  feed.stream
    .process((value) => (value === 2 ? ({ [Symbol.asyncIterator]: 1 } as unknown as number) : value))
    .subscribe((value) => results.push(value))
  t.strictSame(results, [1, 3])
  t.strictSame(
    feed.errors.map(({ code }) => code),
    ['RIVULET_HANDLER_FAILED'],
  )
})

t.test('unsubscribing stops taking and cancels the work under way', async (t) => {
  const feed = new Feed<number>()
  const supply = feed.frame(1, 2, 3, 4)
  let cancelled = 0
  const project = () => new Observable<never>(() => () => cancelled++)
  const subscription = feed.stream.process(project, { concurrency: 2 }).subscribe()
  subscription.unsubscribe()
  t.equal(cancelled, 2)
  t.equal(supply.taken, 2)
  t.strictSame(feed.wanted, [false, true, false])
  t.equal(feed.inbound.pending, 2)
})

t.test('unsubscribing in the middle of an endless result ends it', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1, 2)
  const results = feed.stream.process(() => range(0, Number.POSITIVE_INFINITY)).pipe(take(3), toArray())
  t.strictSame(await firstValueFrom(results), [0, 1, 2])
  t.equal(feed.inbound.pending, 1)
})

t.test('a handler that another one unsubscribes is not called any more', async (t) => {
  const feed = new Feed<number>()
  let second = 0
  feed.stream.process(() => other.unsubscribe()).subscribe()
  const other = feed.stream.process(() => second++).subscribe()
  feed.frame(1, 2)
  t.equal(second, 0)
  t.equal(feed.inbound.delivered, 2)
})

t.test('it completes with the stream, after the work under way', async (t) => {
  const feed = new Feed<number>()
  feed.frame(1)
  const work = new Subject<string>()
  const seen: string[] = []
  feed.stream.process(() => work).subscribe({ next: (x) => seen.push(x), complete: () => seen.push('complete') })
  feed.inbound.complete()
  t.strictSame(seen, [])
  work.next('late')
  work.complete()
  t.strictSame(seen, ['late', 'complete'])
})

t.test('a million synchronous messages need no deep stack', async (t) => {
  const feed = new Feed<number>()
  let sum = 0
  const done = firstValueFrom(feed.stream.process((value) => value).pipe(take(1_000_000), toArray()))
  for (let block = 0; block < 10; block++) feed.frame(...Array.from({ length: 100_000 }, (_, index) => index))
  for (const value of await done) sum += value
  t.equal(sum, 10 * ((99_999 * 100_000) / 2))
})

t.test('options are checked when process is called', async (t) => {
  const feed = new Feed<number>()
  for (const concurrency of [0, 1.5, 65_537, Number.NaN, '1']) {
    t.throws(() => feed.stream.process(String, { concurrency: concurrency as number }), {
      code: 'RIVULET_INVALID_OPTION',
    })
  }
  t.throws(() => feed.stream.process(String, { concurency: 1 } as object), /did you mean 'concurrency'/)
  // else each message would fail, and nothing would say so before
  t.throws(() => feed.stream.process(undefined as never), /project must be a function, received undefined/)
})
