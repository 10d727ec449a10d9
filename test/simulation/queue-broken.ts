/** Holds the simulation of the durable queue to what it is for: it finds what is broken on purpose within a few hundred seeds. */
import t from 'tap'
import type { BrokenPart } from './queue-broken-engines.js'
import { simulateQueue } from './queue-simulation.js'
import { runSeeds } from './seeds.js'

const seeds = 300

/** Declares a subtest for each of some broken parts. */
export function findsEach(parts: readonly BrokenPart[], kind: string): void {
  for (const { name, from = 1, breakIt } of parts) {
    t.test(`${kind} that ${name}`, async (t) => {
      const mend = breakIt()
      try {
        const tally = await runSeeds((seed) => simulateQueue(seed), { from, seeds, failures: 1 })
        const [found] = tally.failures
        t.ok(found, `found within ${seeds} seeds`)
        t.comment(`seed ${found?.seed}: ${found?.violation}`)
      } finally {
        mend()
      }
      t.equal((await simulateQueue(1)).violation, undefined, 'and is mended')
    })
  }
}
