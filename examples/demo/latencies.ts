/**
 * How long things took, for people to look at.
 */

/** Durations in milliseconds. */
export class Latencies {
  readonly #sorted: number[] = []

  add(durationMs: number): void {
    const at = this.#sorted.findIndex((known) => known > durationMs)
    this.#sorted.splice(at < 0 ? this.#sorted.length : at, 0, durationMs)
  }

  /** 0 if there is none. */
  get medianMs(): number {
    return this.#sorted[this.#sorted.length >> 1] ?? 0
  }

  /** 0 if there is none. */
  get longestMs(): number {
    return this.#sorted.at(-1) ?? 0
  }
}
