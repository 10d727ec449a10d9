/**
 * What a store is: one ordered space of records, changed in batches that are there as a whole or not at all.
 *
 * A store knows bytes and their order and nothing of queues. `lmdb-store.ts` keeps the records on disk,
 * `memory-store.ts` in memory; one contract suite holds both to what is said here.
 */

/** What a resolved write has outlived: a crash of the machine, a crash of the process, or neither. */
export type Durability = 'flushed' | 'committed' | 'memory'

/** One change of a batch; later changes of the same key win. */
export interface Change {
  /** From 1 to `maxKeyBytes` bytes. */
  readonly key: Uint8Array
  /** The new value, also in parts that are put together; `undefined` removes the record, if there is one. */
  readonly value: Uint8Array | readonly Uint8Array[] | undefined
}

/** One record. Both arrays are copies that belong to the reader. */
export interface StoredRecord {
  readonly key: Uint8Array
  readonly value: Uint8Array
  /** The record is corrupt: key and value are what was found. Such records are seen only by who asks for them. */
  readonly damaged?: boolean
}

/** Which records of a range are read. */
export interface RangeOptions {
  /** The most records, those that are left out not counted; 0 reads none. Default: all. */
  readonly limit?: number
  /** From the last to the first. Default: false. */
  readonly reverse?: boolean
  /** Corrupt records, too, for who can tell what of them is whole. Default: false. */
  readonly damaged?: boolean
}

/** What a store takes, in bytes. */
export interface StoreUsage {
  /** The size of the data file; it never shrinks. 0 in memory. */
  readonly file: number
  /** What the records and their order take, with the free pages of the newest commits not yet told from them. */
  readonly used: number
  /** What may still be written before the store is full; scattered free space serves small records better than large ones. */
  readonly free: number
  /** The bound that the store was opened with. */
  readonly limit: number
}

/** A record whose bytes are not those that were written. */
export interface CorruptRecord {
  /** Where the record was found. */
  readonly key: Uint8Array
  /** The file that holds it. */
  readonly place: string
  /** The checksum that stands in front of the record; -1 if the record is too short to hold one. */
  readonly expected: number
  /** The checksum of the bytes that were found. */
  readonly found: number
}

/** Records on disk or in memory, ordered bytewise by key. */
export interface Store {
  /** What a resolved write has outlived. */
  readonly durability: Durability

  /**
   * Makes all changes of a batch, or none.
   *
   * Resolves when the batch is as safe as `durability` says. Batches become visible and durable in the order of the calls,
   * so whatever a crash leaves is the result of the first so many of them. The bytes are copied before this returns.
   *
   * @throws RIVULET_INVALID_OPTION for a key or value beyond the bounds: then nothing is written.
   * @error RIVULET_STORE_FULL, and nothing of the batch is there: removals make room, and later writes work again.
   * @error RIVULET_STORE_FAILED, and so does every write after it: whether the batch is there shows when the store is
   * opened again.
   * @error RIVULET_CLOSED
   */
  write(batch: readonly Change[]): Promise<void>

  /**
   * The value of a key as a copy; `undefined` if there is no record, or a corrupt one, which is reported to `onCorrupt`.
   *
   * A write is seen at the latest when its promise has resolved, and may be seen before that: do not act on a record that
   * has not been confirmed.
   *
   * @throws RIVULET_STORE_FAILED, RIVULET_CLOSED
   */
  get(key: Uint8Array): Uint8Array | undefined

  /**
   * The records from `from` on and before `to`, in order; both left out reads all.
   *
   * The records are read in pieces as they are iterated, each piece in one look at the store: nothing is held open between
   * pieces, so the store may change, and be changed, while a range is iterated. A record that is there all the time is
   * read exactly once. Corrupt records are reported to `onCorrupt` and, if nothing else is asked for, left out.
   *
   * @throws RIVULET_STORE_FAILED, RIVULET_CLOSED, also while it is iterated.
   */
  range(from?: Uint8Array, to?: Uint8Array, options?: RangeOptions): Iterable<StoredRecord>

  /**
   * What the store takes.
   *
   * @throws RIVULET_CLOSED
   */
  usage(): StoreUsage

  /** Waits for current writes and releases the store; later calls fail with RIVULET_CLOSED. */
  close(): Promise<void>
}
