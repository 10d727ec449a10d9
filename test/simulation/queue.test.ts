/** The durable queue in simulated trouble: what was found stays found, and each run looks a little further. */
import t from 'tap'
import { simulateQueue } from './queue-simulation.js'
import { explainAs, runSeeds } from './seeds.js'

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

t.test('fresh seeds', async (t) => {
  const from = 101 + Math.floor(Math.random() * 2 ** 31)
  const limits = { from, seeds: 100_000, withinMs: freshMs, failures: 1 }
  const { seeds, failures } = await runSeeds((seed) => simulateQueue(seed), limits)
  t.comment(`${seeds} seeds from ${from}`)
  t.strictSame(failures.map(told), [])
})
