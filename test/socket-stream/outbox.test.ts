/** The outbox of a connection: one write for a turn, one write at a time, and the memory of what waits. */
import t from 'tap'
import { lines } from '../../patterns/socket/index.js'
import { BufferBudget } from '../../patterns/socket/stream/buffer-budget.js'
import { OutgoingHalf, type OutgoingHalfSettings } from '../../patterns/socket/stream/outgoing-half.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** A half that sends to a system which takes bytes when the test says so. */
function open(settings: Partial<OutgoingHalfSettings> = {}) {
  const writes: Buffer[] = []
  const buffers: number[] = []
  const taken: (() => void)[] = []
  let ended = 0
  const reported: string[] = []
  const { writer } = lines().open({
    clock: new VirtualClock(),
    side: 'connect',
    name: () => 'a connection',
    report: () => {},
    lose: () => {},
    wake: () => {},
  })
  const half = new OutgoingHalf(
    writer,
    { overflow: 'block', outboxBytes: 1000, budget: undefined, ...settings },
    {
      name: () => 'a connection',
      isOpen: () => true,
      onClosing: () => () => {},
      report: ({ code }) => reported.push(code),
      write: (parts, done) => {
        writes.push(Buffer.concat(parts))
        buffers.push(parts.length)
        taken.push(done)
      },
      progress: () => {},
      end: () => {
        ended += 1
      },
    },
  )
  return { half, writes, buffers, taken, reported, ended: () => ended }
}

/** Ends this turn, promise jobs and all. */
const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('what one turn sends leaves in one write, and what the next ones send in one behind it', async (t) => {
  const { half, writes, taken } = open()
  for (let at = 0; at < 10; at++) half.next('a')
  await half.send('b')
  t.equal(writes.length, 0, 'not within the turn')
  await turn()
  t.strictSame(writes.map(String), [`${'a\n'.repeat(10)}b\n`])
  half.next('c')
  await turn()
  half.next('d')
  await turn()
  t.equal(writes.length, 1, 'one write at a time')
  t.match(half.stats(), { accepted: 13, sent: 0, pending: 13 })
  taken[0]?.()
  t.strictSame(writes.map(String).slice(1), ['c\nd\n'])
  t.match(half.stats(), { accepted: 13, sent: 11, pending: 2, pendingBytes: 4 })
  taken[1]?.()
  t.match(half.stats(), { sent: 13, pending: 0, pendingBytes: 0 })
})

t.test('small messages of many turns wait in few buffers', async (t) => {
  const { half, writes, buffers, taken } = open({ outboxBytes: 10_000_000 })
  half.next('first')
  await turn()
  for (let at = 0; at < 3000; at++) {
    half.next(`line ${at}`)
    await turn()
  }
  t.equal(half.stats().pending, 3001)
  taken[0]?.()
  t.strictSame(buffers, [1, 1])
  t.equal(String(writes[1]), Array.from({ length: 3000 }, (_, at) => `line ${at}\n`).join(''))
  taken[1]?.()
  t.equal(half.isEmpty, true)
})

t.test('a full outbox: `send` waits for room, in order, and the end of the half waits for it', async (t) => {
  const { half, writes, taken, ended } = open({ outboxBytes: 4 })
  await half.send('aaa')
  await turn()
  const waiting = [half.send('b'), half.send('c')]
  half.complete()
  await t.rejects(half.send('late'), { code: 'RIVULET_CLOSED' })
  await turn()
  t.equal(ended(), 0)
  while (taken.length > 0) {
    taken.shift()?.()
    await turn()
  }
  await Promise.all(waiting)
  t.equal(writes.join(''), 'aaa\nb\nc\n')
  t.equal(ended(), 1)
  t.match(half.stats(), { accepted: 3, sent: 3, refused: { closed: 1 } })
})

for (const [overflow, expected, counts] of [
  ['error', 'first\nx1\n', { refused: { full: 3 }, dropped: {} }],
  ['drop-newest', 'first\nx1\n', { refused: {}, dropped: { overflow: 3 } }],
  ['drop-oldest', 'first\nx4\n', { refused: {}, dropped: { overflow: 3 } }],
] as const) {
  t.test(`a full outbox with the policy ${overflow} keeps whole messages, and counts the others`, async (t) => {
    const { half, writes, taken } = open({ overflow, outboxBytes: 8 })
    half.next('first')
    await turn()
    for (let at = 1; at <= 4; at++) {
      half.next(`x${at}`)
      await turn()
    }
    const { accepted, sent, pending, dropped, refused } = half.stats()
    t.match({ dropped, refused }, counts)
    t.equal(accepted, sent + pending + (dropped.overflow ?? 0))
    while (taken.length > 0) {
      taken.shift()?.()
      await turn()
    }
    t.equal(writes.join(''), expected)
  })
}

t.test('a budget that others have spent leaves each one message, and wakes those that wait', async (t) => {
  const budget = new BufferBudget(100)
  const { half, writes, taken } = open({ budget })
  budget.change(100)
  await half.send('a')
  await turn()
  let isTaken = false
  const second = half.send('b').then(() => {
    isTaken = true
  })
  await turn()
  t.strictSame(writes.map(String), ['a\n'])
  t.equal(isTaken, false)
  budget.change(-90)
  await second
  await turn()
  taken[0]?.()
  t.strictSame(writes.map(String), ['a\n', 'b\n'])
  taken[1]?.()
  t.equal(budget.used, 10)
  half.next('lost')
  await turn()
  t.equal(half.stop('transport'), 1)
  t.equal(budget.used, 10, 'a connection that ends gives its share back')
  t.match(half.stats(), { dropped: { transport: 1 }, pending: 0 })
})
