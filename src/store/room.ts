/**
 * How much room a store on disk has: it refuses what does not fit before LMDB has to.
 *
 * LMDB changes copies of pages, so that even a removal takes room. The map is therefore larger than what records may take:
 * batches that remove as well as put may use some of the reserve, and those that only remove all of it. What a batch takes
 * is estimated from above; where the estimate fails, LMDB refuses the transaction, and nothing is lost.
 */

import { valueLength } from './keys.js'
import type { Stats } from './lmdb.js'
import { checksumBytes } from './record.js'
import type { Change, StoreUsage } from './store.js'

/** What LMDB adds to a record in a page, in bytes. */
const nodeBytes = 10

/** Records from about this size on, as a part of a page, have pages of their own. */
const largestInPage = 0.49

/** Pages that are in order of their keys are full, others about two thirds. */
const slack = 1.5

/** The room of a store. */
export class Room {
  /** What the records may take, in bytes. */
  readonly limit: number
  readonly #stats: () => Stats
  readonly #pageBytes: number
  /** The bytes of current writes, and the room at the last check less what was taken since. */
  #writing = 0
  #left = 0

  constructor(limit: number, stats: () => Stats) {
    this.limit = limit
    this.#stats = stats
    this.#pageBytes = stats().pageSize
  }

  /** The size of the map for a limit. */
  static mapBytes(limit: number): number {
    return Math.ceil((limit + reserveOf(limit)) / 65_536) * 65_536
  }

  /** Takes the room that a batch may need and returns it in bytes, 0 if it only removes; `undefined` if there is none. */
  take(batch: readonly Change[]): number | undefined {
    let bytes = 0
    let removals = 0
    for (const { key, value } of batch) {
      if (value === undefined) removals++
      else bytes += this.#bytesOf(key.length + checksumBytes + valueLength(value))
    }
    const extra = removals > 0 ? reserveOf(this.limit) / 2 : 0
    if (bytes > this.#left + extra) this.measure()
    if (bytes > this.#left + extra) return undefined
    this.#writing += bytes
    this.#left -= bytes
    return bytes
  }

  /** Tells that a batch has its outcome. */
  release(bytes: number): void {
    this.#writing -= bytes
  }

  /** Looks at what is used. */
  measure(): Omit<StoreUsage, 'file'> {
    const { pageSize, free, ...tree } = this.#stats()
    const pages = [tree, free].map((part) => part.treeBranchPageCount + part.treeLeafPageCount + part.overflowPages)
    const used = (2 + (pages[0] as number) + (pages[1] as number)) * pageSize
    this.#left = this.limit - used - this.#writing
    return { used, free: Math.max(0, this.#left), limit: this.limit }
  }

  #bytesOf(length: number): number {
    const bytes = length + nodeBytes
    if (bytes < this.#pageBytes * largestInPage) return bytes * slack
    return Math.ceil((bytes + 24) / this.#pageBytes) * this.#pageBytes + 128
  }
}

function reserveOf(limit: number): number {
  return Math.min(Math.max(limit / 8, 1_048_576), 67_108_864)
}
