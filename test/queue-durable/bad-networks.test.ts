/** Cut and swallowing networks between a host and its producers and consumers; `npm run soak -- queue-faults` breaks more. */
import t from 'tap'
import { queueFaults } from './fault-load.js'
import { folder } from './queues.js'

t.test('resends over bad networks double nothing and lose nothing', async (t) => {
  const options = { path: folder(t), resets: 8, holes: 1, holeMs: 200, seed: 7, between: 50 }
  const { ledger, leasesLost, connections, faults } = await queueFaults(options)
  t.strictSame(faults, [])
  t.equal(leasesLost, 0)
  t.ok(connections >= 5 + 8, `${connections} connections`)
  t.ok(ledger.confirmed > 500 && ledger.acked > 400)
})
