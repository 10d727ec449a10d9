/** Calls and the life of sessions: cuts, ends, several servers, draining. */
import { NEVER, Observable, Subject } from 'rxjs'
import t from 'tap'
import type { ClientSession } from '../../src/call/client-session.js'
import type { CallHandler } from '../../src/call/served-service.js'
import { RivuletError } from '../../src/errors/index.js'
import { Calling, collect, numbered, serverOf } from './calling.js'

t.test('a session owes one-way calls until they have arrived, and nothing else', async (t) => {
  const calling = new Calling({ note: () => {}, look: () => NEVER })
  const session = calling.pair.dialer.handler as ClientSession
  calling.start('look')
  t.notOk(session.owes)
  calling.start('note')
  t.ok(session.owes)
  calling.pair.cut()
  t.ok(session.owes, 'also without a connection')
  calling.pair.resume()
  calling.pump()
  t.notOk(session.owes)
  calling.start('look')
  t.notOk(session.owes, 'what has arrived is not guaranteed again')
  calling.start('note')
  calling.pair.end()
  t.notOk(session.owes, 'nor what never will')
})

t.test('calls wait for a session, unless they shall not', async (t) => {
  const calling = new Calling({ double: numbered((n) => n * 2) }, { live: false })
  const waiting = calling.start('double', 4)
  const impatient = calling.start('double', 4, { waitForReady: false })
  t.match(impatient.outcomes, [{ code: 'RIVULET_UNAVAILABLE', executed: 'no', retryable: true }])
  t.match(calling.client.stats(), { waiting: 1, open: 0 })
  calling.pair.resume()
  calling.pump()
  t.strictSame(waiting.outcomes, [8])
  t.strictSame(calling.leftovers, {})
})

t.test('a cut is nothing but time', async (t) => {
  const calling = new Calling({ double: numbered((n) => n * 2), count: () => items })
  const items = new Subject<number>()
  const stream = collect(calling.start('count').responses)
  calling.pump()
  const underWay = calling.start('double', 1)
  calling.pair.cut()
  const during = calling.start('double', 2)
  t.match(calling.start('double', 2, { waitForReady: false }).outcomes, [
    { code: 'RIVULET_UNAVAILABLE', executed: 'no' },
  ])
  items.next(7)
  t.strictSame([underWay.outcomes, during.outcomes, stream.values], [[], [], []])
  calling.pair.resume()
  calling.pump()
  t.strictSame([underWay.outcomes, during.outcomes, stream.values], [[2], [4], [7]])
  items.complete()
  await calling.settle()
  t.equal(stream.end, 'complete')
  t.strictSame(calling.leftovers, {})
})

t.test('when a session ends, each call has the outcome that fits', async (t) => {
  const reason = new RivuletError('RIVULET_SESSION_LOST', 'gone')
  let aborted = 0
  const never: CallHandler = (_request, { signal }) => {
    signal.addEventListener('abort', () => {
      aborted += 1
    })
    return NEVER
  }
  const calling = new Calling({ double: never, look: never, count: never })
  const sent = calling.start('double')
  const idempotent = calling.start('look')
  const saidSo = calling.start('double', 1, { idempotent: true })
  const saidNot = calling.start('look', 1, { idempotent: false })
  const stream = collect(calling.start('count').responses)
  calling.pump()
  calling.pair.dialer.blocked = true
  const unsent = calling.start('double')
  const impatient = calling.start('double', 1, { waitForReady: false })
  calling.pair.end(reason)
  const unknown = { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe', cause: reason }
  t.match([sent.outcomes, saidNot.outcomes, [stream.end]], [[unknown], [unknown], [unknown]])
  t.match(impatient.outcomes, [{ code: 'RIVULET_UNAVAILABLE', executed: 'no' }])
  t.strictSame([idempotent.outcomes, saidSo.outcomes, unsent.outcomes], [[], [], []])
  t.match(calling.client.stats(), { waiting: 3, open: 0, sessions: 0 })
  t.equal(aborted, 5, 'the handlers are told')
  calling.connect(serverOf(calling, { double: numbered((n) => n), look: numbered((n) => n) }))
  t.strictSame([idempotent.outcomes, saidSo.outcomes, unsent.outcomes], [[1], [1], [1]])
  t.match(calling.client.stats(), { waiting: 0, open: 0, sessions: 1 })
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})

t.test('a call that may have run says so, also when it ends later for another reason', async (t) => {
  const calling = new Calling({ look: () => NEVER })
  const { outcomes } = calling.start('look', 1, { timeoutMs: 100 })
  calling.pump()
  calling.pair.end()
  t.strictSame(outcomes, [])
  calling.clock.advance(100)
  t.match(outcomes, [{ code: 'RIVULET_DEADLINE_EXCEEDED', executed: 'maybe' }], 'and its deadline did not move')
})

t.test('a stream that has begun is not begun again', async (t) => {
  const calling = new Calling({ count: () => new Subject() })
  const begun = new Calling({ count: numbered((n) => (n === 1 ? [1] : NEVER)) })
  const items = new Subject<number>()
  const half = new Calling({ count: () => items })
  const silent = collect(calling.start('count', 1, { idempotent: true }).responses)
  const { responses } = half.start('count', 1, { idempotent: true })
  const seen = collect(responses)
  calling.pump()
  half.pump()
  items.next(5)
  await half.settle()
  calling.pair.end()
  half.pair.end()
  t.equal(silent.end, undefined, 'nothing has come: it waits for another session')
  t.strictSame(seen.values, [5])
  t.match(seen.end, { code: 'RIVULET_UNKNOWN_OUTCOME', executed: 'maybe' })
  t.equal(begun.client.stats().open, 0)
})

t.test('requests that were taken from their source cannot be sent again', async (t) => {
  const calling = new Calling({ sum: () => NEVER })
  calling.pair.dialer.blocked = true
  const taken = calling.start('sum', new Subject())
  const lost = calling.start('sum', [{ n: 1 }].values())
  const list = calling.start('sum', [{ n: 1 }])
  await calling.settle()
  calling.pair.end()
  t.match(lost.outcomes, [{ code: 'RIVULET_UNAVAILABLE', executed: 'no' }])
  t.strictSame(taken.outcomes, [], 'of this nothing was taken')
  t.strictSame(list.outcomes, [], 'and a list begins anew')
  t.match(calling.client.stats(), { waiting: 2 })
})

t.test('the session with the fewest calls is chosen, and a suspected one last', async (t) => {
  const calling = new Calling({ double: () => NEVER }, { sessions: 3 })
  const open = () => calling.pairs.map(({ dialer }) => dialer.underWay)
  for (let i = 0; i < 6; i++) calling.start('double')
  t.strictSame(open(), [2, 2, 2])
  calling.pairs[1]?.dialer.become({ suspected: true })
  for (let i = 0; i < 4; i++) calling.start('double')
  t.strictSame(open(), [4, 2, 4])
  calling.pairs[0]?.dialer.become({ draining: true })
  for (let i = 0; i < 3; i++) calling.start('double')
  t.strictSame(open(), [4, 2, 7])
  calling.pairs[2]?.cut()
  calling.start('double')
  t.equal(open()[1], 3, 'suspected is better than nothing')
  calling.pairs[1]?.dialer.become({ status: 'cut' })
  calling.start('double')
  t.match(calling.client.stats(), { waiting: 1 })
  calling.pairs[2]?.resume()
  t.equal(open()[2], 8)
})

t.test('a server that drains answers what it has and sends the rest elsewhere', async (t) => {
  let answer: (n: number) => void = () => {}
  const calling = new Calling({
    double: () =>
      new Promise((resolve) => {
        answer = resolve
      }),
  })
  const old = calling.start('double')
  await calling.settle()
  let drained = false
  const draining = calling.host.drain().then(() => {
    drained = true
  })
  const fresh = calling.start('double', 5)
  const impatient = calling.start('double', 5, { waitForReady: false })
  await calling.settle()
  t.match(calling.client.stats(), { waiting: 1 })
  t.match(impatient.outcomes, [{ code: 'RIVULET_UNAVAILABLE', executed: 'no' }])
  t.notOk(drained)
  calling.connect(serverOf(calling, { double: numbered((n) => n) }))
  t.strictSame(fresh.outcomes, [5])
  answer(3)
  await calling.settle()
  await draining
  t.strictSame(old.outcomes, [3])
  t.ok(drained)
  t.match(calling.host.stats(), { refused: 2, answered: 1, open: 0 })
})

t.test('draining waits for outcomes that have no room yet', async (t) => {
  const calling = new Calling({ double: () => Promise.resolve(1) }, { outboxBytes: 0 })
  const { outcomes } = calling.start('double')
  calling.pump()
  calling.pair.acceptor.blocked = true
  let drained = false
  void calling.host.drain().then(() => {
    drained = true
  })
  await calling.settle()
  t.notOk(drained)
  calling.pair.acceptor.blocked = false
  await calling.settle()
  t.ok(drained)
  t.strictSame(outcomes, [1])
  t.strictSame(calling.leftovers, {})
})

t.test('a client that drains takes no more calls', async (t) => {
  const calling = new Calling({ double: () => Promise.resolve(1) })
  const { outcomes } = calling.start('double')
  let drained = false
  void calling.client.drain().then(() => {
    drained = true
  })
  t.match(calling.start('double').outcomes, [{ code: 'RIVULET_CLOSED', executed: 'no' }])
  await calling.settle()
  t.strictSame(outcomes, [1])
  t.ok(drained)
  await calling.host.drain()
  t.equal(calling.clock.timers, 0)
})

t.test('failing all calls', async (t) => {
  const calling = new Calling({ double: () => NEVER, sum: () => NEVER })
  const sent = calling.start('double')
  const stream = calling.start('sum', NEVER)
  calling.pump()
  calling.pair.dialer.become({ draining: true })
  const waiting = calling.start('double')
  void calling.client.drain()
  await calling.client.stopAll(new RivuletError('RIVULET_CLOSED', 'closed'))
  const closed = (executed: string) => [{ code: 'RIVULET_CLOSED', message: 'closed', executed }]
  t.match([sent.outcomes, stream.outcomes, waiting.outcomes], [closed('maybe'), closed('maybe'), closed('no')])
  await calling.settle()
  t.strictSame(calling.leftovers, {})
  await calling.host.drain()
  t.equal(calling.clock.timers, 0)
})

t.test('stopping a server aborts its handlers; the end of the session tells the client', async (t) => {
  let reason: unknown
  const calling = new Calling({
    double: (_request, { signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason
      })
      return NEVER
    },
  })
  const { outcomes } = calling.start('double')
  calling.pump()
  const closed = new RivuletError('RIVULET_CLOSED', 'closed')
  calling.host.stopAll(closed)
  t.equal(reason, closed)
  await calling.settle()
  t.strictSame(outcomes, [])
  calling.pair.end()
  t.match(outcomes, [{ code: 'RIVULET_UNKNOWN_OUTCOME' }])
  t.match(calling.host.stats(), { open: 0, running: 0, sessions: 0 })
})

t.test('a session that ended without a word loses no call', async (t) => {
  const calling = new Calling({ double: numbered((n) => n) }, { sessions: 2 })
  const [first] = calling.pairs
  if (first) first.dialer.status = 'ended'
  const started = [1, 2, 3].map((n) => calling.start('double', n))
  calling.pump()
  t.strictSame(
    started.map(({ outcomes }) => outcomes[0]),
    [1, 2, 3],
  )
})

t.test('a handler that ends its own session', async (t) => {
  let subscribed = 0
  const source = new Observable(() => {
    subscribed += 1
  })
  const results: unknown[] = [source, new Promise(() => {}), [1, 2, 3], 5]
  for (const [index, result] of results.entries()) {
    const end = () => {
      calling.pair.end()
      return result
    }
    const calling: Calling = new Calling({ double: end, count: end })
    const { outcomes } = calling.start(Array.isArray(result) ? 'count' : 'double')
    calling.pair.acceptor.deliver(1)
    await calling.settle()
    t.match(outcomes, [{ code: 'RIVULET_UNKNOWN_OUTCOME' }])
    t.match(calling.host.stats(), { open: 0, running: index === 1 ? 1 : 0, sessions: 0 })
  }
  t.equal(subscribed, 0, 'nobody waits for it')
})
