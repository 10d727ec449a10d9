/**
 * `npm run soak -- simulation [--seeds N] [--from M] [--json]`: runs that many seeds of the simulation of sessions.
 *
 * `--seed N` has one again and prints all that happens. Held: every promise that `test/simulation/session-oracle.ts`
 * knows of. A seed that breaks one is printed with the command that replays it.
 */
import { parseArgs } from 'node:util'
import { explain, runSeeds } from '../simulation/seeds.js'
import { simulateSessions } from '../simulation/session-simulation.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
  },
})

/** How often the rows of progress come, in milliseconds. */
const progressMs = 10_000

if (values.seed === undefined) many(Number(values.from), Number(values.seeds))
else one(Number(values.seed))

function one(seed: number): void {
  const outcome = simulateSessions(seed, values.json ? {} : { log: console.log })
  console.log(values.json ? JSON.stringify(outcome) : outcome)
  if (outcome.violation !== undefined) process.exitCode = 1
}

function many(from: number, seeds: number): void {
  const started = performance.now()
  let toldAt = started
  const tally = runSeeds(simulateSessions, {
    from,
    seeds,
    onOutcome(outcome, done) {
      if (values.json) return
      if (outcome.violation !== undefined) console.log(explain(outcome))
      if (performance.now() - toldAt < progressMs) return
      toldAt = performance.now()
      console.log(`${done} of ${seeds} seeds, ${((done * 1000) / (toldAt - started)).toFixed(0)} a second`)
    },
  })
  if (values.json) console.log(JSON.stringify({ from, ...tally }))
  else {
    const { steps, seconds, failures } = tally
    const rates = `${(tally.seeds / seconds).toFixed(0)} seeds and ${(steps / seconds).toFixed(0)} steps a second`
    console.log(`${tally.seeds} seeds from ${from}, ${failures.length} failed; ${seconds.toFixed(0)} s, ${rates}`)
  }
  if (tally.failures.length > 0) process.exitCode = 1
}
