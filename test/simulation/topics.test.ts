/** Topics with history in simulated trouble: what was found stays found, and each run looks a little further. */
import t from 'tap'
import { explainAs, runSeeds } from './seeds.js'
import { simulateTopics, type TopicsOutcome } from './topics-simulation.js'

/** How long fresh seeds are looked at, in milliseconds. */
const freshMs = 2000

/** The first fresh seed. */
const freshFrom = 1_000_000

/** Seeds that have found something. */
const found = [
  100_009, 100_415, 103_325, 104_642, 111_931, 303_180, 700_856, 710_235, 710_548, 720_289, 720_591, 750_110,
]

const explain = explainAs('topics-simulation')

t.test('a seed goes the same way each time', async (t) => {
  for (const seed of [1, 2, 3]) {
    const [one, other] = [await simulateTopics(seed), await simulateTopics(seed)]
    t.strictSame(one, other)
    t.not(one.hash, (await simulateTopics(seed + 1)).hash)
  }
})

t.test('the first seeds', async (t) => {
  const outcomes: TopicsOutcome[] = []
  const simulate = async (seed: number) => {
    const outcome = await simulateTopics(seed)
    outcomes.push(outcome)
    return outcome
  }
  const { failures } = await runSeeds(simulate, { from: 1, seeds: 40 })
  t.strictSame(failures.map(explain), [])
  t.ok(outcomes.reduce((sum, { delivered }) => sum + delivered, 0) > 5000)
  t.ok(outcomes.reduce((sum, { gaps }) => sum + gaps, 0) > 20)
})

t.test('seeds that have found something', async (t) => {
  for (const seed of found) {
    const outcome = await simulateTopics(seed)
    t.equal(outcome.violation, undefined, explain(outcome))
  }
})

t.test('fresh seeds', async (t) => {
  const from = freshFrom + Math.floor(Math.random() * (2 ** 31 - freshFrom))
  const { seeds, failures } = await runSeeds((seed) => simulateTopics(seed), {
    from,
    seeds: 100_000,
    withinMs: freshMs,
    failures: 1,
  })
  t.comment(`${seeds} seeds from ${from}`)
  t.strictSame(failures.map(explain), [])
})
