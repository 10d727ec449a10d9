/** Whatever a handler returns or throws, and whatever a source of requests does: it ends its own call and no other. */
import { asapScheduler, finalize, NEVER, Observable, observeOn, of } from 'rxjs'
import t from 'tap'
import type { CallHandler } from '../../src/call/served-service.js'
import type { Stream } from '../../src/stream/index.js'
import { broken, rejections, throwing, untouchables } from '../support/untouchable.js'
import { Calling, collect, Numbers } from './calling.js'

const ofNumbers: Record<string, () => unknown> = {
  ...untouchables,
  'a declared error without a name': () =>
    Object.defineProperty(Numbers.error('double', 'Odd', { n: 1 }), 'errorName', { get: broken }),
  'a declared error without a value': () =>
    Object.defineProperty(Numbers.error('double', 'Odd', { n: 1 }), 'value', { get: broken }),
  'a declared error of another method': () =>
    Object.defineProperty(Numbers.error('count', 'Odd', { n: 1 }), 'service', { get: broken }),
}

/** What a handler does with such a value. */
const ways: Record<string, (value: unknown) => unknown> = {
  returns: (value) => value,
  'resolves with': (value) =>
    Promise.resolve({
      // biome-ignore lint/suspicious/noThenProperty: a promise itself would look at the value
      then: (resolve: (value: unknown) => void) => resolve(value),
    }),
  throws: (value) => {
    throw value
  },
  'rejects with': (value) => Promise.reject(value),
  emits: (value) => new Observable((subscriber) => subscriber.next(value)),
  'fails an observable with': (value) => new Observable((subscriber) => subscriber.error(value)),
  yields: (value) =>
    (function* () {
      yield value
    })(),
  'throws in a generator': (value) =>
    (function* () {
      yield 1
      throw value
    })(),
  'returns as a step': (value) => ({ [Symbol.iterator]: () => ({ next: () => value }) }),
  'returns as a promised step': (value) => ({ [Symbol.asyncIterator]: () => ({ next: async () => value }) }),
  'returns as an iterator': (value) => ({ [Symbol.iterator]: () => value }),
}

for (const [way, use] of Object.entries(ways)) {
  t.test(`a handler ${way} what cannot be touched`, async (t) => {
    const unhandled = rejections(t)
    for (const method of ['double', 'count', 'sum', 'each', 'note']) {
      for (const [what, make] of Object.entries(ofNumbers)) {
        const handler: CallHandler = () => use(make())
        const calling = new Calling({ look: () => NEVER, [method]: handler })
        const other = calling.start('look')
        const { outcomes, responses } = calling.start(method, method === 'sum' || method === 'each' ? [1] : 1)
        const stream = responses && collect(responses)
        await calling.settle()
        t.strictSame(other.outcomes, [], `${method}, ${what}: the other call is open`)
        t.equal(calling.pair.acceptor.status, 'live')
        if (method !== 'note') t.equal(outcomes.length, 1, `${method}, ${what}: it has an outcome`)
        if (stream) t.ok(stream.end instanceof Error || stream.end === 'complete')
        other.call.cancel()
        await calling.settle()
        t.strictSame({ ...calling.leftovers, running: 0 }, { running: 0 })
      }
    }
    t.strictSame(unhandled, [])
  })
}

t.test('what a handler throws is reported as it is', async (t) => {
  for (const way of ['throws', 'rejects with', 'fails an observable with'] as const) {
    for (const make of Object.values(ofNumbers)) {
      const value = make()
      const calling = new Calling({ double: () => ways[way]?.(value) })
      const { outcomes } = calling.start('double')
      await calling.settle()
      t.match(outcomes, [{ code: 'RIVULET_INTERNAL', executed: 'maybe' }])
      t.equal(calling.errors.length, 1)
      t.equal(calling.errors[0]?.code, 'RIVULET_INTERNAL')
    }
  }
})

t.test('teardowns of a handler that throw', async (t) => {
  const unhandled = rejections(t)
  const leaving = <T>(source: Observable<T>) => source.pipe(finalize(broken))
  const handlers: Record<string, CallHandler> = {
    double: () => leaving(NEVER),
    look: () => leaving(of(5).pipe(observeOn(asapScheduler))),
    count: () => leaving(NEVER),
    each(requests) {
      leaving(requests as Stream<unknown>).subscribe({ error() {} })
      leaving(requests as Stream<unknown>).subscribe({ error() {} })
      return leaving(NEVER)
    },
  }
  const calling = new Calling(handlers)
  const look = calling.start('look')
  await calling.settle()
  t.strictSame(look.outcomes, [5])
  t.match(calling.errors.splice(0), [{ code: 'RIVULET_INTERNAL', message: /while it was left/ }])
  const reports = { double: 1, count: 1, each: 3 }
  for (const [method, count] of Object.entries(reports)) {
    const other = calling.start('double')
    const { call, outcomes, responses } = calling.start(method, method === 'each' ? NEVER : 1)
    if (responses) collect(responses)
    await calling.settle()
    call.cancel()
    await calling.settle()
    t.match(outcomes, [{ code: 'RIVULET_CANCELLED' }])
    t.strictSame(other.outcomes, [])
    t.equal(calling.errors.splice(0).length, count, method)
    other.call.cancel()
    await calling.settle()
    calling.errors.splice(0)
  }
  t.strictSame(calling.leftovers, {})
  t.strictSame(unhandled, [])
})

t.test('requests of a client that cannot be touched', async (t) => {
  const unhandled = rejections(t)
  const calling = new Calling({ look: () => NEVER, sum: () => NEVER, double: () => 1 })
  const other = calling.start('look')
  for (const [way, use] of Object.entries(ways)) {
    if (way === 'throws') continue // at its caller
    for (const [what, make] of Object.entries(untouchables)) {
      const source = use(make())
      const { call, outcomes } = calling.start('sum', source)
      await calling.settle()
      call.cancel()
      t.match(outcomes, [Error], `${way}, ${what}`)
      t.equal(outcomes.length, 1)
    }
  }
  for (const request of [throwing('n'), { n: 1, ...untouchables }]) calling.start('double', request)
  const leaving = calling.start('sum', NEVER.pipe(finalize(broken)))
  await calling.settle()
  leaving.call.cancel()
  await calling.settle()
  t.match(leaving.outcomes, [{ code: 'RIVULET_CANCELLED' }])
  t.match(calling.errors, [{ code: 'RIVULET_SOURCE_FAILED', cause: { message: /not to be touched/ } }])
  t.equal(calling.pair.dialer.status, 'live')
  t.strictSame(other.outcomes, [])
  t.strictSame(unhandled, [])
})
