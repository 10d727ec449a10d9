/**
 * Order within keys: of the messages of one key, one at a time is dealt out, and the others are parked until it is settled.
 *
 * Messages of a key have their turns by the time from which they are ready: when they were stored or, if they were delayed,
 * when they are due. Of those of one time, the lesser position is first. The message that is dealt out, or waits to be tried
 * again, owns its key; while nobody does, none is parked for it. One that was delayed may be due while the log, which is read
 * from the front, still holds earlier ones of its key: it is held until the log was read up to its turn. All of that is on
 * disk, so that nothing need be known of keys in memory.
 */
import { readU64, type StoredRecord, writeU64 } from '../store/index.js'
import { decodeMessage, encodeMessage } from './message-record.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import {
  isOfNone,
  keyName,
  lastButOneNumber,
  lastNumber,
  nameKey,
  nameOf,
  nameOfNone,
  rangeOf,
  type TableOwner,
  table,
  turnKey,
} from './tables.js'
import type { Transaction } from './transaction.js'

/** When a message has its turn. */
export type Turn = Pick<ScheduledMessage, 'due' | 'position'>

/** What is read at once of messages that are taken away whatever they wait for, in bytes. */
const unparkBytes = 1_048_576

/** The keys of a queue. */
export class KeyOrder {
  /** Messages that are parked, those that are held included, and the bytes of all. */
  parked = 0
  bytes = 0
  /** Messages that wait until the log was read up to their turn. */
  held = 0
  /** Whether there may be records of keys. */
  isActive = false
  readonly #queue: number
  readonly #owner: TableOwner
  /** The turn of the first that is held, if it is known, and one that none is before: what this write took is not read again. */
  #firstHeld: Turn | undefined
  #heldFrom: Turn = { due: 0, position: 0 }

  constructor(owner: TableOwner) {
    this.#queue = owner.number
    this.#owner = owner
  }

  /** Whether a message owns its key. */
  isOwner(tx: Transaction, key: string, position: number): boolean {
    const value = tx.get(this.#ownerKey(key))
    return value !== undefined && readU64(value) === position
  }

  /** Whether a message may be dealt out; if so, it owns its key from now on. */
  own(tx: Transaction, key: string, position: number): boolean {
    const record = this.#ownerKey(key)
    const value = tx.get(record)
    if (value) return readU64(value) === position
    this.#putOwner(tx, record, position)
    return true
  }

  /** A message waits until the one that owns its key is settled. */
  park(tx: Transaction, key: string, entry: ScheduledMessage): void {
    this.#put(tx, keyName(key), entry)
  }

  /** A message waits until the log was read up to its turn. */
  hold(tx: Transaction, entry: ScheduledMessage): void {
    this.#put(tx, nameOfNone, entry)
    if (this.#firstHeld && isBefore(entry, this.#firstHeld)) this.#firstHeld = entry
    if (isBefore(entry, this.#heldFrom)) this.#heldFrom = entry
    this.isActive = true
  }

  /** The turn of the first message that waits for the log. */
  firstHeld(tx: Transaction): Turn | undefined {
    if (this.#firstHeld) return this.#firstHeld
    const record = this.#readHeld(tx)
    // what the count still knows of was in records that are gone
    if (!record) this.held = 0
    else this.#firstHeld = this.#heldFrom = turnOf(record)
    return this.#firstHeld
  }

  /** Takes the first message away that waits for the log; `undefined` if it is damaged. */
  takeHeld(tx: Transaction): ScheduledMessage | undefined {
    const record = this.#readHeld(tx)
    return record && this.#unpark(tx, record)
  }

  /** A message is gone for good; returns the next of its key, if one is parked, which owns the key then. */
  release(tx: Transaction, key: string, position: number): ScheduledMessage | undefined {
    const owner = this.#ownerKey(key)
    const value = tx.get(owner)
    // where the record is damaged, those that are parked must not wait for ever
    return value && readU64(value) !== position ? undefined : this.#passOn(tx, owner)
  }

  /** Messages are gone whose keys nobody knows; returns the next of each key that one of them owned. */
  releaseUnknown(tx: Transaction, position: number, count: number): ScheduledMessage[] {
    const [from, to] = rangeOf(table.keyOwner, this.#queue)
    const owned = tx.range(from, to, Number.POSITIVE_INFINITY).filter(({ value, damaged }) => {
      const owner = damaged ? Number.NaN : readU64(value)
      return owner >= position && owner < position + count
    })
    return owned.flatMap(({ key }) => this.#passOn(tx, key) ?? [])
  }

  /** Takes some parked messages away, whatever they wait for, while a test is true. */
  unpark(tx: Transaction, limit: number, mayTake: () => boolean = () => true): ScheduledMessage[] {
    const [from, to] = rangeOf(table.parked, this.#queue)
    const records = tx.range(from, to, limit, unparkBytes)
    // what the counts still know of was in records that are gone
    if (records.length === 0) this.parked = this.held = this.bytes = 0
    const taken: ScheduledMessage[] = []
    for (const record of records) {
      if (!mayTake()) break
      const entry = this.#unpark(tx, record)
      if (entry) taken.push(entry)
    }
    return taken
  }

  /** Removes some of what is known of keys; tells whether there may be more. */
  forget(tx: Transaction, limit: number): boolean {
    const [from, to] = rangeOf(table.keyOwner, this.#queue)
    const records = tx.range(from, to, limit)
    for (const { key } of records) tx.removeVisible(key)
    return records.length === limit
  }

  /** Counts a parked message by its record, or counts it no more. */
  count(key: Uint8Array, by: 1 | -1): void {
    this.parked += by
    if (isOfNone(key)) this.held += by
  }

  /** The next of a key has its turn, and the key; if none is parked, nobody owns it. */
  #passOn(tx: Transaction, owner: Uint8Array): ScheduledMessage | undefined {
    const name = nameOf(owner)
    for (let [record] = this.#parkedAs(tx, name); record; [record] = this.#parkedAs(tx, name)) {
      const next = this.#unpark(tx, record)
      if (!next) continue
      this.#putOwner(tx, owner, next.position)
      return next
    }
    tx.removeVisible(owner)
    return undefined
  }

  /** The first record of those that are held. */
  #readHeld(tx: Transaction): StoredRecord | undefined {
    const { due, position } = this.#heldFrom
    const from = turnKey(table.parked, this.#queue, nameOfNone, due, position)
    return tx.range(from, nameKey(table.parked, this.#queue, nameOfNone, Number.MAX_SAFE_INTEGER), 1)[0]
  }

  /** The first record of those that are parked under a name. */
  #parkedAs(tx: Transaction, name: Uint8Array): StoredRecord[] {
    const from = nameKey(table.parked, this.#queue, name)
    return tx.range(from, nameKey(table.parked, this.#queue, name, Number.MAX_SAFE_INTEGER), 1)
  }

  #put(tx: Transaction, name: Uint8Array, { due, position, message }: ScheduledMessage): void {
    const key = turnKey(table.parked, this.#queue, name, due, position)
    tx.putVisible(key, Buffer.concat(encodeMessage(message)))
    this.count(key, 1)
    this.bytes += message.body.length
  }

  /** Takes a parked message away; `undefined` if it is damaged. */
  #unpark(tx: Transaction, record: StoredRecord): ScheduledMessage | undefined {
    const { key, value, damaged } = record
    const message = damaged ? undefined : decodeMessage(value, this.#owner.intern)
    tx.removeVisible(key)
    this.count(key, -1)
    if (isOfNone(key)) this.#firstHeld = undefined
    this.bytes = this.parked === 0 ? 0 : this.bytes - (message?.body.length ?? 0)
    const turn = turnOf(record)
    if (message) return { ...turn, message }
    this.#owner.corrupt(turn.position, 1)
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

function turnOf({ key }: StoredRecord): Turn {
  return { due: lastButOneNumber(key), position: lastNumber(key) }
}

function isBefore(one: Turn, other: Turn): boolean {
  return one.due < other.due || (one.due === other.due && one.position < other.position)
}
