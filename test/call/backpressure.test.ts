/** Credit: a slow side holds up its own stream and nothing else, and memory is bounded at both ends. */
import { firstValueFrom, from, lastValueFrom, map, Observable, range, Subject, take, toArray } from 'rxjs'
import t from 'tap'
import type { CallHandler } from '../../src/call/served-service.js'
import type { Stream } from '../../src/stream/index.js'
import { Calling, collect, numbered } from './calling.js'

/** An endless generator that tells how far it was read. */
class Counting {
  read = 0
  left = false;
  *values() {
    try {
      for (;;) yield ++this.read
    } finally {
      this.left = true
    }
  }
}

t.test('a generator is read as far as there is credit', async (t) => {
  const counting = new Counting()
  const calling = new Calling({ count: () => counting.values(), double: numbered((n) => n * 2) }, { windowBytes: 64 })
  const { responses, call } = calling.start('count')
  await calling.settle()
  const atFirst = counting.read
  t.ok(atFirst > 10 && atFirst < 100, `${atFirst} were read`)
  const iterator = responses[Symbol.asyncIterator]()
  for (let n = 1; n <= 200; n++) {
    const next = iterator.next()
    if (n % 20 === 0) await calling.settle()
    t.strictSame(await Promise.race([next, calling.settle().then(() => next)]), { value: n, done: false })
  }
  t.ok(counting.read < 200 + atFirst + 10, `${counting.read} were read`)
  const { outcomes } = calling.start('double', 4)
  calling.pump()
  t.strictSame(outcomes, [8], 'and other calls go on')
  call.cancel()
  await calling.settle()
  t.ok(counting.left)
  t.strictSame(calling.leftovers, {})
})

t.test('process takes what it can work on', async (t) => {
  const counting = new Counting()
  const calling = new Calling({ count: () => counting.values() }, { windowBytes: 64 })
  const done: (() => void)[] = []
  const results: number[] = []
  const processing = calling
    .start('count')
    .responses.process((value) => new Promise<number>((resolve) => done.push(() => resolve(value))), { concurrency: 2 })
    .subscribe((value) => results.push(value))
  await calling.settle()
  t.equal(done.length, 2)
  for (let i = 0; i < 100; i++) {
    done.shift()?.()
    if (i % 10 === 0) await calling.settle()
    else await new Promise(setImmediate)
  }
  t.ok(results.length >= 90)
  t.ok(counting.read < results.length + 100)
  processing.unsubscribe()
  await calling.settle()
  t.ok(counting.left)
  t.strictSame(calling.leftovers, {})
})

t.test('a stream of Rivulet is passed on with its backpressure', async (t) => {
  const counting = new Counting()
  const behind = new Calling({ count: () => counting.values() }, { windowBytes: 64 })
  const calling = new Calling({ count: () => behind.start('count').responses }, { windowBytes: 64 })
  const { responses, call } = calling.start('count')
  for (let i = 0; i < 5; i++) {
    await calling.settle()
    await behind.settle()
  }
  const atFirst = counting.read
  t.ok(atFirst < 300, `${atFirst} were read`)
  const seen: number[] = []
  responses.pipe(take(1000)).subscribe((value) => seen.push(value))
  while (seen.length < 1000) {
    await calling.settle()
    await behind.settle()
  }
  t.equal(seen.at(-1), 1000)
  call.cancel()
  await calling.settle()
  await behind.settle()
  t.ok(counting.left)
  t.strictSame([calling.leftovers, behind.leftovers], [{}, {}])
})

t.test('requests are taken from their source as the handler takes them', async (t) => {
  const counting = new Counting()
  function* requests() {
    for (const n of counting.values()) yield { n }
  }
  let iterator: AsyncIterator<{ n: number }> | undefined
  let answer: (value: number) => void = () => {}
  const sum: CallHandler = (items) => {
    iterator = (items as Stream<{ n: number }>)[Symbol.asyncIterator]()
    return new Promise((resolve) => {
      answer = resolve
    })
  }
  const calling = new Calling({ sum }, { windowBytes: 64 })
  const { outcomes } = calling.start('sum', requests())
  await calling.settle()
  const atFirst = counting.read
  t.ok(atFirst < 100, `${atFirst} were read`)
  for (let n = 1; n <= 100; n++) {
    const [next] = await Promise.all([iterator?.next(), n % 10 === 0 ? calling.settle() : undefined])
    t.strictSame(next, { value: { n }, done: false })
  }
  t.ok(counting.read < 100 + atFirst + 10)
  answer(7)
  await calling.settle()
  t.strictSame(outcomes, [7])
  t.ok(counting.left)
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})

t.test('an observable that overruns the outbox ends its call, and says what to do', async (t) => {
  const message = /return an iterable or a generator for backpressure/
  let left = false
  const source = new Observable<number>((subscriber) => {
    for (let n = 1; n <= 100_000 && !subscriber.closed; n++) subscriber.next(n)
    return () => {
      left = true
    }
  })
  const calling = new Calling({ count: () => source }, { windowBytes: 64, outboxBytes: 1000 })
  const { responses } = calling.start('count')
  await calling.settle()
  t.ok(left)
  t.match(calling.errors, [{ code: 'RIVULET_OVERLOADED', message }])
  const seen = collect(responses)
  await calling.settle()
  t.match(seen.end, { code: 'RIVULET_OVERLOADED', message, executed: 'maybe' })
  t.ok(seen.values.length > 100, 'what was taken still comes')
  t.strictSame(
    seen.values,
    Array.from(seen.values, (_, i) => i + 1),
  )
  t.strictSame(calling.leftovers, {})
})

t.test('requests of an observable that overruns the outbox', async (t) => {
  const calling = new Calling({ sum: () => new Promise(() => {}) }, { windowBytes: 64, outboxBytes: 1000 })
  const { outcomes } = calling.start('sum', range(0, 100_000).pipe(map((n) => ({ n }))))
  await calling.settle()
  t.match(outcomes, [{ code: 'RIVULET_OVERLOADED', message: /pass an iterable or a generator/, executed: 'maybe' }])
  t.match(calling.host.stats(), { cancelled: 1, open: 0 })
})

t.test('an observable within bounds is fine', async (t) => {
  const calling = new Calling(
    { count: numbered((n) => from(Array.from({ length: n }, (_, i) => i))) },
    { windowBytes: 64 },
  )
  const { responses } = calling.start('count', 5000)
  const [values] = await Promise.all([lastValueFrom(responses.pipe(toArray())), calling.settle()])
  t.equal(values.length, 5000)
  t.strictSame(calling.leftovers, {})
})

t.test('a cut in the middle of streams loses and doubles nothing', async (t) => {
  const calling = new Calling({ count: numbered((n) => Array.from({ length: n }, (_, i) => i)) }, { windowBytes: 64 })
  const seen = collect(calling.start('count', 2000).responses)
  for (let i = 0; i < 20; i++) {
    calling.pair.pump(30)
    calling.pair.cut()
    await new Promise(setImmediate)
    calling.pair.resume()
  }
  await calling.settle()
  t.equal(seen.end, 'complete')
  t.strictSame(
    seen.values,
    Array.from({ length: 2000 }, (_, i) => i),
  )
  t.strictSame(calling.leftovers, {})
})

t.test('a response that finds no room is sent when there is some', async (t) => {
  const calling = new Calling(
    {
      double: numbered((n) => n * 2),
      look: () => {
        throw new Error('no')
      },
    },
    { outboxBytes: 0 },
  )
  const started = [calling.start('double', 1), calling.start('look', 2), calling.start('double', 3)]
  calling.pair.acceptor.blocked = true
  calling.pump()
  t.ok(started.every(({ outcomes }) => outcomes.length === 0))
  calling.pair.acceptor.blocked = false
  calling.pump()
  t.match(
    started.map(({ outcomes }) => outcomes),
    [[2], [{ code: 'RIVULET_INTERNAL' }], [6]],
  )
  t.strictSame(calling.leftovers, {})
  calling.pair.dialer.blocked = true
  t.match(calling.start('double').outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no' }], 'a request is not kept')
  calling.pair.dialer.blocked = false
  calling.pump()
  t.strictSame(calling.leftovers, {})
})

t.test('requests that come late do not cost a response that waits', async (t) => {
  for (const outboxBytes of [0, 8_388_608]) {
    const calling = new Calling(
      { sum: (items) => firstValueFrom(items as Stream<{ n: number }>).then(({ n }) => n), double: numbered((n) => n) },
      { outboxBytes },
    )
    const requests = new Subject<{ n: number }>()
    const { outcomes } = calling.start('sum', requests)
    calling.pump()
    calling.pair.acceptor.blocked = true
    for (let n = 1; n <= 5; n++) {
      requests.next({ n })
      await calling.settle()
    }
    const { outcomes: other } = calling.start('double')
    await calling.settle()
    t.strictSame(outcomes, [], 'it was answered, and that waits')
    t.match(calling.host.stats(), { answered: 2 })
    calling.pair.acceptor.blocked = false
    await calling.settle()
    t.strictSame(outcomes, [1])
    t.strictSame(other, [1])
    requests.next({ n: 6 })
    calling.start('double')
    await calling.settle()
    t.strictSame(calling.leftovers, {})
  }
})
