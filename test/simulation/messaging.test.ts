/** Named peers in simulated trouble: what was found stays found, and each run looks a little further. */
import t from 'tap'
import { simulateMessaging } from './messaging-simulation.js'
import { explainAs, runSeeds } from './seeds.js'
import { briefFrom } from './session-plan.js'

/** How long fresh seeds are looked at, in milliseconds. */
const freshMs = 1000

const explain = explainAs('messaging-simulation')

t.test('a seed goes the same way each time', async (t) => {
  for (const seed of [1, 2, 3]) {
    const [one, other] = [await simulateMessaging(seed), await simulateMessaging(seed)]
    t.strictSame(one, other)
    t.not(one.hash, (await simulateMessaging(seed + 1)).hash)
  }
})

t.test('the first seeds', async (t) => {
  const { failures } = await runSeeds((seed) => simulateMessaging(seed), { from: 1, seeds: 40 })
  t.strictSame(failures.map(explain), [])
})

t.test('the first brief seeds', async (t) => {
  const { failures } = await runSeeds((seed) => simulateMessaging(seed), { from: briefFrom, seeds: 40 })
  t.strictSame(failures.map(explain), [])
})

for (const [kind, first, last] of [
  ['long', 101, briefFrom - 1],
  ['brief', briefFrom + 100, 2 ** 31],
] as const) {
  t.test(`fresh ${kind} seeds`, async (t) => {
    const from = first + Math.floor(Math.random() * (last - first))
    const limits = { from, seeds: Math.min(100_000, last - from), withinMs: freshMs / 2, failures: 1 }
    const { seeds, failures } = await runSeeds((seed) => simulateMessaging(seed), limits)
    t.comment(`${seeds} seeds from ${from}`)
    t.strictSame(failures.map(explain), [])
  })
}
