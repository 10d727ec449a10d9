/** Runs a property twice: with a fixed seed, so that what was once found stays found, and with a fresh one. */
import fc from 'fast-check'
import { mayGenerate } from '../../src/avro/code-generation.js'

/** Returns how many of so many runs are made: a tenth with interpreted codecs, which are held to the generated ones. */
export const share = (runs: number): number => (mayGenerate ? runs : runs / 10)

/**
 * Checks the property; a failure prints the seed and the path that replay it.
 *
 * @param runs - Runs in all, half of them with the fresh seed.
 */
export function checkWithSeeds<T extends [unknown, ...unknown[]]>(property: fc.IProperty<T>, runs: number): void {
  const numRuns = Math.ceil(share(runs) / 2)
  fc.assert(property, { seed: 20_241_122, numRuns })
  fc.assert(property, { numRuns }) // fast-check prints the seed that it took
}
