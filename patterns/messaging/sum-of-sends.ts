/** The counts of several senders as those of one. */
import { Tally } from '../../src/observe/index.js'
import type { SenderStats } from '../../src/stream/index.js'

/** Adds up what became of messages. */
export function sumOfSends(all: readonly (SenderStats | undefined)[]): SenderStats {
  const [dropped, refused] = [new Tally(), new Tally()]
  const sum = { accepted: 0, sent: 0, pending: 0, pendingBytes: 0 }
  for (const stats of all) {
    if (stats === undefined) continue
    sum.accepted += stats.accepted
    sum.sent += stats.sent
    sum.pending += stats.pending
    sum.pendingBytes += stats.pendingBytes
    for (const [reason, count] of Object.entries(stats.dropped)) dropped.add(reason, count)
    for (const [reason, count] of Object.entries(stats.refused)) refused.add(reason, count)
  }
  return Object.freeze({ ...sum, dropped: dropped.snapshot(), refused: refused.snapshot() })
}
