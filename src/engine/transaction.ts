/**
 * What one write of an engine changes, gathered: operations apply to it one after the other, and see what is before them.
 *
 * Only records of some tables are looked for again within the same write; those alone are remembered by key.
 */
import { type Change, SortedTexts, type StoredRecord } from '../store/index.js'
import type { EngineStore } from './ports.js'

/** What is remembered of a change: its value, or that there is none. */
type Remembered = { readonly key: Uint8Array; readonly value: Uint8Array | undefined }

/** What takes part in a write. */
export interface Participant {
  /** It is about to be changed for the first time. */
  beforeWrite(tx: Transaction): void
  /** Makes what has changed part of the write. */
  flush(tx: Transaction): void
}

/** What one change is counted with, beside its bytes. */
const changeCostBytes = 64

/** What one write changes before others have their turn: in bytes, and in pieces of work, which take 10 to 20 ms together. */
const writeBytes = 4_194_304
export const writePieces = 2048

/** What a look at a range counts, in pieces, beside the records that are found. */
const rangePieces = 2

/** The changes of one write. */
export class Transaction {
  readonly changes: Change[] = []
  /** What the changes take, in bytes, about. */
  bytes = 0
  /**
   * Pieces of work, of some microseconds each: every record that may be looked for again is one, and operations add what
   * they do beside that.
   */
  pieces = 0
  /** The time of day, and that of the clock that never goes back, in milliseconds. */
  readonly wall: number
  readonly now: number
  /** What is done once the changes are safe. */
  readonly completions: (() => void)[] = []
  /** What is done if they are not there. */
  readonly reversals: (() => void)[] = []
  readonly touched = new Set<Participant>()
  readonly #store: EngineStore
  readonly #remembered = new Map<string, Remembered>()
  /** The keys of those that have a value, so that a range need not look at all of them. */
  readonly #visible = new SortedTexts()

  constructor(store: EngineStore, wall: number, now: number) {
    this.#store = store
    this.wall = wall
    this.now = now
  }

  /** Whether what is left is for the next write, in another turn of the event loop. */
  get isFull(): boolean {
    return this.bytes >= writeBytes || this.pieces >= writePieces
  }

  /** Something is about to be changed. */
  touch(participant: Participant): void {
    if (this.touched.has(participant)) return
    this.touched.add(participant)
    participant.beforeWrite(this)
  }

  put(key: Uint8Array, value: Uint8Array | readonly Uint8Array[]): void {
    this.changes.push({ key, value })
    this.bytes += changeCostBytes
    if (value instanceof Uint8Array) this.bytes += value.length
    else for (const part of value) this.bytes += part.length
  }

  remove(key: Uint8Array): void {
    this.changes.push({ key, value: undefined })
    this.bytes += changeCostBytes
  }

  /** Puts a record that may be looked for within this write. */
  putVisible(key: Uint8Array, value: Uint8Array): void {
    this.put(key, value)
    this.pieces += 1
    const text = textOf(key)
    if (this.#remembered.get(text)?.value === undefined) this.#visible.add(text)
    this.#remembered.set(text, { key, value })
  }

  /** Removes a record that may be looked for within this write. */
  removeVisible(key: Uint8Array): void {
    this.remove(key)
    this.pieces += 1
    const text = textOf(key)
    if (this.#remembered.get(text)?.value !== undefined) this.#visible.remove(text)
    this.#remembered.set(text, { key, value: undefined })
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const found = this.#remembered.size > 0 ? this.#remembered.get(textOf(key)) : undefined
    return found ? found.value : this.#store.get(key)
  }

  /** The first records of a range, as they are with the changes so far. */
  range(from: Uint8Array, to: Uint8Array, limit: number, maxBytes = Number.POSITIVE_INFINITY): StoredRecord[] {
    this.pieces += rangePieces
    const found: StoredRecord[] = []
    const isWhole = this.#findUnchanged(found, from, to, limit, maxBytes)
    if (this.#remembered.size === 0) return found
    const last = isWhole ? undefined : found[found.length - 1]?.key
    for (const text of this.#visible.slice(textOf(from), textOf(last ?? to), limit, false)) {
      found.push(this.#remembered.get(text) as StoredRecord)
    }
    return found.sort((one, other) => Buffer.compare(one.key, other.key)).slice(0, limit)
  }

  /** Finds the first records of a range that this write has not changed; tells whether there are no others. */
  #findUnchanged(found: StoredRecord[], from: Uint8Array, to: Uint8Array, limit: number, maxBytes: number): boolean {
    let low = from
    let bytes = 0
    // of those that it has changed, few are in most ranges
    for (let others = Math.min(1, this.#remembered.size); ; others *= 8) {
      const most = limit - found.length + others
      let count = 0
      for (const record of this.#store.range(low, to, { limit: most })) {
        count += 1
        low = record.key
        if (this.#remembered.has(textOf(record.key))) continue
        found.push(record)
        bytes += record.value.length
        if (found.length >= limit || bytes >= maxBytes) return false
      }
      if (count < most) return true
      low = Buffer.concat([low, Buffer.of(0)])
    }
  }

  /** The records of a range as they were before this write. */
  stored(from: Uint8Array, to: Uint8Array, limit: number): Iterable<StoredRecord> {
    return this.#store.range(from, to, { limit })
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')
}
