/** The bounds of a server: what is beyond them is refused before it runs, and says so. */
import { NEVER } from 'rxjs'
import t from 'tap'
import { Calling, numbered } from './calling.js'

t.test('handlers at work, over all sessions', async (t) => {
  const release: (() => void)[] = []
  const calling = new Calling(
    { double: () => new Promise((resolve) => release.push(() => resolve(1))), look: numbered((n) => n) },
    { sessions: 2, limits: { maxConcurrentCalls: 3 } },
  )
  const open = [1, 2, 3].map((n) => calling.start('double', n))
  calling.pump()
  const shed = calling.start('look')
  calling.pump()
  t.match(shed.outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no', retryable: true }])
  t.match(calling.host.stats(), { running: 3, refused: 1 })
  release[0]?.()
  await calling.settle()
  const next = calling.start('look', 9)
  calling.pump()
  t.strictSame(next.outcomes, [9])
  for (const go of release) go()
  await calling.settle()
  t.ok(open.every(({ outcomes }) => outcomes[0] === 1))
  t.strictSame(calling.leftovers, {})
})

t.test('a handler that does not heed its signal still counts', async (t) => {
  const release: (() => void)[] = []
  const calling = new Calling(
    { double: () => new Promise((resolve) => release.push(() => resolve(1))), look: () => NEVER },
    { limits: { maxConcurrentCalls: 2 } },
  )
  for (let i = 0; i < 2; i++) {
    const { call } = calling.start('double')
    calling.pump()
    call.cancel()
  }
  await calling.settle()
  t.match(calling.host.stats(), { open: 0, running: 2 })
  const shed = calling.start('look')
  calling.pump()
  t.match(shed.outcomes, [{ code: 'RIVULET_OVERLOADED' }])
  for (const go of release) go()
  await calling.settle()
  for (let i = 0; i < 10; i++) {
    const { call, outcomes } = calling.start('look')
    calling.pump()
    call.cancel()
    calling.pump()
    t.match(outcomes, [{ code: 'RIVULET_CANCELLED' }], 'one whose observable was left does not')
  }
  t.match(calling.host.stats(), { open: 0, running: 0 })
})

t.test('open calls of one client', async (t) => {
  const calling = new Calling({ double: () => NEVER }, { sessions: 2, limits: { maxOpenCallsPerPeer: 5 } })
  const started = Array.from({ length: 14 }, () => calling.start('double'))
  calling.pump()
  const shed = started.filter(({ outcomes }) => outcomes.length > 0)
  t.equal(shed.length, 4, 'five for each session')
  t.match(shed[0]?.outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no' }])
})

t.test('open calls of one key, over all its sessions', async (t) => {
  const identity = { name: 'somebody', publicKey: 'x'.repeat(40) }
  const limits = { maxOpenCallsPerPeer: 5 }
  const calling = new Calling({ double: () => NEVER, look: numbered((n) => n) }, { sessions: 2, limits, identity })
  const start = (count: number) => Array.from({ length: count }, () => calling.start('double'))
  const started = start(14)
  calling.pump()
  const shed = started.filter(({ outcomes }) => outcomes.length > 0)
  t.equal(shed.length, 9)
  t.match(shed[0]?.outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no' }])
  for (const { call, outcomes } of started) if (outcomes.length === 0) call.cancel()
  await calling.settle()
  t.equal(start(5).filter(({ outcomes }) => outcomes.length > 0).length, 0, 'those that have ended make room')
  calling.pump()
  t.match(calling.host.stats(), { open: 5, refused: 9 })
})

t.test('requests of one client that nobody takes', async (t) => {
  const limits = { backlogBytes: 10 }
  const calling = new Calling({ sum: () => NEVER, look: numbered((n) => n) }, { sessions: 2, limits })
  const requests = Array.from({ length: 6 }, () => ({ n: 1 }))
  const started = [calling.start('sum', requests), calling.start('sum', requests), calling.start('sum', requests)]
  await calling.settle()
  t.strictSame(
    started.map(({ outcomes }) => outcomes.length),
    [0, 0, 1],
    'the first two have a session each, and the third shares one',
  )
  const message = /more requests wait than the server keeps/
  t.match(started[2]?.outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'maybe', message }])
  const answered = calling.start('look', 5)
  await calling.settle()
  t.strictSame(answered.outcomes, [5], 'other calls go on')
})

t.test('outcomes that a client does not read', async (t) => {
  const options = { outboxBytes: 2000, limits: { backlogBytes: 3000 } }
  const calling = new Calling({ text: (request) => (request as { text: string }).text }, options)
  calling.pair.acceptor.blocked = true
  const started = Array.from({ length: 4 }, () => calling.start('text', { text: 'x'.repeat(2000) }))
  calling.pump()
  t.match(calling.host.stats(), { started: 4, answered: 2, failed: 2, open: 0 }, 'one in the outbox, one beside it')
  calling.pair.acceptor.blocked = false
  await calling.settle()
  const overloaded = { code: 'RIVULET_OVERLOADED', executed: 'maybe', message: /reads no outcomes/ }
  t.match(
    started.map(({ outcomes }) => outcomes[0]),
    ['x'.repeat(2000), 'x'.repeat(2000), overloaded, overloaded],
  )
  t.strictSame(calling.leftovers, {})
})

t.test('one-way calls that are shed are reported', async (t) => {
  const calling = new Calling({ note: () => new Promise(() => {}) }, { limits: { maxConcurrentCalls: 1 } })
  calling.start('note')
  calling.start('note')
  calling.pump()
  t.match(calling.errors, [{ code: 'RIVULET_OVERLOADED', executed: 'no' }])
  t.equal(calling.pair.acceptor.underWay, 0)
})

t.test('calls that wait for a session', async (t) => {
  const calling = new Calling({}, { sessions: 0 })
  const ignored = () => {}
  for (let i = 0; i < 65_536; i++) calling.call('double').catch(ignored)
  t.match(calling.start('double').outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no' }])
  t.match(calling.client.stats(), { waiting: 65_536 })
})

t.test('items without a byte that nobody takes', async (t) => {
  const calling = new Calling({ nothing: () => Array(70_000).fill(null), empties: () => NEVER })
  const { outcomes, responses } = calling.start('nothing', {})
  await calling.settle()
  t.match(outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'maybe' }])
  responses.subscribe({ error: () => {} })
  const requests = calling.start('empties', Array(70_000).fill({}))
  await calling.settle()
  t.match(requests.outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'maybe' }])
  await calling.settle()
  t.strictSame(calling.leftovers, {})
})

t.test('calls that one client begins within a second', async (t) => {
  const calling = new Calling({ look: numbered((n) => n) }, { sessions: 2, limits: { maxCallsPerSecond: 3 } })
  // calls go to the two sessions in turn
  const burst = async () => {
    const started = Array.from({ length: 10 }, (_, n) => calling.start('look', n))
    await calling.settle()
    return started.flatMap(({ outcomes }) => outcomes)
  }
  const outcomes = await burst()
  t.equal(outcomes.filter((one) => typeof one === 'number').length, 6, 'each has its own rate')
  const refused = outcomes.filter((one) => typeof one !== 'number')
  t.equal(refused.length, 4)
  for (const one of refused) t.match(one, { code: 'RIVULET_OVERLOADED', executed: 'no', retryable: true })
  t.match(calling.errors, [{ code: 'RIVULET_OVERLOADED' }, { code: 'RIVULET_OVERLOADED' }])
  t.equal(calling.errors.length, 2, 'each is reported once a second')
  await calling.clock.advance(1000)
  t.equal((await burst()).filter((one) => typeof one === 'number').length, 6)
  t.match(calling.host.stats(), { refused: 8, open: 0 })
})

t.test('calls that one client cancels within a second', async (t) => {
  const calling = new Calling({ double: () => NEVER, look: numbered((n) => n) }, { limits: { maxCancelsPerSecond: 3 } })
  for (let n = 0; n < 3; n++) {
    const { call } = calling.start('double')
    calling.pump()
    call.cancel()
    calling.pump()
  }
  const next = calling.start('look', 7)
  await calling.settle()
  t.match(next.outcomes, [{ code: 'RIVULET_OVERLOADED', executed: 'no' }])
  t.match(calling.errors, [{ code: 'RIVULET_OVERLOADED', message: /cancelled/ }])
  await calling.clock.advance(1000)
  const later = calling.start('look', 8)
  await calling.settle()
  t.strictSame(later.outcomes, [8])
  t.strictSame(calling.leftovers, {})
})

t.test('calls of one key within a second, over all its sessions', async (t) => {
  const identity = { name: 'somebody', publicKey: 'x'.repeat(40) }
  const calling = new Calling({ look: numbered((n) => n) }, { sessions: 2, limits: { maxCallsPerSecond: 3 }, identity })
  const started = Array.from({ length: 10 }, (_, n) => calling.start('look', n))
  await calling.settle()
  const answered = started.flatMap(({ outcomes }) => outcomes).filter((one) => typeof one === 'number')
  t.equal(answered.length, 3)
})
