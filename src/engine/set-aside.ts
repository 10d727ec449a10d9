/**
 * Messages that are ready and that no consumer could read: set aside by the schema that they were written with, so that
 * others pass them, until a consumer that can read them takes them.
 *
 * A block whose messages have nothing of their own stays where it is, and one record names it; other messages have a record
 * each. In memory are the schemas and how many messages each has. Who can read what is decided in `readers.ts`.
 */
import { readU64, type StoredRecord, writeU64 } from '../store/index.js'
import {
  type AsideBlock,
  type AsideEntry,
  asideKey,
  blockStartOf,
  decodeAside,
  dueOf,
  encodeAside,
  isOfValues,
  laneId,
  positionOf,
  sizeOf,
} from './aside-record.js'
import type { BlockLog } from './block-log.js'
import { bytesOf, decodeBlock } from './block-record.js'
import { decodeMessage, encodeMessage } from './message-record.js'
import type { EngineStore } from './ports.js'
import type { ScheduledMessage, ScheduledOwner } from './scheduled-messages.js'
import { schemaIdName, valuesName } from './schema-texts.js'
import { keyOf, nameKey, nameOf, rangeOf, table, turnKey } from './tables.js'
import type { Transaction } from './transaction.js'

/** What is read at once, in records and bytes. */
const readRecords = 64
const readBytes = 1_048_576

/** Schemas of which is remembered that they were reported. */
const maxReported = 1024

/** What is known of a message without its body. */
interface Front {
  readonly due: number
  readonly position: number
  /** Since when it is ready, and when it expires, if it does, in milliseconds since 1970. */
  readonly since: number
  readonly expires: number
}

/** Messages of one schema: those of consumers that cannot read it at all, or those whose values some cannot read. */
export interface Lane {
  readonly id: Uint8Array
  readonly schemaId: Uint8Array
  /** What consumers that cannot read them call them. */
  readonly name: string
  messages: number
  bytes: number
  /** The first message, if it is known. */
  front: Front | undefined
  /** A place that none is before: what this write took is not read again. */
  from: Pick<ScheduledMessage, 'due' | 'position'>
}

/** What is needed of the queue. */
export interface AsideOwner extends ScheduledOwner {
  readonly log: BlockLog
}

/** The messages of a queue that are set aside. */
export class SetAside {
  messages = 0
  bytes = 0
  readonly #owner: AsideOwner
  readonly #lanes = new Map<string, Lane>()
  readonly #changed = new Set<Lane>()
  readonly #reported: Set<string>

  /** @param former - What it was before the records are read again. */
  constructor(owner: AsideOwner, former: SetAside | undefined) {
    this.#owner = owner
    this.#reported = former ? former.#reported : new Set()
  }

  get lanes(): Iterable<Lane> {
    return this.#lanes.values()
  }

  /** Reads which schemas there are. */
  load(store: EngineStore): void {
    for (const { key, value, damaged } of store.range(...rangeOf(table.asideCount, this.#owner.number))) {
      if (damaged) continue
      const id = nameOf(key)
      const lane = this.#laneOf(this.#owner.intern(id.subarray(0, 16)), isOfValues(id))
      lane.messages = readU64(value)
      lane.bytes = readU64(value, 8)
      this.messages += lane.messages
      this.bytes += lane.bytes
    }
  }

  /** Messages of the schemas that a test is true of. */
  count(isMeant: (name: string) => boolean): number {
    let messages = 0
    for (const lane of this.#lanes.values()) if (isMeant(lane.name)) messages += lane.messages
    return messages
  }

  /** Since when the oldest is ready, of those that are known, in milliseconds since 1970. */
  get oldest(): number | undefined {
    let oldest: number | undefined
    for (const { front } of this.#lanes.values()) if (front) oldest = Math.min(oldest ?? front.since, front.since)
    return oldest
  }

  /** Whether a schema was reported before. */
  wasReported({ name }: Lane): boolean {
    return this.#reported.has(name)
  }

  reported({ name }: Lane): void {
    if (this.#reported.size >= maxReported) this.#reported.delete([...this.#reported][0] as string)
    this.#reported.add(name)
  }

  /** Sets messages of a schema aside: with others of the schema, or with those whose values some consumers cannot read. */
  put(tx: Transaction, schemaId: Uint8Array, entry: AsideEntry, areValues = false): void {
    const { due, position } = entry
    const lane = this.#laneOf(schemaId, areValues)
    const isFirst = lane.messages === 0 || (lane.front !== undefined && isBefore(entry, lane.front))
    tx.putVisible(
      this.#keyOf(lane, entry),
      'start' in entry ? encodeAside(entry) : Buffer.concat(encodeMessage(entry.message)),
    )
    const [messages, bytes] = sizeOf(entry)
    this.#count(lane, messages, bytes)
    if (isBefore(entry, lane.from)) lane.from = { due, position }
    if (isFirst) lane.front = frontOf(entry)
  }

  /** The first records of a schema; fewer than there are, and none where they are damaged. */
  first(tx: Transaction, lane: Lane, limit = readRecords): AsideEntry[] {
    const from = turnKey(table.aside, this.#owner.number, lane.id, lane.from.due, lane.from.position)
    const to = nameKey(table.aside, this.#owner.number, lane.id, Number.MAX_SAFE_INTEGER)
    const records = tx.range(from, to, Math.min(limit, readRecords), readBytes)
    if (records.length === 0) this.#missAll(lane)
    const entries: AsideEntry[] = []
    for (const record of records) {
      const entry = this.#read(tx, record)
      if (entry) {
        entries.push(entry)
        continue
      }
      tx.removeVisible(record.key)
      this.#count(lane, -1, 0)
      this.#owner.lost(tx, positionOf(record.key), 1)
    }
    if (entries[0]) lane.front = frontOf(entries[0])
    return entries
  }

  /** Takes a record away: the first of its schema, unless it is said that it is another one. */
  take(tx: Transaction, lane: Lane, entry: AsideEntry, isFirst = true): void {
    const { due, position } = entry
    const [messages, bytes] = sizeOf(entry)
    tx.removeVisible(this.#keyOf(lane, entry))
    this.#count(lane, -messages, -bytes)
    lane.front = undefined
    if (isFirst) lane.from = { due, position }
  }

  /** Takes the first messages of a block away, which is the first of its schema; tells whether others of it are left. */
  shift(tx: Transaction, lane: Lane, block: AsideBlock, count: number, bytes: number): boolean {
    this.take(tx, lane, block)
    if (count === block.count) return false
    const left = { count: block.count - count, bytes: block.bytes - bytes, headBytes: block.headBytes + bytes }
    this.put(tx, lane.schemaId, { ...block, ...left, position: block.position + count })
    return true
  }

  /** Whether messages of a block are set aside, as the records say. */
  holds(store: EngineStore, start: number): boolean {
    const { number, intern } = this.#owner
    for (const { value, damaged } of store.range(
      keyOf(table.block, number, start),
      keyOf(table.block, number, start + 1),
    )) {
      const block = decodeBlock(start, value, intern, damaged)
      if (!block) return false
      const id = laneId(block.schemaId, false)
      const at = (position: number) => turnKey(table.aside, number, id, block.time, position)
      for (const { key } of store.range(at(start), at(start + block.count))) {
        if (blockStartOf(key) === start) return true
      }
    }
    return false
  }

  /** Looks for a message wherever it is. */
  find(tx: Transaction, due: number, position: number): { lane: Lane; entry: ScheduledMessage } | undefined {
    for (const lane of this.#lanes.values()) {
      const value = tx.get(turnKey(table.aside, this.#owner.number, lane.id, due, position))
      if (value) return { lane, entry: { due, position, message: decodeMessage(value, this.#owner.intern) } }
    }
    return undefined
  }

  /** The schema with the oldest message, of those that a test is true of. */
  oldestLane(tx: Transaction, isMeant: (name: string) => boolean = () => true): Lane | undefined {
    let oldest: Lane | undefined
    for (const lane of [...this.#lanes.values()]) {
      if (!isMeant(lane.name)) continue
      const front = this.#frontOf(tx, lane)
      if (front && (!oldest?.front || front.since < oldest.front.since)) oldest = lane
    }
    return oldest
  }

  /** When the first message of some schema expires or becomes too old, in milliseconds since 1970. */
  nextEnd(tx: Transaction, maxAgeMs: number): { at: number; lane: Lane | undefined } {
    let found: { at: number; lane: Lane | undefined } = { at: Number.POSITIVE_INFINITY, lane: undefined }
    for (const lane of [...this.#lanes.values()]) {
      const front = this.#frontOf(tx, lane)
      if (!front) continue
      const at = Math.min(front.expires || Number.POSITIVE_INFINITY, front.since + maxAgeMs)
      if (at < found.at) found = { at, lane }
    }
    return found
  }

  /** Makes what has changed part of the write. */
  flush(tx: Transaction): void {
    for (const { id, messages, bytes } of this.#changed) {
      const key = nameKey(table.asideCount, this.#owner.number, id)
      if (messages === 0) {
        tx.remove(key)
        continue
      }
      const value = Buffer.allocUnsafe(16)
      writeU64(value, messages)
      writeU64(value, bytes, 8)
      tx.put(key, value)
    }
    this.#changed.clear()
  }

  #frontOf(tx: Transaction, lane: Lane): Front | undefined {
    while (!lane.front && lane.messages > 0) this.first(tx, lane, 1)
    return lane.front
  }

  #laneOf(schemaId: Uint8Array, areValues: boolean): Lane {
    const name = areValues ? valuesName(schemaId) : schemaIdName(schemaId)
    let lane = this.#lanes.get(name)
    if (!lane) {
      const id = laneId(schemaId, areValues)
      lane = { id, schemaId, name, messages: 0, bytes: 0, front: undefined, from: { due: 0, position: 0 } }
      this.#lanes.set(name, lane)
    }
    return lane
  }

  #keyOf({ id }: Lane, entry: AsideEntry): Buffer {
    return asideKey(this.#owner.number, id, entry)
  }

  /** Reads a record; `undefined` if it is damaged and cannot be made out. */
  #read(tx: Transaction, { key, value, damaged }: StoredRecord): AsideEntry | undefined {
    const start = blockStartOf(key)
    if (start !== undefined) return damaged ? this.#makeOut(tx, key, start) : decodeAside(key, start, value)
    if (damaged) return undefined
    return { due: dueOf(key), position: positionOf(key), message: decodeMessage(value, this.#owner.intern) }
  }

  /** What the damaged record of a block has said. */
  #makeOut(tx: Transaction, key: Uint8Array, start: number): AsideBlock | undefined {
    const block = this.#owner.log.read(tx, start)
    if (!block) return undefined
    const position = positionOf(key)
    const [offset, count] = [position - start, start + block.count - position]
    const [headBytes, bytes] = [bytesOf(block.lengths, 0, offset), bytesOf(block.lengths, offset, count)]
    return { due: dueOf(key), position, start, headBytes, count, bytes }
  }

  #count(lane: Lane, messages: number, bytes: number): void {
    const more = lane.messages + messages === 0 ? -lane.bytes : bytes
    lane.messages += messages
    lane.bytes += more
    this.messages += messages
    this.bytes += more
    this.#changed.add(lane)
    if (lane.messages === 0) this.#lanes.delete(lane.name)
  }

  /** There are no more messages: what the counts still know of was in records that are gone. */
  #missAll(lane: Lane): void {
    this.#owner.corrupt(lane.from.position, lane.messages)
    this.messages -= lane.messages
    this.bytes -= lane.bytes
    lane.messages = lane.bytes = 0
    lane.front = undefined
    this.#changed.add(lane)
    this.#lanes.delete(lane.name)
  }
}

function frontOf(entry: AsideEntry): Front {
  const { due, position } = entry
  if ('start' in entry) return { due, position, since: due, expires: 0 }
  return { due, position, since: Math.max(due, entry.message.time), expires: entry.message.expires }
}

function isBefore(one: Lane['from'], other: Lane['from']): boolean {
  return one.due < other.due || (one.due === other.due && one.position < other.position)
}
