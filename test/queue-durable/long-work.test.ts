/** Leases and time that passes: a frozen worker loses its message, a long job keeps it. */
import t from 'tap'
import { frozenWorker, longJob } from './long-work.js'

t.test('a frozen worker loses its lease, and its late ack is refused', async (t) => {
  const { attempt, late, ...counts } = await frozenWorker(500)
  t.equal(attempt, 2)
  t.match(late, /^x 1 \d+ a RIVULET_LEASE_LOST$/)
  t.match(counts, { leasesLost: 1, acked: 1 })
})

t.test('a job runs once although it takes five times its lease', async (t) => {
  t.strictSame(await longJob(2500, 500), { runs: 1, aborted: 0, delivered: 1, acked: 1, leasesLost: 0 })
})
