/** The durable queue in simulated trouble: what was found stays found, and each run looks a little further. */
import t from 'tap'
import { simulateQueue } from './queue-simulation.js'
import { explainAs, runSeeds } from './seeds.js'
import { briefFrom } from './session-plan.js'

/** How long fresh seeds are looked at, in milliseconds. */
const freshMs = 3000

const told = explainAs('queue-simulation')

t.test('a seed goes the same way each time', async (t) => {
  for (const seed of [1, 2, 3]) {
    const [one, other] = [await simulateQueue(seed), await simulateQueue(seed)]
    t.strictSame(one, other)
    t.not(one.hash, (await simulateQueue(seed + 1)).hash)
  }
})

t.test('the first hundred seeds', async (t) => {
  const { failures } = await runSeeds((seed) => simulateQueue(seed), { from: 1, seeds: 100 })
  t.strictSame(failures.map(told), [])
})

for (const [kind, first, last] of [
  ['long', 101, briefFrom - 1],
  ['brief', briefFrom, 2 ** 31],
] as const) {
  t.test(`fresh ${kind} seeds`, async (t) => {
    const from = first + Math.floor(Math.random() * (last - first))
    const limits = { from, seeds: Math.min(100_000, last - from), withinMs: freshMs / 2, failures: 1 }
    const { seeds, failures } = await runSeeds((seed) => simulateQueue(seed), limits)
    t.comment(`${seeds} seeds from ${from}`)
    t.strictSame(failures.map(told), [])
  })
}
