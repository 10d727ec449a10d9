/**
 * Counts by reason, as `stats()` shows them.
 *
 * The hot paths keep plain numbers of their own; this is for what happens seldom: drops and refusals.
 */

/** Counts by reason. */
export class Tally {
  /** Made with the first reason: most of very many are never counted. */
  #counts: Map<string, number> | undefined
  #total = 0

  /** All reasons together. */
  get total(): number {
    return this.#total
  }

  /** Adds to one reason. */
  add(reason: string, count = 1): void {
    this.#counts ??= new Map()
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count)
    this.#total += count
  }

  /** A copy, frozen: only reasons that occurred. */
  snapshot(): Readonly<Record<string, number>> {
    return Object.freeze(Object.fromEntries(this.#counts ?? []))
  }
}
