/** Calls with one request and one response: what a handler may return and throw, and what the caller gets. */
import { EMPTY, from, NEVER, Observable, of, throwError } from 'rxjs'
import t from 'tap'
import { isDeclaredError } from '../../src/avro/index.js'
import { Calling, Numbers, numbered } from './calling.js'

t.test('a result is answered within the item that asked for it', async (t) => {
  const calling = new Calling({ double: numbered((n) => n * 2) })
  const { outcomes } = calling.start('double', 21)
  t.equal(calling.pair.dialer.underWay, 1)
  t.equal(calling.pair.acceptor.deliver(1), 1)
  t.equal(calling.pair.acceptor.underWay, 1, 'in the same turn')
  t.strictSame(outcomes, [])
  calling.pump()
  t.strictSame(outcomes, [42])
  t.strictSame(calling.leftovers, {})
  t.match(calling.client.stats(), { started: 1, succeeded: 1, failed: 0, open: 0, waiting: 0, sessions: 1 })
  t.match(calling.host.stats(), { started: 1, answered: 1, failed: 0, cancelled: 0, refused: 0 })
  t.equal(await Promise.race([calling.call('double', 4), calling.settle()]), 8)
})

t.test('values, promises, observables', async (t) => {
  const results: unknown[] = [
    5,
    Promise.resolve(5),
    of(5),
    from([5, 6, 7]),
    Promise.resolve(of(5)),
    new Observable((subscriber) => {
      for (let n = 5; !subscriber.closed; n++) subscriber.next(n)
    }),
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    { then: (resolve: (value: number) => void) => resolve(5) },
  ]
  for (const result of results) {
    const calling = new Calling({ double: () => result })
    const { outcomes } = calling.start('double')
    await calling.settle()
    t.strictSame(outcomes, [5])
    t.strictSame(calling.leftovers, {})
  }
})

t.test('an observable is left after its first value', async (t) => {
  let left = 0
  const source = new Observable<number>((subscriber) => {
    queueMicrotask(() => subscriber.next(1))
    return () => {
      left += 1
    }
  })
  const calling = new Calling({ double: () => source })
  const { outcomes } = calling.start('double')
  await calling.settle()
  t.strictSame(outcomes, [1])
  t.equal(left, 1)
})

t.test('what is not declared stays with the server', async (t) => {
  const secret = new Error('secret')
  const failures: [() => unknown, unknown][] = [
    [
      () => {
        throw secret
      },
      secret,
    ],
    [() => Promise.reject(secret), secret],
    [() => throwError(() => secret), secret],
    [() => EMPTY, { message: /completed without a value/ }],
    [() => 'not a number', { code: 'RIVULET_INVALID_MESSAGE' }],
    [() => Promise.resolve(undefined), { code: 'RIVULET_INVALID_MESSAGE' }],
    [
      () => ({
        subscribe: () => {
          throw secret
        },
      }),
      secret,
    ],
    [
      () => {
        throw Numbers.error('count', 'Odd', { n: 1 })
      },
      { method: 'count' },
    ],
  ]
  for (const [handler, cause] of failures) {
    const calling = new Calling({ double: handler })
    const { outcomes } = calling.start('double')
    await calling.settle()
    t.match(outcomes, [{ code: 'RIVULET_INTERNAL', executed: 'maybe', cause: undefined }])
    t.notMatch(String((outcomes[0] as Error).message), 'secret')
    t.match(calling.errors, [{ code: 'RIVULET_INTERNAL', cause }])
    t.match(calling.host.stats(), { started: 1, answered: 0, failed: 1 })
    t.strictSame(calling.leftovers, {})
  }
})

t.test('declared errors', async (t) => {
  const raise = (n: number) => Numbers.error('double', 'Odd', { n })
  const handlers = [
    numbered((n) => {
      throw raise(n)
    }),
    numbered((n) => Promise.reject(raise(n))),
    numbered((n) => throwError(() => raise(n))),
  ]
  for (const double of handlers) {
    const calling = new Calling({ double })
    const { outcomes } = calling.start('double', 3)
    await calling.settle()
    const [error] = outcomes
    t.ok(isDeclaredError(Numbers, 'double', error, 'Odd'))
    t.match(error, { errorName: 'Odd', value: { n: 3 } })
    t.strictSame(calling.errors, [])
    t.strictSame(calling.leftovers, {})
  }
})

t.test('a request that does not fit is refused before it leaves', async (t) => {
  const calling = new Calling({ double: numbered((n) => n) })
  const { outcomes } = calling.start('double', { n: 'x' })
  t.match(outcomes, [{ code: 'RIVULET_INVALID_MESSAGE', executed: 'no', issues: [{ path: 'n' }] }])
  const huge = calling.start('text', { text: 'x'.repeat(17 * 1024 * 1024) })
  t.match(huge.outcomes, [{ code: 'RIVULET_UNIMPLEMENTED' }], 'text has no handler here')
  const served = new Calling({ text: (request) => (request as { text: string }).text })
  t.match(served.start('text', { text: 'x'.repeat(17 * 1024 * 1024) }).outcomes, [
    { code: 'RIVULET_MESSAGE_TOO_LARGE', executed: 'no' },
  ])
  const large = served.start('text', { text: 'x'.repeat(1024 * 1024) })
  await served.settle()
  t.equal((large.outcomes[0] as string).length, 1024 * 1024)
  t.strictSame(served.leftovers, {})
})

t.test('one-way calls', async (t) => {
  const seen: number[] = []
  const calling = new Calling({
    note: numbered((n) => {
      seen.push(n)
      if (n === 2) throw new Error('no')
      return n === 3 ? Promise.reject(new Error('no')) : 'ignored'
    }),
  })
  for (const n of [1, 2, 3]) {
    const { outcomes } = calling.start('note', n)
    t.strictSame(outcomes, [undefined], 'taken by the session')
  }
  await calling.settle()
  t.strictSame(seen, [1, 2, 3])
  t.match(calling.errors, [{ code: 'RIVULET_INTERNAL' }, { code: 'RIVULET_INTERNAL' }])
  t.equal(calling.pair.acceptor.underWay, 0)
  t.strictSame(calling.leftovers, {})
})

t.test('the context', async (t) => {
  let context: unknown
  const calling = new Calling({
    double: (_request, given) => {
      const { signal, deadline, remainingMs, peer, headers, service, method } = given
      context = { aborted: signal.aborted, deadline, remainingMs, peer, headers: { ...headers }, service, method }
      return 1
    },
  })
  const headers = Object.freeze({ trace: 'abc' })
  calling.start('double', 1, { timeoutMs: 500, headers })
  calling.clock.advance(100)
  calling.pump()
  const [now, wallNow] = [calling.clock.now(), calling.clock.wallNow()]
  t.strictSame(context, {
    aborted: false,
    deadline: new Date(wallNow + 400),
    remainingMs: 400,
    peer: { id: 'somebody', identity: undefined, dialed: undefined },
    headers: { trace: 'abc' },
    service: 'test.Numbers',
    method: 'double',
  })
  calling.start('double', 1, { timeoutMs: Number.POSITIVE_INFINITY })
  calling.pump()
  t.match(context, { deadline: undefined, remainingMs: Number.POSITIVE_INFINITY, headers: {} })
  calling.start('double', 1, { timeoutMs: 500, deadline: now + 50 })
  calling.pump()
  t.match(context, { deadline: new Date(wallNow + 50) }, 'what is inherited is never exceeded')
})

t.test('a handler that never answers keeps its call, and nothing else', async (t) => {
  const calling = new Calling({ double: () => NEVER, look: numbered((n) => n) })
  const { outcomes, call } = calling.start('double')
  const other = calling.start('look', 7)
  await calling.settle()
  t.strictSame([outcomes, other.outcomes], [[], [7]])
  t.strictSame(calling.leftovers, { open: 1, served: 1, running: 1 })
  call.cancel()
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})
