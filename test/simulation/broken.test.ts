/** Machines that are broken on purpose are found out: each within a few hundred seeds. */
import t from 'tap'
import { brokenMachines } from './broken-machines.js'
import { brokenProofs } from './broken-proofs.js'
import { runSeeds } from './seeds.js'
import { simulateSessions } from './session-simulation.js'

const seeds = 300

for (const { name, breakIt, tamper } of [...brokenMachines, ...brokenProofs]) {
  t.test(`a machine that ${name}`, async (t) => {
    const mend = breakIt()
    try {
      const options = tamper ? { tamper } : {}
      const tally = await runSeeds((seed) => simulateSessions(seed, options), { from: 1, seeds, failures: 1 })
      const [found] = tally.failures
      t.ok(found, `found within ${seeds} seeds`)
      t.comment(`seed ${found?.seed}: ${found?.violation}`)
    } finally {
      mend()
    }
    t.equal(simulateSessions(1).violation, undefined, 'and is mended')
  })
}
