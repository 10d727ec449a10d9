/**
 * `npm run soak -- topics-simulation [--seeds N] [--from M] [--json]`: runs that many seeds of simulated topics with history.
 *
 * `--seed N` has one again and prints all that happens. Held: every promise that `test/simulation/topics-oracle.ts` knows. A seed
 * that breaks one is printed with the command that replays it.
 */

import { soakSeeds } from '../simulation/soak-seeds.js'
import { simulateTopics } from '../simulation/topics-simulation.js'

await soakSeeds('topics-simulation', simulateTopics)
