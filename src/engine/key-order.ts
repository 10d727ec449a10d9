/**
 * Order within keys: of the messages of one key, one at a time is dealt out, and the others are parked until it is settled.
 *
 * The message that is dealt out, or waits to be tried again, owns its key. Which one that is, and what is parked, is on
 * disk, so that nothing need be known of keys in memory. A message that its sender delayed takes its place when it is due.
 */
import { readU64, writeU64 } from '../store/index.js'
import { decodeMessage, encodeMessage, type StoredMessage } from './message-record.js'
import { keyName, lastNumber, nameKey, rangeOf, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** A message that was parked. */
export interface Parked {
  readonly position: number
  readonly message: StoredMessage
}

/** Messages that may be parked in one queue; the log is not read on while there are so many. */
export const maxParked = 10_000

/** The keys of a queue. */
export class KeyOrder {
  parked = 0
  bytes = 0
  /** Whether there may be records of keys. */
  isActive = false
  readonly #queue: number
  readonly #intern: (meaning: Uint8Array) => Uint8Array

  constructor(queue: number, intern: (meaning: Uint8Array) => Uint8Array) {
    this.#queue = queue
    this.#intern = intern
  }

  /** Whether a message may be dealt out; if so, it owns its key from now on. */
  own(tx: Transaction, key: string, position: number): boolean {
    const record = this.#ownerKey(key)
    const value = tx.get(record)
    if (value) return readU64(value) === position
    this.#putOwner(tx, record, position)
    return true
  }

  park(tx: Transaction, position: number, message: StoredMessage): void {
    const name = keyName(message.key as string)
    tx.putVisible(nameKey(table.parked, this.#queue, name, position), Buffer.concat(encodeMessage(message)))
    this.parked += 1
    this.bytes += message.body.length
  }

  /** A message is gone for good; returns the next of its key, if one is parked, which owns the key then. */
  release(tx: Transaction, key: string, position: number): Parked | undefined {
    const owner = this.#ownerKey(key)
    const value = tx.get(owner)
    if (!value || readU64(value) !== position) return undefined
    const name = keyName(key)
    const from = nameKey(table.parked, this.#queue, name)
    const to = nameKey(table.parked, this.#queue, name, Number.MAX_SAFE_INTEGER)
    for (const record of tx.range(from, to, 1)) {
      const next = this.#unpark(tx, record.key, record.value)
      this.#putOwner(tx, owner, next.position)
      return next
    }
    tx.removeVisible(owner)
    return undefined
  }

  /** Takes some parked messages away, whatever their keys. */
  unpark(tx: Transaction, limit: number): Parked[] {
    const [from, to] = rangeOf(table.parked, this.#queue)
    return tx.range(from, to, limit).map(({ key, value }) => this.#unpark(tx, key, value))
  }

  /** Removes some of what is known of keys; tells whether there may be more. */
  forget(tx: Transaction, limit: number): boolean {
    const [from, to] = rangeOf(table.keyOwner, this.#queue)
    const records = tx.range(from, to, limit)
    for (const { key } of records) tx.removeVisible(key)
    return records.length === limit
  }

  /** The parked messages as they are stored. */
  *stored(tx: { stored: Transaction['stored'] }, limit: number): Iterable<Parked> {
    const [from, to] = rangeOf(table.parked, this.#queue)
    for (const { key, value, damaged } of tx.stored(from, to, limit)) {
      if (!damaged) yield { position: lastNumber(key), message: decodeMessage(value, this.#intern) }
    }
  }

  #unpark(tx: Transaction, key: Uint8Array, value: Uint8Array): Parked {
    const message = decodeMessage(value, this.#intern)
    tx.removeVisible(key)
    this.parked -= 1
    this.bytes -= message.body.length
    return { position: lastNumber(key), message }
  }

  #ownerKey(key: string): Buffer {
    return nameKey(table.keyOwner, this.#queue, keyName(key))
  }

  #putOwner(tx: Transaction, key: Buffer, position: number): void {
    const value = Buffer.allocUnsafe(8)
    writeU64(value, position)
    tx.putVisible(key, value)
    this.isActive = true
  }
}
