/** Giving a call up: the outcome is there at once, and the handler is told within one item. */
import { NEVER, Observable } from 'rxjs'
import t from 'tap'
import type { CallHandler } from '../../src/call/served-service.js'
import type { Stream } from '../../src/stream/index.js'
import { Calling, collect, numbered } from './calling.js'

/** Handlers that never end, and whether they saw that nobody waits. */
class Endless {
  left = 0
  aborted: unknown[] = []
  readonly observable = new Observable<number>(() => () => {
    this.left += 1
  })
  readonly double: CallHandler = (_request, { signal }) => {
    signal.addEventListener('abort', () => this.aborted.push(signal.reason))
    return this.observable
  }
  readonly look: CallHandler = (_request, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        this.aborted.push(signal.reason)
        reject(signal.reason as Error)
      })
    })
  readonly count: CallHandler = () => this.observable
  readonly each: CallHandler = (items) => {
    ;(items as Stream<unknown>).subscribe({ error: (error) => this.aborted.push(error) })
    return this.observable
  }
}

t.test('the outcome is there at once, and the handler is left with one item', async (t) => {
  for (const method of ['double', 'look', 'count', 'each'] as const) {
    const endless = new Endless()
    const calling = new Calling({ [method]: endless[method] })
    const { call, outcomes, responses } = calling.start(method, method === 'each' ? NEVER : 1)
    const seen = responses && collect(responses)
    await calling.settle()
    call.cancel(new Error('why'))
    t.match(outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'maybe', cause: { message: 'why' } }])
    if (seen) t.match(seen.end, { code: 'RIVULET_CANCELLED' })
    calling.pair.dialer.flush()
    t.equal(calling.pair.acceptor.deliver(1), 1)
    t.equal(endless.left, method === 'look' ? 0 : 1)
    if (method !== 'count') t.match(endless.aborted, [{ code: 'RIVULET_CANCELLED' }])
    await calling.settle()
    t.equal(calling.pair.acceptor.underWay, 0, 'nothing is sent of it')
    t.strictSame(calling.leftovers, {})
    t.strictSame(calling.errors, [], 'and its failure is no error')
    t.match(calling.host.stats(), { cancelled: 1 })
    call.cancel()
    t.equal(outcomes.length, 1)
  }
})

t.test('a signal cancels, and nobody listens to it afterwards', async (t) => {
  const calling = new Calling({ double: () => NEVER, look: numbered((n) => n) })
  const controller = new AbortController()
  const { signal } = controller
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  Object.assign(signal, {
    addEventListener: (...args: Parameters<typeof addEventListener>) => {
      listeners += 1
      addEventListener.apply(signal, args)
    },
    removeEventListener: (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1
      removeEventListener.apply(signal, args)
    },
  })
  const done = calling.start('look', 3, { signal })
  const open = calling.start('double', 3, { signal })
  calling.pump()
  t.strictSame(done.outcomes, [3])
  t.equal(listeners, 1)
  controller.abort('reason')
  t.match(open.outcomes, [{ code: 'RIVULET_CANCELLED', cause: 'reason' }])
  t.equal(listeners, 0)
  const late = calling.start('look', 3, { signal })
  t.match(late.outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'no', cause: 'reason' }])
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})

t.test('a call that has not left leaves no trace', async (t) => {
  let ran = 0
  const calling = new Calling({ double: () => (ran += 1) })
  calling.pair.dialer.blocked = true
  const { call, outcomes } = calling.start('double')
  call.cancel()
  t.match(outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'no' }])
  calling.pair.dialer.blocked = false
  await calling.settle()
  t.equal(ran, 0)
  t.strictSame(calling.leftovers, {})
  const waiting = new Calling({ double: () => (ran += 1) }, { sessions: 0 })
  const other = waiting.start('double')
  other.call.cancel()
  t.match(other.outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'no' }])
  waiting.connect()
  await waiting.settle()
  t.equal(ran, 0)
})

t.test('a response that crosses the cancellation is nobody’s', async (t) => {
  const calling = new Calling({ double: numbered((n) => n) })
  const { call, outcomes } = calling.start('double')
  calling.pair.acceptor.deliver(1)
  call.cancel()
  await calling.settle()
  t.match(outcomes, [{ code: 'RIVULET_CANCELLED', executed: 'maybe' }])
  t.strictSame(calling.leftovers, {})
})

t.test('no signal is made for who does not ask for one', async (t) => {
  const calling = new Calling({ double: () => 1 })
  let signals = 0
  const original = globalThis.AbortController
  globalThis.AbortController = class extends original {
    constructor() {
      super()
      signals += 1
    }
  }
  t.teardown(() => {
    globalThis.AbortController = original
  })
  calling.start('double')
  calling.pump()
  t.equal(signals, 0)
})

t.test('a signal that is asked for late has aborted already', async (t) => {
  let read: (() => AbortSignal) | undefined
  const calling = new Calling({
    double: (_request, context) => {
      read = () => context.signal
      return NEVER
    },
  })
  const { call } = calling.start('double')
  calling.pump()
  call.cancel()
  calling.pump()
  t.ok(read?.().aborted)
  t.match(read?.().reason, { code: 'RIVULET_CANCELLED' })
})
