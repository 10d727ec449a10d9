/** A server that closes: its handlers are told at once, and its callers that it was closing. */
import { NEVER } from 'rxjs'
import t from 'tap'
import type { CallContext } from '../../src/call/call-context.js'
import { CallHost } from '../../src/call/host.js'
import type { CallHandler } from '../../src/call/served-service.js'
import { RivuletError } from '../../src/errors/index.js'
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
