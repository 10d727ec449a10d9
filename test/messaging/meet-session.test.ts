/** What a node answers to the claims of another one, where one turn brings several facts about a name. */
import t from 'tap'
import { Callers } from '../../patterns/messaging/callers.js'
import { MeetSession } from '../../patterns/messaging/meet-session.js'
import { Roster } from '../../patterns/messaging/roster.js'
import type { MeetAnswer } from '../../patterns/messaging/wire.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { incarnation, leaveMs, settleMs } from './roster-lab.js'

const entry = (name: string, number: number) => ({ name, incarnation: incarnation(number), epoch: 1, answers: [] })

/** A roster with sessions that have met a node each. */
function listening(...sessions: string[]) {
  const answers: Record<string, MeetAnswer[]> = {}
  const meets = new Map<string, MeetSession>()
  const none = () => {}
  const roster: Roster = new Roster(
    { leaveMs, settleMs, maxClaims: 10 },
    {
      ...{ clock: new VirtualClock(), announce: none, withdraw: none, joined: none, changed: none, left: none },
      ...{ suspected: none, recovered: none, conflict: none, complete: none, accepted: none, refused: none },
      ...{ regained: none, report: none },
      accept: (session, one) => meets.get(session)?.accept(one),
      refuse: (session, refusal) => meets.get(session)?.refuse(refusal),
    },
  )
  for (const [at, session] of sessions.entries()) {
    roster.began(session, undefined)
    answers[session] = []
    const answer = (said: MeetAnswer) => answers[session]?.push(said)
    const nothing = {
      identity: undefined,
      callers: new Callers(),
      begins: none,
      met: none,
      completed: none,
      ended: none,
    }
    const meet = new MeetSession({ ...nothing, roster, session, answer })
    meets.set(session, meet)
    meet.receive({ hello: { node: incarnation(1000 + at), endpoints: [] } })
  }
  const said = async (session: string) => {
    await new Promise((resolve) => setImmediate(resolve))
    return (answers[session] ?? [])
      .splice(0)
      .map(({ accepted = [], refused = [] }) => [
        accepted.map((one) => Number.parseInt(one, 16)),
        refused.map((one) => Number.parseInt(one.incarnation, 16)),
      ])
  }
  const meetOf = (session: string) => meets.get(session) as MeetSession
  return { meetOf, said }
}

t.test('a peer that has left and its successor of the same name, in one request', async (t) => {
  const { meetOf, said } = listening('s')
  meetOf('s').receive({ joined: [entry('a', 1)], complete: true })
  t.strictSame(await said('s'), [[[1], []]])
  meetOf('s').receive({ joined: [entry('a', 2)], left: [incarnation(1)] })
  t.strictSame(await said('s'), [[[2], []]])
})

t.test('a claim that is refused and then accepted in one turn is accepted', async (t) => {
  const { meetOf, said } = listening('s1', 's2')
  meetOf('s1').receive({ joined: [entry('a', 1)], complete: true })
  await said('s1')
  meetOf('s2').receive({ joined: [entry('a', 2)], complete: true })
  meetOf('s1').receive({ left: [incarnation(1)] })
  t.strictSame(await said('s2'), [[[2], []]])
})

t.test('a claim that is accepted and then refused in one turn is refused', async (t) => {
  const { meetOf, said } = listening('s1', 's2')
  meetOf('s2').receive({ joined: [entry('a', 2)], complete: true })
  meetOf('s1').receive({ joined: [entry('a', 1)], complete: true })
  t.strictSame(await said('s2'), [[[], [2]]])
})
