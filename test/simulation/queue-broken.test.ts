/** Engines that are broken on purpose are found out: each within a few hundred seeds. */
import t from 'tap'
import { brokenEngines } from './queue-broken-engines.js'
import { simulateQueue } from './queue-simulation.js'
import { runSeeds } from './seeds.js'

const seeds = 300

for (const { name, breakIt } of brokenEngines) {
  t.test(`an engine that ${name}`, async (t) => {
    const mend = breakIt()
    try {
      const tally = runSeeds((seed) => simulateQueue(seed), { from: 1, seeds, failures: 1 })
      const [found] = tally.failures
      t.ok(found, `found within ${seeds} seeds`)
      t.comment(`seed ${found?.seed}: ${found?.violation}`)
    } finally {
      mend()
    }
    t.equal(simulateQueue(1).violation, undefined, 'and is mended')
  })
}
