/**
 * Single messages of a queue, by the time they are due: those that are due at once come first.
 *
 * In memory are only some in front. A message under a lease keeps its record, and is passed over while it is.
 */
import type { StoredRecord } from '../store/index.js'
import { decodeMessage, encodeMessage, type StoredMessage } from './message-record.js'
import { firstNumber, keyOf, secondNumber, type TableOwner, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** A message that waits. */
export interface ScheduledMessage {
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

/** Messages beyond those in memory of which one look finds out that they are due. */
const scanMessages = 4096

/** Behind every message of a time. */
const lastPosition = Number.MAX_SAFE_INTEGER

/** What the table needs of its queue. */
export interface ScheduledOwner extends TableOwner {
  /** What `corrupt` does, for messages that may own their keys. */
  lost(tx: Transaction, position: number, messages: number): void
}

/** The messages of a queue outside of its log. */
export class ScheduledMessages {
  /** Messages that are due, as far as was looked, and others; the bytes of all. Those under leases are not counted. */
  due = 0
  delayed = 0
  bytes = 0
  /** Up to where was looked: a message before this, or at it, counts as due. */
  scannedDue = 0
  scannedPosition = lastPosition
  readonly #owner: ScheduledOwner
  /** All from the front up to a place, or to the end. */
  #window: ScheduledMessage[] = []
  #windowBytes = 0
  #isComplete = false
  #lastDue = 0
  #lastPosition = -1
  readonly #leased = new Set<string>()

  constructor(owner: ScheduledOwner) {
    this.#owner = owner
  }

  get size(): number {
    return this.due + this.delayed
  }

  /** Counts those that have become due since the last look; before any is dealt out, so that it meets none under a lease. */
  countDue(tx: Transaction): void {
    if (this.delayed === 0) return
    const window = this.#window
    for (let at = placeOf(window, this.scannedDue, this.scannedPosition); at < window.length; at++) {
      const { due, position } = window[at] as ScheduledMessage
      if (due > tx.wall) return
      this.#becomesDue(due, position)
    }
    if (this.#isComplete) return
    const { number } = this.#owner
    const hasScanned = this.#isCounted(this.#lastDue, this.#lastPosition)
    const [due, position] = hasScanned ? [this.scannedDue, this.scannedPosition] : [this.#lastDue, this.#lastPosition]
    const from = keyOf(table.scheduled, number, due, Math.min(lastPosition, position + 1))
    for (const { key } of tx.range(from, keyOf(table.scheduled, number, tx.wall + 1), scanMessages, windowBytes)) {
      const [due, position] = [firstNumber(key), secondNumber(key)]
      // one that was lent before it was looked at is not counted
      if (!this.#leased.has(`${due}:${position}`)) this.#becomesDue(due, position)
    }
  }

  /** When the oldest of those that are due became so, in milliseconds since 1970, of those in memory. */
  oldest(wall: number): number | undefined {
    const entry = this.#window[0]
    return entry && entry.due <= wall ? Math.max(entry.due, entry.message.time) : undefined
  }

  put(tx: Transaction, due: number, position: number, message: StoredMessage): void {
    const key = keyOf(table.scheduled, this.#owner.number, due, position)
    tx.putVisible(key, Buffer.concat(encodeMessage(message)))
    this.#count(due, position, message.body.length, 1)
    if (this.#isComplete || due < this.#lastDue || (due === this.#lastDue && position <= this.#lastPosition)) {
      this.#insert({ due, position, message })
    }
  }

  /** Puts a message that is due already, and counts it as such, since it may be dealt out within the same write. */
  putDue(tx: Transaction, { due, position, message }: ScheduledMessage): void {
    this.put(tx, due, position, message)
    this.countDue(tx)
  }

  /** The first message, due or not. */
  first(tx: Transaction): ScheduledMessage | undefined {
    while (this.#window.length === 0) {
      if (this.#isComplete) {
        this.#missAll()
        return undefined
      }
      this.#readAhead(tx)
    }
    return this.#window[0]
  }

  /** Takes the first message away for a lease; its record stays. */
  leaseFirst(): ScheduledMessage {
    const entry = this.#shift()
    this.#leased.add(`${entry.due}:${entry.position}`)
    return entry
  }

  /** Takes a message for a lease that did not wait here. */
  lend(tx: Transaction, { due, position, message }: ScheduledMessage): void {
    tx.putVisible(keyOf(table.scheduled, this.#owner.number, due, position), Buffer.concat(encodeMessage(message)))
    this.#leased.add(`${due}:${position}`)
  }

  /** Takes the first message away for good. */
  removeFirst(tx: Transaction): ScheduledMessage {
    const entry = this.#shift()
    tx.removeVisible(keyOf(table.scheduled, this.#owner.number, entry.due, entry.position))
    return entry
  }

  /** Reads a message that waits. */
  waiting(tx: Transaction, due: number, position: number): StoredMessage | undefined {
    return this.#leased.has(`${due}:${position}`) ? undefined : this.read(tx, due, position)
  }

  /** Takes a message away that waits, wherever it is. */
  take(tx: Transaction, due: number, position: number, message: StoredMessage): void {
    const at = placeOf(this.#window, due, position) - 1
    const entry = this.#window[at]
    if (entry?.due === due && entry.position === position) {
      this.#window.splice(at, 1)
      this.#windowBytes -= message.body.length + messageCostBytes
    }
    this.#count(due, position, message.body.length, -1)
    tx.removeVisible(keyOf(table.scheduled, this.#owner.number, due, position))
  }

  /** A message is under a lease, as a record says. */
  leased(due: number, position: number): void {
    this.#leased.add(`${due}:${position}`)
  }

  /** Takes a message away that was under a lease. */
  settle(tx: Transaction, due: number, position: number): void {
    this.#leased.delete(`${due}:${position}`)
    tx.removeVisible(keyOf(table.scheduled, this.#owner.number, due, position))
  }

  /** Reads a message that is under a lease. */
  read(tx: Transaction, due: number, position: number): StoredMessage | undefined {
    const value = tx.get(keyOf(table.scheduled, this.#owner.number, due, position))
    return value && decodeMessage(value, this.#owner.intern)
  }

  #isCounted(due: number, position: number): boolean {
    return due < this.scannedDue || (due === this.scannedDue && position <= this.scannedPosition)
  }

  #becomesDue(due: number, position: number): void {
    this.scannedDue = due
    this.scannedPosition = position
    this.due += 1
    this.delayed -= 1
  }

  #count(due: number, position: number, bytes: number, by: 1 | -1): void {
    if (this.#isCounted(due, position)) this.due += by
    else this.delayed += by
    this.bytes = this.size === 0 ? 0 : this.bytes + by * bytes
  }

  #shift(): ScheduledMessage {
    const entry = this.#window.shift() as ScheduledMessage
    this.#windowBytes -= entry.message.body.length + messageCostBytes
    this.#count(entry.due, entry.position, entry.message.body.length, -1)
    return entry
  }

  #insert(entry: ScheduledMessage): void {
    const window = this.#window
    window.splice(placeOf(window, entry.due, entry.position), 0, entry)
    this.#windowBytes += entry.message.body.length + messageCostBytes
    while (window.length > windowMessages || (this.#windowBytes > windowBytes && window.length > 1)) {
      const { message } = window.pop() as ScheduledMessage
      this.#windowBytes -= message.body.length + messageCostBytes
      const last = window[window.length - 1] as ScheduledMessage
      this.#isComplete = false
      this.#lastDue = last.due
      this.#lastPosition = last.position
    }
  }

  #readAhead(tx: Transaction): void {
    const { number } = this.#owner
    const from = keyOf(table.scheduled, number, this.#lastDue, this.#lastPosition + 1)
    const records = tx.range(from, keyOf(table.scheduled, number + 1), aheadMessages, windowBytes)
    const lost = records.filter((record) => !this.#take(tx, record))
    // once all are taken: what waited for the lost ones is put in its place
    for (const { key } of lost) this.#owner.lost(tx, secondNumber(key), 1)
    if (records.length > 0) return
    this.#isComplete = true
  }

  /** There are no more messages: what the counts still know of was in records that are gone. */
  #missAll(): void {
    if (this.size === 0) return
    this.#owner.corrupt(Math.max(0, this.#lastPosition), this.size)
    this.due = this.delayed = this.bytes = 0
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
      this.#count(due, position, 0, -1)
      return false
    }
    const entry = { due, position, message: decodeMessage(value, this.#owner.intern) }
    this.#window.push(entry)
    this.#windowBytes += entry.message.body.length + messageCostBytes
    return true
  }
}

/** How many entries stand before a place, or at it. */
function placeOf(window: readonly ScheduledMessage[], due: number, position: number): number {
  let low = 0
  let high = window.length
  while (low < high) {
    const middle = (low + high) >> 1
    const entry = window[middle] as ScheduledMessage
    if (entry.due < due || (entry.due === due && entry.position <= position)) low = middle + 1
    else high = middle
  }
  return low
}
