/** A server that closes: its handlers are told at once, and its callers that it was closing. */
import { NEVER } from 'rxjs'
import t from 'tap'
import type { CallContext } from '../../src/call/call-context.js'
import { CallHost } from '../../src/call/host.js'
import type { CallHandler } from '../../src/call/served-service.js'
import { RivuletError } from '../../src/errors/index.js'
import { deferred } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import { Calling, collect, numbered } from './calling.js'
import { codec } from './strangers.js'

const closing = { code: 'RIVULET_SERVER_CLOSING', retryable: true, executed: 'maybe' }
/** With what a session ends when the peer has said goodbye. */
const goodbye = () => new RivuletError('RIVULET_CLOSED', 'the peer has closed the session')

t.test('handlers are told at once, each once, whenever they look', async (t) => {
  const contexts: CallContext[] = []
  const told: unknown[] = []
  const waits: CallHandler = (_request, context) => {
    contexts.push(context)
    return NEVER
  }
  const calling = new Calling({
    double: waits,
    count: waits,
    sum: waits,
    look: (request, context) => {
      context.draining.addEventListener('abort', () => told.push(context.draining.reason))
      return waits(request, context)
    },
  })
  for (const method of ['double', 'count', 'look']) calling.start(method)
  calling.start('sum', NEVER)
  calling.pump()
  t.equal(contexts.length, 4)
  t.equal(contexts[0]?.draining.aborted, false)
  const drained = calling.host.drain()
  void calling.host.drain()
  t.match(told, [{ code: 'RIVULET_SERVER_CLOSING' }])
  for (const { draining, signal } of contexts) {
    t.equal(draining.aborted, true)
    t.equal(draining.reason, told[0])
    t.equal(signal.aborted, false, 'somebody still waits for the outcome')
  }
  t.match(calling.host.stats(), { open: 4 })
  calling.host.stopAll(goodbye())
  await drained
})

t.test('a handler that closes its own server', async (t) => {
  const reasons: unknown[] = []
  const calling: Calling = new Calling({
    double: (_request, { draining }) => {
      t.equal(draining.aborted, false)
      draining.addEventListener('abort', () => reasons.push(draining.reason))
      void calling.host.drain()
      return NEVER
    },
  })
  calling.start('double')
  calling.pump()
  t.match(reasons, [{ code: 'RIVULET_SERVER_CLOSING' }])
})

t.test('the reason that a handler throws is the outcome, also as the cause of what it throws', async (t) => {
  const ways: ((reason: Error) => unknown)[] = [
    (reason) => reason,
    (reason) => new DOMException('aborted', { name: 'AbortError', cause: reason }),
  ]
  for (const wrap of ways) {
    const rejecting: CallHandler = (_request, { draining }) =>
      new Promise((_resolve, reject) => {
        draining.addEventListener('abort', () => reject(wrap(draining.reason as Error)))
      })
    const calling = new Calling({ double: rejecting, count: rejecting, sum: rejecting })
    const [double, count, sum] = [calling.start('double'), calling.start('count'), calling.start('sum', NEVER)]
    const stream = collect(count.responses)
    calling.pump()
    await Promise.all([calling.host.drain(), calling.settle()])
    t.match([double.outcomes, sum.outcomes, [stream.end]], [[closing], [closing], [closing]])
    t.match(calling.host.stats(), { failed: 3, open: 0, running: 0 })
    t.strictSame(calling.errors, [], 'it is no failure of the handler')
    t.strictSame(calling.leftovers, {})
  }
})

t.test('other failures of a handler stay internal', async (t) => {
  const calling = new Calling({
    double: (_request, { draining }) =>
      new Promise((_resolve, reject) => draining.addEventListener('abort', () => reject(new Error('own')))),
    look: () => {
      throw new RivuletError('RIVULET_SERVER_CLOSING', 'of another server')
    },
  })
  const look = calling.start('look', 1, { idempotent: false })
  const double = calling.start('double')
  calling.pump()
  await Promise.all([calling.host.drain(), calling.settle()])
  t.match([look.outcomes, double.outcomes], [[{ code: 'RIVULET_INTERNAL' }], [{ code: 'RIVULET_INTERNAL' }]])
})

t.test('an idempotent call goes to another server', async (t) => {
  const calling = new Calling({
    look: (_request, { draining }) =>
      new Promise((_resolve, reject) => draining.addEventListener('abort', () => reject(draining.reason))),
  })
  const { outcomes } = calling.start('look')
  calling.pump()
  void calling.host.drain()
  await calling.settle()
  t.strictSame(outcomes, [], 'it waits for one')
  const handlers = new Map([['look', numbered((n) => n)]])
  const ports = { clock: calling.clock, report: (error: RivuletError) => calling.errors.push(error) }
  calling.connect(new CallHost([{ codec, handlers }], ports))
  await calling.settle()
  t.strictSame(outcomes, [1])
  t.strictSame(calling.errors, [])
})

t.test('what is open when a server says goodbye ends with its closing, and what may be repeated is', async (t) => {
  const calling = new Calling({ double: () => NEVER, look: () => NEVER, count: () => NEVER, sum: () => NEVER })
  const double = calling.start('double')
  const look = calling.start('look')
  const stream = collect(calling.start('count').responses)
  calling.pump()
  calling.pair.dialer.blocked = true
  const unsent = calling.start('double')
  calling.pair.end(goodbye())
  t.match([double.outcomes, [stream.end]], [[closing], [closing]])
  t.strictSame([look.outcomes, unsent.outcomes], [[], []])
  t.match(calling.client.stats(), { waiting: 2 })
})

/** Whether a promise has resolved, after what has happened has had its effects. */
async function hasResolved(promise: Promise<unknown>): Promise<boolean> {
  let resolved = false
  void promise.then(() => {
    resolved = true
  })
  await new Promise(setImmediate)
  return resolved
}

t.test('a stream of a client without a connection is waited for until the client would have come back', async (t) => {
  for (const method of ['count', 'sum', 'each']) {
    const calling = new Calling({ count: () => NEVER, sum: () => NEVER, each: () => NEVER })
    calling.start(method, method === 'count' ? 1 : NEVER)
    calling.pump()
    calling.pair.cut()
    calling.clock.advance(500)
    const drained = calling.host.drain()
    calling.clock.advance(defaults.absentMs - 501)
    t.equal(await hasResolved(drained), false, method)
    calling.clock.advance(1)
    await drained
  }
})

t.test('the same for a connection that is lost while a server drains', async (t) => {
  const calling = new Calling({ count: () => NEVER }, { sessions: 2 })
  calling.start('count')
  calling.start('count')
  calling.pump()
  const drained = calling.host.drain()
  calling.pairs[0]?.cut()
  calling.clock.advance(defaults.absentMs - 1)
  calling.pairs[1]?.cut()
  calling.clock.advance(defaults.absentMs - 1)
  t.equal(await hasResolved(drained), false, 'the second one is waited for as long')
  calling.clock.advance(1)
  await drained
})

t.test('a client that comes back in time gets the end of its stream', async (t) => {
  const calling = new Calling({
    count: (_request, { draining }) =>
      (async function* () {
        yield 1
        await new Promise((resolve) => draining.addEventListener('abort', resolve))
        yield 2
      })(),
  })
  const stream = collect(calling.start('count').responses)
  await calling.settle()
  calling.pair.cut()
  const drained = calling.host.drain()
  calling.clock.advance(defaults.absentMs - 1)
  t.equal(await hasResolved(drained), false)
  calling.pair.resume()
  calling.clock.advance(60_000)
  await Promise.all([drained, calling.settle()])
  t.strictSame(stream, { values: [1, 2], end: 'complete' })
})

t.test('a handler that needs nothing of its client finishes, also if the client is gone', async (t) => {
  const hold = deferred()
  const work: CallHandler = async () => {
    await hold.promise
    return 1
  }
  const calling = new Calling({ double: work, sum: work })
  calling.start('double')
  calling.start('sum', [{ n: 1 }])
  await calling.settle()
  calling.pair.cut()
  const drained = calling.host.drain()
  calling.clock.advance(20_000)
  t.equal(await hasResolved(drained), false)
  hold.resolve()
  await drained
  t.match(calling.host.stats(), { answered: 2, open: 0 })
})
