/**
 * Counts by reason, as `stats()` shows them.
 *
 * The hot paths keep plain numbers of their own; this is for what happens seldom: drops and refusals.
 */

/** Counts by reason. */
export class Tally {
  readonly #counts = new Map<string, number>()
  #total = 0

  /** All reasons together. */
  get total(): number {
    return this.#total
  }

  /** Adds to one reason. */
  add(reason: string, count = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count)
    this.#total += count
  }

  /** A copy, frozen: only reasons that occurred. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.freeze(Object.fromEntries(this.#counts))
  }
}
