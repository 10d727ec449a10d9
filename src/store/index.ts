/**
 * Stores: records in order, changed in batches, on disk or in memory. A queue keeps what it must not lose in one.
 *
 * What a resolved write has outlived is its `durability`:
 *
 * - `flushed`: a crash of the process and of the machine, and the loss of power, if the disk tells the truth about flushes.
 * - `committed`: a crash of the process. A crash of the machine may take the last commits that were not flushed, whole
 *   batches from the end, and never what is older.
 * - `memory`: neither. What a batch changes is still all or nothing.
 *
 * `docs/operations/durability.md` tells the same for users, with the files, full disks, damage and backups.
 */
export { maxKeyBytes, maxValueBytes, readU64, writeU64 } from './keys.js'
export { type LmdbStoreOptions, openLmdbStore } from './lmdb-store.js'
export { createMemoryStore, type MemoryStoreOptions } from './memory-store.js'
export { SortedTexts } from './sorted-texts.js'
export type { Change, CorruptRecord, Durability, RangeOptions, Store, StoredRecord, StoreUsage } from './store.js'
