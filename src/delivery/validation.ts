/**
 * Validation of the answers of an untrusted host to a consumer.
 *
 * Avro has seen to the types before. What a consumer may say to a host is held to bounds in `request-validation.ts`.
 */
import { type LeasedMessages, maxLeaseMs, minLeaseMs } from './protocol.js'

/** Whether leases can last so long, in milliseconds: a consumer looks at them by a timer. */
export function isLeaseTime(leaseMs: number): boolean {
  return leaseMs >= minLeaseMs && leaseMs <= maxLeaseMs
}

/** Whether messages add up. */
export function isWhole({
  lengths,
  checks,
  bodies,
  schemaId,
  positions = [],
  times = [],
  senders = [],
}: LeasedMessages): boolean {
  const count = lengths.length
  if (count === 0 || schemaId.length !== 16) return false
  let bytes = 0
  for (const length of lengths) {
    if (length < 0) return false
    bytes += length
  }
  if (bytes !== bodies.length || checks.length !== 4 * count) return false
  if (senders.some(({ index }, at) => index <= (senders[at - 1]?.index ?? -1) || index >= count)) return false
  return [positions, times].every((list) => list.length === 0 || list.length === count)
}
