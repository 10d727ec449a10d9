/**
 * Order within keys: of the messages of one key, one at a time is dealt out, and the others are parked until it is settled.
 *
 * The message that is dealt out, or waits to be tried again, owns its key. Which one that is, and what is parked, is on
 * disk, so that nothing need be known of keys in memory. A message that its sender delayed takes its place when it is due.
 */
import { readU64, type StoredRecord, writeU64 } from '../store/index.js'
import { decodeMessage, encodeMessage, type StoredMessage } from './message-record.js'
import { keyName, lastNumber, nameKey, nameOf, rangeOf, type TableOwner, table } from './tables.js'
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
  readonly #owner: TableOwner

  constructor(owner: TableOwner) {
    this.#queue = owner.number
    this.#owner = owner
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
    // where the record is damaged, those that are parked must not wait for ever
    return value && readU64(value) !== position ? undefined : this.#passOn(tx, owner)
  }

  /** Messages are gone whose keys nobody knows; returns the next of each key that one of them owned. */
  releaseUnknown(tx: Transaction, position: number, count: number): Parked[] {
    const [from, to] = rangeOf(table.keyOwner, this.#queue)
    const owned = tx.range(from, to, Number.POSITIVE_INFINITY).filter(({ value, damaged }) => {
      const owner = damaged ? Number.NaN : readU64(value)
      return owner >= position && owner < position + count
    })
    return owned.flatMap(({ key }) => this.#passOn(tx, key) ?? [])
  }

  /** Takes some parked messages away, whatever their keys. */
  unpark(tx: Transaction, limit: number): Parked[] {
    const [from, to] = rangeOf(table.parked, this.#queue)
    const records = tx.range(from, to, limit)
    // what the counts still know of was in records that are gone
    if (records.length === 0) this.parked = this.bytes = 0
    return records.flatMap((record) => this.#unpark(tx, record) ?? [])
  }

  /** Removes some of what is known of keys; tells whether there may be more. */
  forget(tx: Transaction, limit: number): boolean {
    const [from, to] = rangeOf(table.keyOwner, this.#queue)
    const records = tx.range(from, to, limit)
    for (const { key } of records) tx.removeVisible(key)
    return records.length === limit
  }

  /** The next of a key has its turn, and the key; if none is parked, nobody owns it. */
  #passOn(tx: Transaction, owner: Uint8Array): Parked | undefined {
    const name = nameOf(owner)
    const from = nameKey(table.parked, this.#queue, name)
    const to = nameKey(table.parked, this.#queue, name, Number.MAX_SAFE_INTEGER)
    for (let [record] = tx.range(from, to, 1); record; [record] = tx.range(from, to, 1)) {
      const next = this.#unpark(tx, record)
      if (!next) continue
      this.#putOwner(tx, owner, next.position)
      return next
    }
    tx.removeVisible(owner)
    return undefined
  }

  /** Takes a parked message away; `undefined` if it is damaged. */
  #unpark(tx: Transaction, { key, value, damaged }: StoredRecord): Parked | undefined {
    const position = lastNumber(key)
    const message = damaged ? undefined : decodeMessage(value, this.#owner.intern)
    tx.removeVisible(key)
    this.parked -= 1
    this.bytes = this.parked === 0 ? 0 : this.bytes - (message?.body.length ?? 0)
    if (message) return { position, message }
    this.#owner.corrupt(position, 1)
    return undefined
  }

  #ownerKey(key: string): Buffer {
    return nameKey(table.keyOwner, this.#queue, keyName(key))
  }

  #putOwner(tx: Transaction, key: Uint8Array, position: number): void {
    const value = Buffer.allocUnsafe(8)
    writeU64(value, position)
    tx.putVisible(key, value)
    this.isActive = true
  }
}
