/**
 * What happened in a queue since its engine was opened, counted.
 *
 * A write that fails takes its counts back with it.
 */

/** Why messages are dropped. */
export type DropReason = 'overflow' | 'expired' | 'purged' | 'corrupt'

/** Counts that only grow. */
export interface QueueCounters {
  stored: number
  duplicates: number
  delivered: number
  acked: number
  nacked: number
  leasesLost: number
  deadLettered: number
  stale: number
  overflow: number
  expired: number
  purged: number
  corrupt: number
}

/** Counts of nothing. */
export function zeroCounters(): QueueCounters {
  return {
    stored: 0,
    duplicates: 0,
    delivered: 0,
    acked: 0,
    nacked: 0,
    leasesLost: 0,
    deadLettered: 0,
    stale: 0,
    overflow: 0,
    expired: 0,
    purged: 0,
    corrupt: 0,
  }
}

/** What was dropped, by reason: those that occurred. */
export function droppedOf({ overflow, expired, purged, corrupt }: QueueCounters): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries({ overflow, expired, purged, corrupt }).filter(([, count]) => count > 0))
}
