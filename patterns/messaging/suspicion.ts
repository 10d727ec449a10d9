/**
 * Whether the peers of a node are shown as suspected: what links report of silence, damped.
 *
 * A first recovery shows at once. Each further suspicion within the window doubles the time that a node must be heard until
 * it is shown as recovered, so that a node that flaps makes few events.
 */

/** Suspicions within this time of each other are flapping, in milliseconds. */
const windowMs = 60_000

/** How long the second recovery is held back, and any recovery at most, in milliseconds. */
const firstHoldMs = 1000
const longestHoldMs = 30_000

/** The shown suspicion of one node. */
export class Suspicion {
  #isShown = false
  /** Suspicions before the last one that were within the window of each other. */
  #flaps = 0
  #suspectedAt = Number.NEGATIVE_INFINITY
  /** When a recovery shows; infinite if none is held back. */
  #dueAt = Number.POSITIVE_INFINITY

  get isShown(): boolean {
    return this.#isShown
  }

  /** When to look again; infinite if there is no need. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** What the links report has changed; returns whether what is shown has. */
  report(isSuspected: boolean, now: number): boolean {
    if (!isSuspected) return this.#recover(now)
    this.#flaps = now - this.#suspectedAt < windowMs ? this.#flaps + 1 : 0
    this.#suspectedAt = now
    this.#dueAt = Number.POSITIVE_INFINITY
    const isNew = !this.#isShown
    this.#isShown = true
    return isNew
  }

  /** Shows a recovery that was held back, if it is due; returns whether it is. */
  release(now: number): boolean {
    if (now < this.#dueAt) return false
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#isShown = false
    return true
  }

  #recover(now: number): boolean {
    if (!this.#isShown || this.#dueAt !== Number.POSITIVE_INFINITY) return false
    const holdMs = this.#flaps === 0 ? 0 : Math.min(longestHoldMs, firstHoldMs * 2 ** (this.#flaps - 1))
    this.#dueAt = now + holdMs
    return this.release(now)
  }
}
