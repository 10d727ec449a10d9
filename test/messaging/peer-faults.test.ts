/** Peers behind bad networks, a little of it: nothing is lost, doubled or out of order, and each ask has one outcome. */
import t from 'tap'
import { peerFaults } from './peer-faults.js'

t.test('resets and a hole between three peers under load', async (t) => {
  const report = await peerFaults({ peers: 3, resets: 6, holes: 1, holeMs: 500, seed: 7, between: 5 })
  t.strictSame(report.faults, [])
  t.equal(report.left, 0)
  t.ok(report.messages > 0 && report.asks > 0)
  t.ok(report.connections > 3, 'links were made again')
})
