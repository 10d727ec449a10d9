/**
 * Opens what stands behind a host: the store that its options name, and the engine over it.
 *
 * The engine and the store are loaded with the first host, and LMDB with the first that has a folder: producers and
 * consumers of other processes need neither.
 */
import type { Clock } from '../../../src/clock/index.js'
import type { QueueEngine } from '../../../src/engine/index.js'
import type { RivuletError } from '../../../src/errors/index.js'
import { defaults } from '../../../src/options/index.js'
import type { Store, StoreUsage } from '../../../src/store/index.js'

/** An engine that is open. */
export interface OpenedEngine {
  readonly engine: QueueEngine
  /** What its store takes. */
  usage(): StoreUsage
  /** Waits for current writes, and releases the store. */
  close(): Promise<void>
}

/** Where an engine keeps its messages. */
export interface EnginePlace {
  readonly path: string | undefined
  readonly durability: 'flushed' | 'committed' | 'memory' | undefined
  readonly maxBytes: number
}

/**
 * Opens an engine.
 *
 * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 */
export async function openEngine(
  place: EnginePlace,
  clock: Clock,
  report: (error: RivuletError) => void,
): Promise<OpenedEngine> {
  const store = await openStore(place, report)
  try {
    const { openLocalEngine } = await import('../../../src/engine/index.js')
    const engine = openLocalEngine({ store, clock, report })
    let usage = store.usage()
    let isOpen = true
    return {
      engine,
      usage() {
        if (isOpen) usage = store.usage()
        return usage
      },
      async close() {
        await engine.close()
        usage = store.usage()
        isOpen = false
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStore(
  { path, durability, maxBytes }: EnginePlace,
  report: (error: RivuletError) => void,
): Promise<Store> {
  const { createMemoryStore, openLmdbStore } = await import('../../../src/store/index.js')
  if (path === undefined) return createMemoryStore({ maxBytes })
  const isCommitted = durability === 'committed'
  return openLmdbStore({
    path,
    maxBytes,
    durability: isCommitted ? 'committed' : defaults.durability,
    onFailed: report,
  })
}
