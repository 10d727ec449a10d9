/** Stores: records in order, changed in batches, on disk or in memory. */
export { maxKeyBytes, maxValueBytes, readU64, u64Bytes, writeU64 } from './keys.js'
export { type LmdbStoreOptions, openLmdbStore } from './lmdb-store.js'
export { createMemoryStore, type MemoryStoreOptions } from './memory-store.js'
export type { Change, CorruptRecord, Durability, RangeOptions, Store, StoredRecord, StoreUsage } from './store.js'
