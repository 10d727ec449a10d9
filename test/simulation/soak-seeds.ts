/**
 * Runs many seeds of a simulation at the terminal, or one with all that happens: what the soaks of simulations share.
 *
 * Options: `[--seeds N] [--from M] [--json]`; `--seed N` has one again.
 */
import { parseArgs } from 'node:util'
import { explainAs, runSeeds, type SeedOutcome } from './seeds.js'

/** How often the rows of progress come, in milliseconds. */
const progressMs = 10_000

/** Runs a simulation as the command line says; a seed that fails is printed with the command that replays it. */
export async function soakSeeds(
  name: string,
  simulate: (seed: number, options: { readonly log?: (line: string) => void }) => SeedOutcome | Promise<SeedOutcome>,
): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const { json } = values
  if (values.seed === undefined) await many(Number(values.from), Number(values.seeds))
  else await one(Number(values.seed))

  async function one(seed: number): Promise<void> {
    const outcome = await simulate(seed, json ? {} : { log: console.log })
    console.log(json ? JSON.stringify(outcome) : outcome)
    if (outcome.violation !== undefined) process.exitCode = 1
  }

  async function many(from: number, seeds: number): Promise<void> {
    const started = performance.now()
    let toldAt = started
    const tally = await runSeeds((seed) => simulate(seed, {}), {
      from,
      seeds,
      onOutcome(outcome, done) {
        if (json) return
        if (outcome.violation !== undefined) console.log(explainAs(name)(outcome))
        if (performance.now() - toldAt < progressMs) return
        toldAt = performance.now()
        console.log(`${done} of ${seeds} seeds, ${((done * 1000) / (toldAt - started)).toFixed(0)} a second`)
      },
    })
    if (json) console.log(JSON.stringify({ from, ...tally }))
    else {
      const { steps, seconds, failures } = tally
      const rates = `${(tally.seeds / seconds).toFixed(0)} seeds and ${(steps / seconds).toFixed(0)} steps a second`
      console.log(`${tally.seeds} seeds from ${from}, ${failures.length} failed; ${seconds.toFixed(0)} s, ${rates}`)
    }
    if (tally.failures.length > 0) process.exitCode = 1
  }
}
