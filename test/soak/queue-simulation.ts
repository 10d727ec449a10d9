/**
 * `npm run soak -- queue-simulation [--seeds N] [--from M] [--json]`: runs that many seeds of the simulated durable queue.
 *
 * `--seed N` has one again and prints all that happens. Held: every promise that `test/simulation/queue-oracle.ts` knows
 * of. A seed that breaks one is printed with the command that replays it.
 */
import { simulateQueue } from '../simulation/queue-simulation.js'
import { soakSeeds } from '../simulation/soak-seeds.js'

await soakSeeds('queue-simulation', simulateQueue)
