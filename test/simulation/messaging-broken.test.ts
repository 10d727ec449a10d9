/** Parts of messaging that are broken on purpose are found out, within a few hundred seeds. */
import t from 'tap'
import { brokenMessaging } from './messaging-broken.js'
import { simulateMessaging } from './messaging-simulation.js'
import { runSeeds } from './seeds.js'

const seeds = 300

for (const { name, from = 1, breakIt } of brokenMessaging) {
  t.test(`a node that ${name}`, async (t) => {
    const mend = breakIt()
    try {
      const tally = await runSeeds((seed) => simulateMessaging(seed), { from, seeds, failures: 1 })
      const [found] = tally.failures
      t.ok(found, `found within ${seeds} seeds`)
      t.comment(`seed ${found?.seed}: ${found?.violation}`)
    } finally {
      mend()
    }
    t.equal((await simulateMessaging(1)).violation, undefined, 'and is mended')
  })
}
