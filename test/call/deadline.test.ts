/** Deadlines, at both ends: the caller has its outcome in time, and the handler stops by itself. */
import { NEVER } from 'rxjs'
import t from 'tap'
import { Calling, collect, numbered } from './calling.js'

t.test('a call without an answer ends at its deadline, and the handler is cancelled', async (t) => {
  const reasons: unknown[] = []
  const calling = new Calling({
    double: (_request, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason))
      return NEVER
    },
  })
  const { outcomes } = calling.start('double', 1, { timeoutMs: 500 })
  calling.pump()
  t.equal(calling.clock.timers, 2, 'one at each end')
  calling.clock.advance(499)
  t.strictSame(outcomes, [])
  calling.clock.advance(2)
  t.match(outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe', retryable: true }])
  t.match(reasons, [{ code: 'RIVULET_DEADLINE_EXCEEDED' }], 'by itself')
  await calling.settle()
  t.strictSame(calling.leftovers, {})
  t.equal(calling.clock.timers, 0)
})

t.test('thirty seconds for one response, and no limit for a stream', async (t) => {
  const calling = new Calling({ double: () => NEVER, count: () => NEVER })
  const { outcomes } = calling.start('double')
  const stream = collect(calling.start('count').responses)
  calling.pump()
  calling.clock.advance(29_999)
  t.strictSame(outcomes, [])
  calling.clock.advance(1)
  t.match(outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED' }])
  calling.clock.advance(1e9)
  t.equal(stream.end, undefined)
})

t.test('a stream with a deadline', async (t) => {
  const calling = new Calling({ count: () => NEVER })
  const seen = collect(calling.start('count', 1, { timeoutMs: 100 }).responses)
  calling.pump()
  calling.clock.advance(100)
  t.match(seen.end, { code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe' })
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})

t.test('a call that did not leave in time was not run', async (t) => {
  let ran = 0
  const calling = new Calling({ double: () => (ran += 1) }, { live: false })
  const waiting = calling.start('double', 1, { timeoutMs: 100 })
  calling.clock.advance(100)
  t.match(waiting.outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' }])
  calling.pair.resume()
  calling.pump()
  calling.pair.dialer.blocked = true
  const blocked = calling.start('double', 1, { timeoutMs: 100 })
  calling.clock.advance(100)
  t.match(blocked.outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' }])
  calling.pair.dialer.blocked = false
  await calling.settle()
  t.equal(ran, 0)
  t.strictSame(calling.leftovers, {})
})

t.test('a call that comes too late is not run', async (t) => {
  let ran = 0
  const calling = new Calling({ double: () => (ran += 1) })
  calling.start('double', 1, { timeoutMs: 100 })
  calling.pair.cut()
  calling.clock.advance(200)
  calling.pair.resume()
  await calling.settle()
  t.equal(ran, 0)
  t.match(calling.host.stats(), { refused: 1, started: 0 })
  t.strictSame(calling.leftovers, {})
})

t.test('a call is not run whose deadline passes while others of its turn run', async (t) => {
  let ran = 0
  const calling: Calling = new Calling({
    double: () => {
      calling.clock.block(600)
      ran += 1
      return ran
    },
  })
  const options = { timeoutMs: 500 }
  const outcomes = [
    calling.start('double', 1, options),
    calling.start('double', 1, options),
    calling.start('double', 1),
  ]
  calling.pump()
  t.equal(ran, 2, 'the one that was in time, and the one that has time')
  t.match(calling.host.stats(), { refused: 1, started: 2 })
  t.match(outcomes[1]?.outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'no' }])
})

t.test('a call that waits for its server does not start dead', async (t) => {
  let remaining = 0
  const calling = new Calling({
    double: (_request, context) => {
      remaining = context.remainingMs
      return 1
    },
  })
  calling.pair.cut()
  const { outcomes } = calling.start('double', 1, { timeoutMs: 1000 })
  calling.clock.advance(900)
  calling.pair.resume()
  calling.pump()
  t.strictSame(outcomes, [1])
  t.equal(remaining, 100)
})

t.test('no time at all', async (t) => {
  const calling = new Calling({ double: numbered((n) => n) })
  const { outcomes } = calling.start('double', 1, { timeoutMs: 0 })
  calling.clock.advance(0)
  t.match(outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED' }])
  const late = calling.start('double', 1, { deadline: calling.clock.now() - 1 })
  calling.clock.advance(0)
  t.match(late.outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED' }])
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})

t.test('many calls share a timer', async (t) => {
  const calling = new Calling({ double: () => NEVER })
  const started = Array.from({ length: 1000 }, (_, i) => calling.start('double', i, { timeoutMs: 100 + (i % 10) }))
  calling.pump()
  t.equal(calling.clock.timers, 2)
  calling.clock.advance(104)
  const ended = started.filter(({ outcomes }) => outcomes.length === 1).length
  t.equal(ended, 500)
  calling.clock.advance(10)
  t.ok(started.every(({ outcomes }) => outcomes.length === 1))
  await calling.settle()
  t.strictSame(calling.leftovers, {})
  t.equal(calling.clock.timers, 0)
})
