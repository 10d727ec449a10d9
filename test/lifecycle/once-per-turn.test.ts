/** What a turn asks for many times is done once, at its end. */
import t from 'tap'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import { turn } from '../support/events.js'

t.test('once at the end of each turn that asks for it', async (t) => {
  let done = 0
  const work = new OncePerTurn(() => {
    done += 1
  })
  work.schedule()
  work.schedule()
  t.equal(done, 0)
  t.ok(work.isScheduled)
  await turn()
  t.equal(done, 1)
  t.notOk(work.isScheduled)
  work.schedule()
  await turn()
  t.equal(done, 2)
})

t.test('work that asks for itself is done again, at the end that the caller has chosen', async (t) => {
  const ends: (() => void)[] = []
  const seen: boolean[] = []
  const work = new OncePerTurn(
    () => {
      seen.push(work.isScheduled)
      if (seen.length === 1) work.schedule()
    },
    (end) => ends.push(end),
  )
  work.schedule()
  work.schedule()
  t.equal(ends.length, 1)
  ends[0]?.()
  t.equal(ends.length, 2)
  ends[1]?.()
  t.strictSame(seen, [false, false])
})
