/** A few rounds of `kill -9` on processes of a durable queue; `npm run soak -- queue-kills` runs many. */
import { join } from 'node:path'
import t from 'tap'
import { killRounds } from './kill-rounds.js'
import { folder } from './queues.js'

t.test('nothing confirmed is lost, comes again or has options of others when processes are killed', async (t) => {
  const path = join(folder(t), 'queues')
  const options = { rounds: 10, seed: 20, compareEvery: 2, mostEvents: 400, inFlight: 16, leaseMs: 1000 }
  const { ledger, kills, compared } = await killRounds({ path, ...options })
  t.strictSame(ledger.faults, [])
  t.ok(kills.host >= 2 && kills.producer >= 2 && kills.consumer >= 2, JSON.stringify(kills))
  t.ok(compared >= 1 && ledger.confirmed > 500 && ledger.acked > 500 && ledger.deadLetters > 2)
})
