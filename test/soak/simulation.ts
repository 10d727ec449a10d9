/**
 * `npm run soak -- simulation [--seeds N] [--from M] [--json]`: runs that many seeds of the simulation of sessions.
 *
 * `--seed N` has one again and prints all that happens. Held: every promise that `test/simulation/session-oracle.ts`
 * knows of. A seed that breaks one is printed with the command that replays it.
 */
import { simulateSessions } from '../simulation/session-simulation.js'
import { soakSeeds } from '../simulation/soak-seeds.js'

await soakSeeds('simulation', simulateSessions)
