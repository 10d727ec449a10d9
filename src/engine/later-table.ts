/**
 * Messages of a queue that wait by themselves, by the time they are due: those that are due at once come first.
 *
 * In memory are only some in front. A message under a lease keeps its record, and is passed over while it is.
 */
import type { StoredRecord } from '../store/index.js'
import { decodeMessage, encodeMessage, type StoredMessage } from './message-record.js'
import { firstNumber, keyOf, secondNumber, type TableOwner, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** A message that waits. */
export interface LaterEntry {
  /** When it is due, in milliseconds since 1970; 0 for at once. */
  readonly due: number
  readonly position: number
  readonly message: StoredMessage
}

/** The most messages in memory, and their bytes. */
const windowMessages = 1024
const windowBytes = 1_048_576
const aheadMessages = 256
const messageCostBytes = 256

/** What the table needs of its queue. */
export interface LaterOwner extends TableOwner {
  /** What `corrupt` does, for messages that may own their keys. */
  lost(tx: Transaction, position: number, messages: number): void
}

/** The messages of a queue outside of its log. */
export class LaterTable {
  /** Messages that are due at once, and others; their bytes. Those under leases are not counted. */
  atOnce = 0
  delayed = 0
  bytes = 0
  readonly #owner: LaterOwner
  /** All from the front up to a place, or to the end. */
  #window: LaterEntry[] = []
  #windowBytes = 0
  #isComplete = false
  #lastDue = 0
  #lastPosition = -1
  readonly #leased = new Set<string>()

  constructor(owner: LaterOwner) {
    this.#owner = owner
  }

  get size(): number {
    return this.atOnce + this.delayed
  }

  /** Those that are due, of which it is known without reading on. */
  dueBy(wall: number): number {
    if (this.delayed === 0) return this.atOnce
    let due = 0
    for (const entry of this.#window) {
      if (entry.due > wall) break
      if (entry.due > 0) due += 1
    }
    return this.atOnce + due
  }

  /** When the oldest of those that are due became so, in milliseconds since 1970, of those in memory. */
  oldest(wall: number): number | undefined {
    const entry = this.#window[0]
    return entry && entry.due <= wall ? Math.max(entry.due, entry.message.time) : undefined
  }

  put(tx: Transaction, due: number, position: number, message: StoredMessage): void {
    const key = keyOf(table.later, this.#owner.number, due, position)
    tx.putVisible(key, Buffer.concat(encodeMessage(message)))
    this.#count(due, message.body.length, 1)
    if (this.#isComplete || due < this.#lastDue || (due === this.#lastDue && position <= this.#lastPosition)) {
      this.#insert({ due, position, message })
    }
  }

  /** The first message, due or not. */
  first(tx: Transaction): LaterEntry | undefined {
    while (this.#window.length === 0) {
      if (this.#isComplete) {
        this.#missAll(tx)
        return undefined
      }
      this.#readAhead(tx)
    }
    return this.#window[0]
  }

  /** Takes the first message away for a lease; its record stays. */
  leaseFirst(): LaterEntry {
    const entry = this.#shift()
    this.#leased.add(`${entry.due}:${entry.position}`)
    return entry
  }

  /** Takes the first message away for good. */
  removeFirst(tx: Transaction): LaterEntry {
    const entry = this.#shift()
    tx.removeVisible(keyOf(table.later, this.#owner.number, entry.due, entry.position))
    return entry
  }

  /** A message is under a lease, as a record says. */
  leased(due: number, position: number): void {
    this.#leased.add(`${due}:${position}`)
  }

  /** Takes a message away that was under a lease. */
  settle(tx: Transaction, due: number, position: number): void {
    this.#leased.delete(`${due}:${position}`)
    tx.removeVisible(keyOf(table.later, this.#owner.number, due, position))
  }

  /** Reads a message that is under a lease. */
  read(tx: Transaction, due: number, position: number): StoredMessage | undefined {
    const value = tx.get(keyOf(table.later, this.#owner.number, due, position))
    return value && decodeMessage(value, this.#owner.intern)
  }

  #count(due: number, bytes: number, by: 1 | -1): void {
    if (due === 0) this.atOnce += by
    else this.delayed += by
    this.bytes = this.size === 0 ? 0 : this.bytes + by * bytes
  }

  #shift(): LaterEntry {
    const entry = this.#window.shift() as LaterEntry
    this.#windowBytes -= entry.message.body.length + messageCostBytes
    this.#count(entry.due, entry.message.body.length, -1)
    return entry
  }

  #insert(entry: LaterEntry): void {
    const window = this.#window
    let low = 0
    let high = window.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(window[middle] as LaterEntry, entry)) low = middle + 1
      else high = middle
    }
    window.splice(low, 0, entry)
    this.#windowBytes += entry.message.body.length + messageCostBytes
    while (window.length > windowMessages || (this.#windowBytes > windowBytes && window.length > 1)) {
      const { message } = window.pop() as LaterEntry
      this.#windowBytes -= message.body.length + messageCostBytes
      const last = window[window.length - 1] as LaterEntry
      this.#isComplete = false
      this.#lastDue = last.due
      this.#lastPosition = last.position
    }
  }

  #readAhead(tx: Transaction): void {
    const { number } = this.#owner
    const from = keyOf(table.later, number, this.#lastDue, this.#lastPosition + 1)
    const records = tx.range(from, keyOf(table.later, number + 1), aheadMessages, windowBytes)
    const lost = records.filter((record) => !this.#take(tx, record))
    // once all are taken: what waited for the lost ones is put in its place
    for (const { key } of lost) this.#owner.lost(tx, secondNumber(key), 1)
    if (records.length > 0) return
    this.#isComplete = true
  }

  /** There are no more messages: what the counts still know of was in records that are gone. */
  #missAll(tx: Transaction): void {
    if (this.size === 0) return
    this.#owner.corrupt(tx, Math.max(0, this.#lastPosition), this.size)
    this.atOnce = this.delayed = this.bytes = 0
  }

  /** Takes a record into the window; `false` if it is damaged. */
  #take(tx: Transaction, { key, value, damaged }: StoredRecord): boolean {
    const due = firstNumber(key)
    const position = secondNumber(key)
    this.#lastDue = due
    this.#lastPosition = position
    if (this.#leased.has(`${due}:${position}`)) return true
    if (damaged) {
      tx.removeVisible(key)
      this.#count(due, 0, -1)
      return false
    }
    const entry = { due, position, message: decodeMessage(value, this.#owner.intern) }
    this.#window.push(entry)
    this.#windowBytes += entry.message.body.length + messageCostBytes
    return true
  }
}

function isBefore(one: LaterEntry, other: LaterEntry): boolean {
  return one.due < other.due || (one.due === other.due && one.position < other.position)
}
