/**
 * How an engine over a store is opened: the one way in for the patterns above.
 *
 * The store is the caller's: closing the engine leaves it open.
 */
import type { QueueEngine } from './engine.js'
import { LocalEngine } from './local-engine.js'
import { type EngineWorld, portsOver } from './ports.js'

/**
 * Opens the engine over a store, with the queues that are in it.
 *
 * Queues that are there already are treated by `defaultSettings` until they are declared.
 *
 * @throws RIVULET_STORE_FAILED, RIVULET_CLOSED
 */
export function openLocalEngine(world: EngineWorld): QueueEngine {
  return new LocalEngine(portsOver(world))
}
