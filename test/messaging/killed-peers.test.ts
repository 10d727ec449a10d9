/** Processes with peers that are killed, a little of it; and what the account of a round finds. */
import t from 'tap'
import { KillLedger, type PeerOfRound, type RoundReport } from './kill-ledger.js'
import { killedPeers } from './killed-peers.js'

t.test('one that binds and one that connects are killed under load and come back', async (t) => {
  const leftLimitMs = Number.POSITIVE_INFINITY // no time is judged here
  const options = { rounds: 2, binding: 2, connecting: 1, seed: 5, between: 20, beforeStartMs: 100, leftLimitMs }
  const { confirmed, kills, faults } = await killedPeers(options)
  t.strictSame(faults, [])
  t.strictSame(kills, { binding: 1, connecting: 1 })
  t.ok(confirmed > 0)
})

type Changes = { readonly [Key in 'a' | 'b']?: Partial<RoundReport> }

/** Settles a round of two peers, of which the one was killed and has come back; `changes` are what the reports do not say rightly. */
function settle(changes: Changes, received: Record<string, number[]> = { 'a-1': [0, 1] }): readonly string[] {
  const ledger = new KillLedger(2000)
  const at = 10_000
  const sight = (kind: string, name: string, incarnation: string, after: number) => ({
    kind,
    name,
    incarnation,
    at: at + after,
  })
  const a: RoundReport = {
    sent: {
      b: {
        before: [0, 1],
        since: [4, 5],
        failed: [{ place: 2, outcome: 'RIVULET_UNKNOWN_OUTCOME maybe', mayRepeat: false }],
      },
    },
    received: { 'b-1': [7, 8], 'b-2': [0, 1] },
    seen: [sight('left', 'b', 'b-1', 1500), sight('joined', 'b', 'b-2', 1500)],
    stalledMs: 0,
    ...changes.a,
  }
  const b: RoundReport = {
    sent: { a: { before: [0, 1], since: [], failed: [] } },
    received: { 'a-1': [4, 5] },
    seen: [sight('joined', 'a', 'a-1', 1600)],
    stalledMs: 0,
    ...changes.b,
  }
  const peers: PeerOfRound[] = [
    { name: 'a', incarnation: 'a-1', others: ['b'], report: a },
    { name: 'b', incarnation: 'b-2', others: ['a'], killed: { incarnation: 'b-1', at, received }, report: b },
  ]
  ledger.settle(peers)
  return ledger.faults
}

t.test('the account finds what must not be', async (t) => {
  t.strictSame(settle({}), [])
  const sent = (before: number[], since: number[], outcome?: string) => {
    const failed = outcome === undefined ? [] : [{ place: 9, outcome, mayRepeat: false }]
    return { sent: { b: { before, since, failed } } }
  }
  const left = (after: number, stalledMs = 0) => ({
    stalledMs,
    seen: [
      { kind: 'left', name: 'b', incarnation: 'b-1', at: 10_000 + after },
      { kind: 'joined', name: 'b', incarnation: 'b-2', at: 10_000 + after },
    ],
  })
  const twice = left(1500).seen
  for (const [what, changes, fault] of [
    ['lost', { b: { received: { 'a-1': [4] } } }, 'message 5 of a to b was confirmed and is not there'],
    ['doubled', { b: { received: { 'a-1': [4, 4, 5] } } }, 'b got 4 behind 4 of a-1'],
    ['out of order', { b: { received: { 'a-1': [5, 4] } } }, 'b got 4 behind 5 of a-1'],
    [
      'from a process that was killed',
      { a: { received: { 'b-1': [8, 7], 'b-2': [0, 1] } } },
      'a got 7 behind 8 of b-1',
    ],
    [
      'at both receivers',
      { b: { received: { 'a-1': [1, 4, 5] } } },
      'message 1 of a to b was confirmed by the former receiver and came to the next one, too',
    ],
    ['nobody sent it', { b: { received: { 'a-1': [3, 4, 5] } } }, 'message 3 of a to b has no outcome and is there'],
    ['failed', { a: sent([], [4, 5], 'RIVULET_TIMEOUT no') }, 'message 9 of a to b has the outcome RIVULET_TIMEOUT no'],
    [
      'not by its own name',
      { a: sent([], [4, 5], 'RIVULET_NAME_TAKEN no') },
      'message 9 of a to b has the outcome RIVULET_NAME_TAKEN no',
    ],
    ['left late', { a: left(2500) }, 'a has seen b leave after 2500 ms'],
    [
      'left twice',
      { a: { seen: [...twice.slice(0, 1), ...twice] } },
      'a has seen b [left b-1,left b-1,joined b-2], and not [left b-1,joined b-2]',
    ],
    ['an honest one left', { b: { seen: [] } }, 'b has seen a [], and not [joined a-1]'],
  ] as const) {
    t.strictSame(settle(changes as Changes), [fault], what)
  }
  t.strictSame(settle({ a: left(2500, 400) }), [], 'late, since it has stalled')
  t.strictSame(settle({}, { 'a-1': [0, 1, 4] }), [], 'one that may be repeated')
  t.strictSame(settle({}, { 'a-1': [0, 1, 5] }), ['message 5 of a to b came to both receivers'])
  t.strictSame(settle({}, { 'a-1': [0, 2] }), ['message 1 of a to b was confirmed and never handed out'])
  const outcome = 'RIVULET_UNKNOWN_OUTCOME maybe'
  const given = { b: { before: [], since: [4, 5], failed: [{ place: 6, outcome, mayRepeat: false }] } }
  t.strictSame(
    settle({ a: { sent: given }, b: { received: { 'a-1': [4, 5, 6] } } }),
    [`message 6 of a to b has the outcome ${outcome}, and came to the next receiver`],
    'given up, and sent all the same',
  )
})
