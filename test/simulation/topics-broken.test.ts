/** Machines of topics that are broken on purpose are found out, within a few hundred seeds. */
import t from 'tap'
import { runSeeds } from './seeds.js'
import { brokenTopics } from './topics-broken.js'
import { simulateTopics } from './topics-simulation.js'

const seeds = 300

for (const { name, from = 1, breakIt } of brokenTopics) {
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
