/** Runs a property twice: with a fixed seed, so that what was once found stays found, and with a fresh one. */
import fc from 'fast-check'

/**
 * Checks the property; a failure prints the seed and the path that replay it.
 *
 * @param runs - Runs in all, half of them with the fresh seed.
 */
export function checkWithSeeds<T extends [unknown, ...unknown[]]>(property: fc.IProperty<T>, runs: number): void {
  const numRuns = Math.ceil(runs / 2)
  fc.assert(property, { seed: 20_241_122, numRuns })
  fc.assert(property, { numRuns }) // fast-check prints the seed that it took
}
