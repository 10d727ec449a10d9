/**
 * The log of a queue: blocks in the order in which they were sent, dealt out from the front.
 *
 * In memory are only the blocks in front, as many as fit: those that were read ahead, or sent while nothing else waited.
 * A block goes when all of its messages were dealt out and none of them is under a lease.
 */

import { RivuletError } from '../errors/index.js'
import { Fifo } from '../lifecycle/index.js'
import type { StoredRecord } from '../store/index.js'
import { type Block, decodeBlock, encodeBlock } from './block-record.js'
import { firstNumber, keyOf, type TableOwner, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** What the blocks in memory may take, each counted with costs beside its bodies, in bytes. */
const windowBytes = 4_194_304
const blockCostBytes = 512
const messageCostBytes = 16
const extrasCostBytes = 256

/** Blocks that are read ahead at once, and their bytes. */
const aheadBlocks = 512
const aheadBytes = 1_048_576

/** The messages of a queue that were never dealt out, and the blocks of those that were. */
export class BlockLog {
  /** The block in front, or where it begins at the earliest; how many of its messages are gone, and their bytes. */
  headStart = 1
  headOffset = 0
  headBytes = 0
  /** Messages that were never dealt out, and their bytes. */
  ready = 0
  bytes = 0
  readonly #owner: TableOwner
  readonly #window = new Fifo<Block>()
  #windowBytes = 0
  /** Where to read on, and whether there is nothing to read. */
  #next = 1
  #isComplete = false
  /** Blocks of this write that are not in the window. */
  #unstored: Block[] = []
  /** The last block that was read for messages under leases, and the write that it was read for. */
  #read: { readonly tx: Transaction; readonly start: number; readonly block: Block | undefined } | undefined
  /** Messages under leases, by block; those of these blocks that have left the log and of which others are set aside. */
  readonly #leased = new Map<number, number>()
  readonly #kept = new Set<number>()

  constructor(owner: TableOwner) {
    this.#owner = owner
  }

  /** Begins where a state record says. */
  begin(headStart: number, headOffset: number, headBytes: number): void {
    this.headStart = headStart
    this.headOffset = headOffset
    this.headBytes = headBytes
    this.#next = headStart
  }

  /** Nothing was ever sent. */
  beginEmpty(): void {
    this.#isComplete = true
  }

  /** When the block in front was stored, if it is in memory, in milliseconds since 1970. */
  get oldest(): number | undefined {
    return this.#window.first?.time
  }

  append(tx: Transaction, block: Block): void {
    const { number } = this.#owner
    tx.put(keyOf(table.block, number, block.start), encodeBlock(block))
    this.ready += block.count
    this.bytes += block.bodies.length
    if (this.#isComplete && this.#windowBytes < windowBytes) {
      this.#window.push(block)
      this.#windowBytes += costOf(block)
      this.#next = block.start + block.count
    } else {
      this.#isComplete = false
      this.#unstored.push(block)
    }
  }

  /** The block in front, of which `headOffset` messages are gone; `undefined` if there is none. */
  head(tx: Transaction): Block | undefined {
    while (this.#window.length === 0) {
      if (this.#isComplete) {
        this.#missAll()
        return undefined
      }
      this.#readAhead(tx)
    }
    const block = this.#window.first as Block
    if (block.start !== this.headStart) {
      this.headStart = block.start
      this.headOffset = this.headBytes = 0
    }
    return block
  }

  /** Whether the message in front was stored before another one became ready, which has a position of its own. */
  isBefore(tx: Transaction, due: number, position: number): boolean {
    const block = this.ready > 0 ? this.head(tx) : undefined
    if (!block) return false
    return block.time < due || (block.time === due && block.start + this.headOffset < position)
  }

  /** What is left of the block in front is set aside: it leaves the log, and its record stays. */
  pass(tx: Transaction, block: Block): void {
    this.advance(tx, block, block.count - this.headOffset, block.bodies.length - this.headBytes, true)
    this.setAside(tx, block.start, true)
  }

  /** Whether messages of a block that has left the log are set aside from now on. */
  setAside(tx: Transaction, start: number, isAside: boolean): void {
    const isLeased = this.#leased.has(start)
    if (isAside && isLeased) this.#kept.add(start)
    else if (!isAside) this.#kept.delete(start)
    if (!isAside && !isLeased) this.#remove(tx, start)
  }

  /** Looks which blocks with messages under leases have others that are set aside. */
  keepThose(isAside: (start: number) => boolean): void {
    for (const start of this.#leased.keys()) if (isAside(start)) this.#kept.add(start)
  }

  /** Messages of the block in front are dealt out, or dropped; its record goes with the last one, or is kept. */
  advance(tx: Transaction, block: Block, count: number, bytes: number, isKept = false): void {
    this.headOffset += count
    this.headBytes += bytes
    this.ready -= count
    this.bytes -= bytes
    if (this.headOffset < block.count) return
    this.headStart = block.start + block.count
    this.headOffset = this.headBytes = 0
    this.#windowBytes -= costOf(block)
    this.#window.shift()
    if (!isKept && !this.#leased.has(block.start)) this.#remove(tx, block.start)
  }

  /** Messages of a block are under a lease from now on. */
  lease(start: number, count: number): void {
    this.#leased.set(start, (this.#leased.get(start) ?? 0) + count)
  }

  /** Messages of a block are not under a lease any more, nor anywhere else in the log. */
  settle(tx: Transaction, start: number, count: number): void {
    const left = (this.#leased.get(start) ?? 0) - count
    if (left > 0) {
      this.#leased.set(start, left)
      return
    }
    this.#leased.delete(start)
    if (!this.#kept.delete(start) && start < this.headStart) this.#remove(tx, start)
  }

  /** Reads a block that has messages under leases, or set aside; once for many of its messages, if they come one after the other. */
  read(tx: Transaction, start: number): Block | undefined {
    if (this.#read?.tx === tx && this.#read.start === start) return this.#read.block
    const { number } = this.#owner
    let block: Block | undefined
    const shown = tx.stored(keyOf(table.block, number, start), keyOf(table.block, number, start + 1), 1)
    for (const { value, damaged } of shown) block = decodeBlock(start, value, this.#owner.intern, damaged)
    this.#read = { tx, start, block }
    return block
  }

  /** The write is safe: what it appended can be read. */
  written(): void {
    if (this.#unstored.length > 0) this.#unstored = []
    this.#read = undefined
  }

  #remove(tx: Transaction, start: number): void {
    tx.remove(keyOf(table.block, this.#owner.number, start))
  }

  #readAhead(tx: Transaction): void {
    const { number } = this.#owner
    let records = 0
    let bytes = 0
    const from = keyOf(table.block, number, this.#next)
    for (const record of tx.stored(from, keyOf(table.block, number + 1), aheadBlocks)) {
      records += 1
      bytes += record.value.length
      this.#take(tx, record)
      if (bytes >= aheadBytes) return
    }
    if (records >= aheadBlocks) return
    for (const block of this.#unstored) this.#show(block)
    this.#unstored = []
    this.#isComplete = true
  }

  /** There are no more messages: what the counts still know of was in records that are gone. */
  #missAll(): void {
    if (this.ready === 0) return
    this.#owner.corrupt(this.headStart, this.ready)
    this.ready = this.bytes = 0
  }

  #take(tx: Transaction, { key, value, damaged }: StoredRecord): void {
    const start = firstNumber(key)
    const block = decodeBlock(start, value, this.#owner.intern, damaged)
    if (block) {
      this.#show(block)
      return
    }
    this.#next = start + 1
    this.#owner.corrupt(start, Number.NaN)
    tx.remove(key)
  }

  #show(block: Block): void {
    this.#next = block.start + block.count
    this.#window.push(block)
    this.#windowBytes += costOf(block)
  }
}

/** What a block takes in memory, about, in bytes. */
function costOf({ count, bodies, extras }: Block): number {
  return bodies.length + blockCostBytes + messageCostBytes * count + extrasCostBytes * extras.length
}

/** Takes reports of damaged records. */
export function corruptError(queue: string, position: number, what: string): RivuletError {
  return new RivuletError('RIVULET_STORE_CORRUPT', `queue ${queue}: ${what} at position ${position} is damaged`)
}
