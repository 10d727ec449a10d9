/**
 * `npm run soak -- messaging-simulation [--seeds N] [--from M] [--json]`: runs that many seeds of simulated messaging.
 *
 * `--seed N` has one again and prints all that happens. Held: every promise that `test/simulation/messaging-oracle.ts` knows
 * of. A seed that breaks one is printed with the command that replays it.
 */
import { simulateMessaging } from '../simulation/messaging-simulation.js'
import { soakSeeds } from '../simulation/soak-seeds.js'

await soakSeeds('messaging-simulation', simulateMessaging)
