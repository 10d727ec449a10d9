/** Runs a model in `npm test`: some seeds that are always the same, and some that are fresh. */
import t from 'tap'
import type { Transport } from '../support/transports.js'
import { runPool } from './worker-pool.js'

/** The seed of what is always the same. */
const fixedSeed = 20_250_301

/**
 * Declares the tests of a model.
 *
 * @param sequences - In all, half of them fresh. Default: 400.
 * @param transport - Default: inproc.
 */
export function testModel(model: string, sequences = 400, transport: Transport = 'inproc'): void {
  const count = Math.ceil(sequences / 2)
  for (const [name, from] of [
    ['fixed', fixedSeed],
    ['fresh', Date.now() % 1_000_000_000],
  ] as const) {
    t.test(`${model}: ${name} seeds keep every promise (${transport})`, async (t) => {
      const { sequences, failed } = await runPool({ model, from, count, workers: 1, transport })
      const again = `npm run soak -- models --resource ${model} --transport ${transport} --sequences 1 --seed`
      for (const { seed, text } of failed) t.fail(`${text}\n  ${again} ${seed}`)
      t.equal(sequences + failed.length >= count, true, `${sequences} sequences from ${from}`)
    })
  }
}
