/**
 * The disk of a simulated process: a store whose writes take time, of which a crash keeps those that were confirmed, and the first
 * so many of the others.
 */
import type { Change, RangeOptions, Store, StoredRecord } from '../../src/store/index.js'
import { HeldStore } from '../engine/held-store.js'

/** A disk. */
export class SimulatedDisk {
  #held = new HeldStore()

  /** Writes that are not confirmed. */
  get writes(): number {
    return this.#held.held
  }

  /** The store of one life of the process; each write is confirmed some time after `later` was called. */
  open(later: (confirm: () => void) => void): Store {
    const held = this.#held
    held.onWrite = () => later(() => held.settle())
    return {
      durability: 'flushed',
      write: (batch: readonly Change[]) =>
        new Promise((resolve, reject) => held.write(batch, (error) => (error ? reject(error) : resolve()))),
      get: (key: Uint8Array) => held.get(key),
      range: (
        from = Buffer.alloc(0),
        to = Buffer.alloc(64, 0xff),
        options: RangeOptions = {},
      ): Iterable<StoredRecord> => held.range(from, to, options),
      usage: () => ({ file: 0, used: held.bytes, free: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER }),
      close: () => Promise.resolve(),
    }
  }

  /** The process crashes: of the writes that are not confirmed, the first so many were made. */
  crash(kept: number): void {
    this.#held = this.#held.crashed(kept)
  }
}
