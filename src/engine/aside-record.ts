/**
 * Records of what is set aside: single messages, and the last messages of blocks, which stay where they are stored.
 *
 * The key of a block has behind that of a message the place of the whole block, so that a damaged record can be made out.
 */
import { readU64, writeU64 } from '../store/index.js'
import type { ScheduledMessage } from './scheduled-messages.js'
import { lastButOneNumber, lastNumber, table, turnKey } from './tables.js'

/** The bytes of the key of a message: table and queue, the lane, and the turn. */
const messageKeyBytes = 5 + 17 + 16

/** What the key of a block has behind that of a message, and what its record takes, in bytes. */
const startBytes = 8
const blockBytes = 20

/** The last messages of a block that has left the log. */
export interface AsideBlock {
  /** When the block was stored, in milliseconds since 1970. */
  readonly due: number
  /** The position of the first message. */
  readonly position: number
  /** The position of the first message of the whole block, and the bytes before this one. */
  readonly start: number
  readonly headBytes: number
  readonly count: number
  readonly bytes: number
}

/** What is set aside under one record. */
export type AsideEntry = ScheduledMessage | AsideBlock

/** What the keys of a lane begin with: the schema id, and whether only some values of the schema cannot be read. */
export function laneId(schemaId: Uint8Array, isOfValues: boolean): Buffer {
  return Buffer.concat([schemaId, Buffer.of(isOfValues ? 1 : 0)])
}

/** Whether only some values of the schema of a lane cannot be read. */
export function isOfValues(id: Uint8Array): boolean {
  return id[16] === 1
}

/** The key of what is set aside. */
export function asideKey(queue: number, lane: Uint8Array, entry: AsideEntry): Buffer {
  const key = turnKey(table.aside, queue, lane, entry.due, entry.position)
  if (!('start' in entry)) return key
  const start = Buffer.allocUnsafe(startBytes)
  writeU64(start, entry.start)
  return Buffer.concat([key, start])
}

/** The first message of the block of a key; `undefined` for the key of a message of its own. */
export function blockStartOf(key: Uint8Array): number | undefined {
  return key.length > messageKeyBytes ? lastNumber(key) : undefined
}

/** The position of the first message under a key. */
export function positionOf(key: Uint8Array): number {
  return lastNumber(key.subarray(0, messageKeyBytes))
}

/** When the messages under a key were due, or stored. */
export function dueOf(key: Uint8Array): number {
  return lastButOneNumber(key.subarray(0, messageKeyBytes))
}

/** A block as the value of its record. */
export function encodeAside({ count, headBytes, bytes }: AsideBlock): Buffer {
  const value = Buffer.allocUnsafe(blockBytes)
  value.writeUInt32BE(count, 0)
  writeU64(value, headBytes, 4)
  writeU64(value, bytes, 12)
  return value
}

/** Reads the record of a block. */
export function decodeAside(key: Uint8Array, start: number, value: Uint8Array): AsideBlock {
  const count = Buffer.from(value.buffer, value.byteOffset, value.length).readUInt32BE(0)
  const [headBytes, bytes] = [readU64(value, 4), readU64(value, 12)]
  return { due: dueOf(key), position: positionOf(key), start, headBytes, count, bytes }
}

/** What is under one record. */
export function sizeOf(entry: AsideEntry): [messages: number, bytes: number] {
  return 'start' in entry ? [entry.count, entry.bytes] : [1, entry.message.body.length]
}
