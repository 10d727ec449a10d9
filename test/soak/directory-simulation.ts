/**
 * `npm run soak -- directory-simulation [--seeds N] [--from M] [--json]`: runs that many seeds of the simulated directory.
 *
 * `--seed N` has one again and prints all that happens. Held: every promise that `test/simulation/directory-oracle.ts` knows. A
 * seed that breaks one is printed with the command that replays it.
 */
import { simulateDirectory } from '../simulation/directory-simulation.js'
import { soakSeeds } from '../simulation/soak-seeds.js'

await soakSeeds('directory-simulation', simulateDirectory)
