/** The honest peers of each pattern. */
import { Calls, type HonestLoad, type LoadOptions, QueuedJobs, Receives, Sends } from './honest-load.js'
import { Announcements, Messages } from './honest-peers.js'
import { Echoes, TypedEchoes } from './honest-streams.js'
import type { PatternName } from './patterns.js'
import type { Victim } from './victim.js'

/** Opens honest peers of a pattern; the victim is bound, and they are linked when it resolves. */
export const openLoad: Readonly<Record<PatternName, (options: LoadOptions, victim: Victim) => Promise<HonestLoad>>> = {
  rpc: Calls.open,
  push: Receives.pull,
  pull: Sends.push,
  queue: QueuedJobs.open,
  publisher: Receives.subscriber,
  subscriber: Sends.publisher,
  peer: Messages.open,
  directory: Announcements.open,
  lines: Echoes.open,
  tls: Echoes.secured,
  typed: TypedEchoes.open,
}
