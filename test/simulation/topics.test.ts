/** Topics with history in simulated trouble: what was found stays found. `npm run soak` looks further. */
import t from 'tap'
import { explainAs, runSeeds } from './seeds.js'
import { simulateTopics, type TopicsOutcome } from './topics-simulation.js'

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
