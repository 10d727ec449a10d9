/** Calls with streams: of responses, of requests, of both; how they end, and how they fail. */
import { concat, firstValueFrom, from, lastValueFrom, map, NEVER, of, Subject, take, throwError, toArray } from 'rxjs'
import t from 'tap'
import { isDeclaredError } from '../../src/avro/index.js'
import type { CallHandler } from '../../src/call/served-service.js'
import type { Stream } from '../../src/stream/index.js'
import { Calling, collect, Numbers, numbered } from './calling.js'

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

async function* later(n: number) {
  for (const value of upTo(n)) {
    await null
    yield value
  }
}

t.test('responses from whatever a handler returns', async (t) => {
  const sources: ((n: number) => unknown)[] = [
    upTo,
    (n) => upTo(n).values(),
    later,
    (n) => from(upTo(n)),
    (n) => Promise.resolve(upTo(n)),
    async (n) => later(n),
    (n) => new Set(upTo(n)),
  ]
  for (const source of sources) {
    for (const n of [0, 1, 1000]) {
      const calling = new Calling({ count: numbered(source) })
      const { responses, outcomes } = calling.start('count', n)
      const seen = collect(responses)
      await calling.settle()
      t.strictSame(seen, { values: upTo(n), end: 'complete' })
      t.strictSame(outcomes, [undefined])
      t.strictSame(calling.leftovers, {})
      t.match(calling.host.stats(), { answered: 1 })
    }
  }
})

t.test('responses as an async iterable and in process', async (t) => {
  const calling = new Calling({ count: numbered(upTo) })
  const iterated: number[] = []
  const { responses } = calling.start('count', 5)
  const loop = (async () => {
    for await (const value of responses) iterated.push(value)
  })()
  await calling.settle()
  await loop
  t.strictSame(iterated, [1, 2, 3, 4, 5])
  const processed = calling.start('count', 5).responses.process(async (n) => n * 10, { concurrency: 2 })
  const [results] = await Promise.all([lastValueFrom(processed.pipe(toArray())), calling.settle()])
  t.strictSame(results, [10, 20, 30, 40, 50])
  t.strictSame(calling.leftovers, {})
})

t.test('a stream that fails ends with its error, after what came before', async (t) => {
  const odd = Numbers.error('count', 'Odd', { n: 3 })
  const failing: [unknown, (error: unknown) => boolean][] = [
    [
      concat(
        of(1, 2),
        throwError(() => odd),
      ),
      (error) => isDeclaredError(Numbers, 'count', error, 'Odd'),
    ],
    [
      (function* () {
        yield 1
        yield 2
        throw odd
      })(),
      (error) => isDeclaredError(Numbers, 'count', error, 'Odd'),
    ],
    [
      concat(
        of(1, 2),
        throwError(() => new Error('secret')),
      ),
      (error) => (error as { code?: string }).code === 'RIVULET_INTERNAL',
    ],
    [[1, 2, 'three', 4], (error) => (error as { code?: string }).code === 'RIVULET_INTERNAL'],
  ]
  for (const [source, expected] of failing) {
    for (const way of ['subscribe', 'iterate', 'process'] as const) {
      if (way !== 'subscribe' && typeof (source as { next?: unknown }).next === 'function') continue
      const calling = new Calling({ count: () => source })
      const { responses } = calling.start('count')
      const values: number[] = []
      let failure: unknown
      if (way === 'iterate') {
        const loop = (async () => {
          for await (const value of responses) values.push(value)
        })().catch((error: unknown) => {
          failure = error
        })
        await calling.settle()
        await loop
      } else {
        const taken = way === 'process' ? responses.process((value) => value) : responses
        taken.subscribe({
          next: (value) => values.push(value),
          error: (error) => {
            failure = error
          },
        })
        await calling.settle()
      }
      t.strictSame(values, [1, 2], way)
      t.ok(expected(failure), way)
      t.strictSame(calling.leftovers, {})
    }
  }
})

t.test('what is no source fails the call', async (t) => {
  for (const source of [5, null, undefined, {}, Promise.resolve(5)]) {
    const calling = new Calling({ count: () => source })
    const seen = collect(calling.start('count').responses)
    await calling.settle()
    t.match(seen.end, { code: 'RIVULET_INTERNAL' })
    t.match(calling.errors, [{ cause: { code: 'RIVULET_INVALID_OPTION' } }])
    t.strictSame(calling.leftovers, {})
  }
})

const sum: CallHandler = (items) => {
  return lastValueFrom(
    (items as Stream<{ n: number }>).pipe(
      map(({ n }) => n),
      toArray(),
    ),
  ).then((all) => all.reduce((total, n) => total + n, 0))
}

t.test('requests from whatever a caller passes', async (t) => {
  const requests = upTo(100).map((n) => ({ n }))
  const sources = [
    () => requests,
    () => from(requests),
    async function* () {
      yield* requests
    },
    () => Promise.resolve({ n: 5050 }),
  ]
  for (const source of sources) {
    const calling = new Calling({ sum })
    const { outcomes } = calling.start('sum', source())
    await calling.settle()
    t.strictSame(outcomes, [5050])
    t.strictSame(calling.leftovers, {})
  }
})

t.test('requests are iterated and processed by the handler', async (t) => {
  const handlers: CallHandler[] = [
    async (items) => {
      let total = 0
      for await (const { n } of items as Stream<{ n: number }>) total += n
      return total
    },
    (items) =>
      lastValueFrom((items as Stream<{ n: number }>).process(({ n }) => n).pipe(toArray())).then((all) => all.length),
  ]
  for (const [index, handler] of handlers.entries()) {
    const calling = new Calling({ sum: handler })
    const { outcomes } = calling.start('sum', [{ n: 4 }, { n: 6 }])
    await calling.settle()
    t.strictSame(outcomes, [[10, 2][index]])
    t.strictSame(calling.leftovers, {})
  }
})

t.test('a handler that answers before the requests end', async (t) => {
  let left = false
  async function* endless() {
    try {
      for (let n = 1; ; n++) {
        yield { n }
        await new Promise(setImmediate)
      }
    } finally {
      left = true
    }
  }
  const calling = new Calling({ sum: (items) => firstValueFrom(items as Stream<{ n: number }>).then(({ n }) => n) })
  const { outcomes } = calling.start('sum', endless())
  await calling.settle()
  t.strictSame(outcomes, [1])
  await calling.settle()
  t.ok(left, 'the source is left')
  t.strictSame(calling.leftovers, {})
  t.strictSame(calling.errors, [])
})

t.test('a source of requests that fails', async (t) => {
  const cause = new Error('source')
  const seen: unknown[] = []
  const calling = new Calling({
    sum: (items, { signal }) => {
      ;(items as Stream<unknown>).subscribe({ error: (error) => seen.push(error) })
      signal.addEventListener('abort', () => seen.push('aborted'))
      return NEVER
    },
  })
  const { outcomes } = calling.start(
    'sum',
    concat(
      of({ n: 1 }),
      throwError(() => cause),
    ),
  )
  await calling.settle()
  t.match(outcomes, [{ code: 'RIVULET_SOURCE_FAILED', cause, executed: 'maybe' }])
  t.match(seen, ['aborted', { code: 'RIVULET_CANCELLED' }])
  const wrong = calling.start('sum', [{ n: 1 }, { n: 'x' }])
  await calling.settle()
  t.match(wrong.outcomes, [{ code: 'RIVULET_INVALID_MESSAGE', issues: [{ path: 'n' }] }])
  const none = calling.start('sum', 5)
  await calling.settle()
  t.match(none.outcomes, [{ code: 'RIVULET_INVALID_OPTION' }])
  t.strictSame(calling.leftovers, {})
})

t.test('both ways', async (t) => {
  const calling = new Calling({
    each: async function* (items) {
      for await (const { n } of items as Stream<{ n: number }>) yield n * 2
    } as CallHandler,
  })
  const requests = new Subject<{ n: number }>()
  const { responses } = calling.start('each', requests)
  const seen = collect(responses)
  for (const n of [1, 2, 3]) {
    requests.next({ n })
    await calling.settle()
    t.equal(seen.values.at(-1), n * 2, 'each answer comes before the next request')
  }
  requests.complete()
  await calling.settle()
  t.strictSame(seen, { values: [2, 4, 6], end: 'complete' })
  t.strictSame(calling.leftovers, {})
})

t.test('responses without a byte', async (t) => {
  const calling = new Calling({ nothing: () => Array(1000).fill(null) })
  const seen = collect(calling.start('nothing', {}).responses)
  await calling.settle()
  t.equal(seen.values.length, 1000)
  t.equal(seen.end, 'complete')
})

t.test('leaving early cancels the handler', async (t) => {
  let left = 0
  const calling = new Calling(
    {
      count: () =>
        (function* () {
          try {
            for (let n = 1; ; n++) yield n
          } finally {
            left += 1
          }
        })(),
    },
    { windowBytes: 100 },
  )
  const few = lastValueFrom(calling.start('count').responses.pipe(take(3), toArray()))
  await calling.settle()
  t.strictSame(await few, [1, 2, 3])
  t.equal(left, 1)
  const iterator = calling.start('count').responses[Symbol.asyncIterator]()
  const next = iterator.next()
  await calling.settle()
  t.strictSame(await next, { value: 1, done: false })
  await iterator.return?.()
  t.strictSame(await iterator.next(), { value: undefined, done: true }, 'which is no failure')
  await calling.settle()
  t.equal(left, 2)
  t.strictSame(calling.leftovers, {})
})
