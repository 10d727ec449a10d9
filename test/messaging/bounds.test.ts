/** What one peer is bounded by, and which peers of a node report what. */
import { BehaviorSubject } from 'rxjs'
import t from 'tap'
import { createPeer, defineAsk } from '../../patterns/messaging/index.js'
import { LocalPeer } from '../../patterns/messaging/local-peer.js'
import { claimProblem } from '../../patterns/messaging/peer-claim.js'
import { PresentPeers } from '../../patterns/messaging/present-peers.js'
import { RivuletError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import { codesOf, until } from '../support/events.js'
import { place } from '../support/transports.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { failure, Report, sees } from './peers.js'
import { claimOf, incarnation } from './roster-lab.js'

const maxAbsent = 1024
const maxAnswers = 1024

t.test('messages wait for so many absent peers, and for no more', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const peer = await createPeer({ name: 'a', bind, runtime })
  const abort = new AbortController()
  const { signal } = abort
  const waiting = Array.from({ length: maxAbsent }, (_, at) =>
    failure(peer.send(`absent ${at}`, Report, { id: at }, { signal })),
  )
  t.equal(await failure(peer.send('one more', Report, { id: 0 })), 'RIVULET_OUTBOX_FULL no')
  await peer.send('a', Report, { id: 1 }) // who is there needs no place
  abort.abort()
  for (const outcome of await Promise.all(waiting)) if (outcome !== 'RIVULET_ABORTED no') t.fail(outcome)
  const short = { timeoutMs: 1 }
  t.equal(
    await failure(peer.send('one more', Report, { id: 0 }, short)),
    'RIVULET_UNKNOWN_PEER no',
    'there is room again',
  )
})

t.test('a peer answers so many asks', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const peer = await createPeer({ name: 'a', bind, runtime })
  const asks = Array.from({ length: maxAnswers + 1 }, (_, at) => defineAsk(`ask ${at}`, Report, Report))
  for (const ask of asks.slice(1)) peer.answer(ask, (query) => query)
  t.throws(() => peer.answer(asks[0] as (typeof asks)[0], (query) => query), { code: 'RIVULET_INVALID_OPTION' })
})

t.test('a claim of another process with more answers is refused', async (t) => {
  const answers = (count: number) => new Map(Array.from({ length: count }, (_, at) => [`ask ${at}`, at] as const))
  t.equal(claimProblem(claimOf('a', 1, { answers: answers(maxAnswers) })), undefined)
  t.match(claimProblem(claimOf('a', 1, { answers: answers(maxAnswers + 1) })), /at most 1024 asks/)
})

t.test('a node whose answer alternates is reported once in a while', async (t) => {
  const clock = new VirtualClock()
  const reported: string[] = []
  const bounds = { mailboxMessages: 1, mailboxBytes: 1, mailboxOverflow: 'block', outboxBytes: 1 } as const
  const peer = new LocalPeer({ name: 'a', incarnation: incarnation(1), identity: undefined }, bounds, {
    clock,
    name: () => 'a',
    isOpen: () => true,
    onClosing: () => () => {},
    report: ({ message }) => reported.push(message),
    waitUntil: async () => {},
    epoch: () => 1,
    nextAttempt: () => 1,
    wayTo: () => undefined,
    isPresent: () => false,
    present: new PresentPeers(),
    isSender: () => false,
    hasLeft: () => false,
  })
  const refuse = () => peer.refusedSomewhere(new RivuletError('RIVULET_NAME_TAKEN', 'taken'))
  for (let round = 0; round < 100; round++) refuse()
  t.strictSame(reported, ['taken'])
  clock.advance(defaults.reportMs)
  refuse()
  t.match(reported, ['taken', /taken \(and 99 others/])
})

t.test('peers of one node: each reports its own errors, and the one that has the links reports theirs', async (t) => {
  const { runtime, bind } = place(t, 'inproc')
  const hub = await createPeer({ name: 'b', bind, runtime })
  const lists = new BehaviorSubject<readonly unknown[]>([hub.endpoint])
  const first = await createPeer({ name: 'a', connect: lists as never, runtime })
  await sees(first, 'b')
  const ofFirst = codesOf(first)
  const second = await createPeer({ name: 'c', over: first })
  const other = await createPeer({ name: 'c', over: hub, takeover: true })
  const ofSecond = codesOf(second)
  await until(() => ofSecond.includes('RIVULET_NAME_TAKEN'))
  lists.next([17])
  await until(() => ofFirst.includes('RIVULET_INVALID_ENDPOINT'))
  t.strictSame([ofFirst, ofSecond], [['RIVULET_INVALID_ENDPOINT'], ['RIVULET_NAME_TAKEN']])
  await other.close()
})
