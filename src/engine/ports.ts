/**
 * What an engine needs of the world: a clock, a store, chance, and somebody to tell what went wrong.
 *
 * The store is used through callbacks instead of promises, so that a simulation decides when a write is safe.
 */

import { randomBytes } from 'node:crypto'
import { type Clock, systemClock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { atEndOfTurn } from '../lifecycle/index.js'
import type { Change, Durability, RangeOptions, Store, StoredRecord } from '../store/index.js'

/** The store under an engine. */
export interface EngineStore {
  readonly durability: Durability
  get(key: Uint8Array): Uint8Array | undefined
  range(from: Uint8Array, to: Uint8Array, options?: RangeOptions): Iterable<StoredRecord>
  /** Makes all changes or none; calls back later when they are as safe as `durability` says, or with why they are not there. */
  write(changes: readonly Change[], done: (error?: RivuletError) => void): void
}

/** The world of an engine. */
export interface EnginePorts {
  readonly clock: Clock
  readonly store: EngineStore
  random(bytes: number): Uint8Array
  /** Takes reports of damage, and of writes that failed. */
  report(error: RivuletError): void
  /** Calls back once what the present turn of the event loop asks for has been asked. */
  flushLater(callback: () => void): void
  /** Calls back in the next turn of the event loop, when what has arrived by now was read; in this one if left out. */
  nextTurn?(callback: () => void): void
}

/** What may be said about the world of an engine; the store must be. */
export interface EngineWorld {
  readonly store: Store
  readonly clock?: Clock
  readonly report?: (error: RivuletError) => void
}

/** The ports of an engine in a process. */
export function portsOver({ store, clock = systemClock, report = () => {} }: EngineWorld): EnginePorts {
  return {
    clock,
    store: callbackStore(store),
    random: randomBytes,
    report,
    flushLater: atEndOfTurn,
    nextTurn: setImmediate,
  }
}

/** A store with callbacks over one with promises. */
function callbackStore(store: Store): EngineStore {
  // also where it throws: each write has an outcome
  const write = async (changes: readonly Change[]) => store.write(changes)
  return {
    durability: store.durability,
    get: (key) => store.get(key),
    range: (from, to, options) => store.range(from, to, { ...options, damaged: true }),
    write(changes, done) {
      write(changes).then(
        () => done(),
        (error: unknown) => done(asStoreError(error)),
      )
    },
  }
}

/** The error that callers of the store get for a foreign failure. */
export function asStoreError(cause: unknown): RivuletError {
  if (cause instanceof RivuletError) return cause
  return new RivuletError('RIVULET_STORE_FAILED', 'the store under a queue failed', { cause })
}

/** What those get who ask a closed engine for something. */
export function closedError(): RivuletError {
  return new RivuletError('RIVULET_CLOSED', 'the engine is closed')
}
