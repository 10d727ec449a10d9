/**
 * How long the event loop of a consumer was blocked: its looks at its leases are late by as much.
 *
 * A block is measured from when a look was due, so that it may have been longer by the time between two looks. It has no
 * timer of its own, and counts only blocks of at least half a lease: shorter ones lose none.
 */

/** How often a consumer looks at its leases, as a part of how long they last. */
export const checksPerLease = 4

/** The looks of a consumer, and how late they are. */
export class LoopLag {
  #dueAt = Number.POSITIVE_INFINITY
  /** When the last block ended, and how long it was, in milliseconds. */
  #endedAt = Number.NEGATIVE_INFINITY
  #blockedMs = 0

  /** The next look is due at a time; infinite if none is. */
  expect(dueAt: number): void {
    this.#dueAt = dueAt
  }

  /** Whether a look is due: the event loop is blocked, or has just been. */
  isDue(now: number): boolean {
    return now >= this.#dueAt
  }

  /** A look takes place, and the next one is due in time; tells whether the event loop was blocked until now. */
  checked(now: number, leaseMs: number): boolean {
    const lateMs = now - this.#dueAt
    this.#dueAt = now + leaseMs / checksPerLease
    if (lateMs < leaseMs / 2) return false
    this.#endedAt = now
    this.#blockedMs = lateMs
    return true
  }

  /** How long the event loop was blocked at least, until now or until some time after another, in milliseconds; 0 if it was not. */
  blockedSince(time: number, now: number, leaseMs: number): number {
    const lateMs = now - this.#dueAt
    if (lateMs >= leaseMs / 2) return lateMs
    return this.#endedAt > time ? this.#blockedMs : 0
  }
}
