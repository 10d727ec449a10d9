/** Tests that parts of topics which are broken on purpose are found out by the simulation. */
import t from 'tap'
import type { BrokenPart } from './queue-broken-engines.js'
import { runSeeds } from './seeds.js'
import { simulateTopics } from './topics-simulation.js'

const seeds = 300

/** Makes a test of each. */
export function findBroken(parts: readonly BrokenPart[]): void {
  for (const { name, from = 1, breakIt } of parts) {
    t.test(`one that ${name}`, async (t) => {
      const mend = breakIt()
      try {
        const { failures, seeds: done } = await runSeeds((seed) => simulateTopics(seed), { from, seeds, failures: 1 })
        t.equal(failures.length, 1, `found within ${done} seeds`)
        t.comment(`seed ${failures[0]?.seed}: ${failures[0]?.violation}`)
      } finally {
        mend()
      }
      t.equal((await simulateTopics(from)).violation, undefined, 'and is mended')
    })
  }
}
