/** A small crowd: two processes of ten peers find each other through a directory, send each other messages, and one of them is killed. */
import t from 'tap'
import { crowd } from './crowd.js'

t.test('each message arrives once and in order, and each peer of a killed process leaves once', async (t) => {
  const plan = { processes: 2, peersPerProcess: 10, messages: 50, partners: 19 }
  const { faults, residentMb, leftMs } = await crowd(plan, 'directory', 0)
  t.strictSame(faults, [])
  t.ok(residentMb.sent > 0 && leftMs > 0)
})
