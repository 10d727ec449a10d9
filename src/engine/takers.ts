/**
 * Which consumers of a queue can be dealt messages now, as far as the engine knows of their connections.
 *
 * How much each of them gets is decided in `dispatcher.ts`.
 */
import { defaults } from '../options/index.js'
import type { Consumer } from './consumer.js'
import type { Queue } from './queue.js'

/** How long a consumer sends nothing before it counts as silent, in milliseconds: two heartbeats, or a quarter of a lease. */
const silentMs = 2 * defaults.heartbeatMs

/** Returns the consumers that may be dealt messages, those with the fewest first. */
export function takersOf(queue: Queue, now: number): Consumer[] {
  const takers: Consumer[] = []
  for (const consumer of queue.consumers) {
    if (consumer.credit > 0 && !consumer.isSuspended && hasSpoken(consumer, now)) takers.push(consumer)
  }
  return takers.length > 1 ? takers.sort((one, other) => one.outstanding - other.outstanding) : takers
}

/** Whether nothing has come from a consumer for so long that its event loop may be blocked. */
export function isSilent(queue: Queue, { ports }: Consumer): boolean {
  return (ports.silentMs?.() ?? 0) > Math.min(silentMs, queue.settings.leaseMs / 4)
}

/** Whether something has come from a consumer at a time or later. */
export function isActiveSince(time: number, { ports }: Consumer, now: number): boolean {
  return now - (ports.silentMs?.() ?? 0) >= time
}

/** Whether a consumer has sent something since one of its leases lapsed: until then, more would wait for it in vain. */
function hasSpoken(consumer: Consumer, now: number): boolean {
  const { silentAt } = consumer
  if (silentAt === undefined) return true
  if (!isActiveSince(silentAt, consumer, now)) return false
  consumer.silentAt = undefined
  return true
}
