/**
 * Rates over the last second or so, for people to look at; nothing is decided by them.
 */

const windowMs = 1500

/** Turns counts that grow into rates. */
export class Rates {
  readonly #samples = new Map<string, { atMs: number; count: number }[]>()

  /** Takes a count now; returns its growth in a second. */
  of(name: string, count: number): number {
    const atMs = performance.now()
    const samples = this.#samples.get(name) ?? []
    this.#samples.set(name, samples)
    samples.push({ atMs, count })
    while (samples.length > 2 && atMs - (samples[1]?.atMs ?? 0) > windowMs) samples.shift()
    const [first] = samples
    if (first === undefined || first.atMs === atMs) return 0
    return ((count - first.count) / (atMs - first.atMs)) * 1000
  }
}
