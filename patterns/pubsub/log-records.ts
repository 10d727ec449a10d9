/**
 * The records of logs on disk: their keys, and what stands in front of a frame.
 *
 * A key is a letter, the source, and a number or the identity of a schema. A frame has a checksum of its place besides that of
 * the store, so that a frame with damaged messages is still known by its numbers.
 */
import { crc32 } from '../../src/checksum/index.js'
import { readU64, writeU64 } from '../../src/store/index.js'
import type { LoggedFrame } from './topic-log.js'

/** The kinds of records, by the first byte of their keys. */
export const recordKind = { source: 1, schema: 2, topic: 3, frame: 4, retained: 5 } as const

/** The records of a source, by their numbers: the position of its last message, and that topics of it were forgotten. */
export const sourceRecords = { position: 0, forgotten: 1 } as const

const sourceBytes = 8
const placeBytes = 1 + sourceBytes + 8
const schemaBytes = 1 + sourceBytes + 16

/** The key of a record that a number distinguishes. */
export function recordKey(kind: number, source: Buffer, number: number): Buffer {
  const key = Buffer.alloc(placeBytes)
  key[0] = kind
  key.set(source, 1)
  writeU64(key, number, 1 + sourceBytes)
  return key
}

/** The key of the text of a schema. */
export function schemaKey(source: Buffer, schemaId: Buffer): Buffer {
  const key = Buffer.alloc(schemaBytes)
  key[0] = recordKind.schema
  key.set(source, 1)
  key.set(schemaId, 1 + sourceBytes)
  return key
}

/** The source of a key, in hexadecimal digits. */
export function sourceOf(key: Buffer): string {
  return key.toString('hex', 1, 1 + sourceBytes)
}

/** The number of a key. */
export function numberOf(key: Buffer): number {
  return readU64(key, 1 + sourceBytes)
}

/** The identity of a schema of a key. */
export function schemaIdOf(key: Buffer): Buffer {
  return key.subarray(1 + sourceBytes)
}

/** What stands in front of a frame: checksum, number, time, count, schema, length, then the topic. */
const headBytes = 4 + 8 + 8 + 4 + 16 + 4 + 1

/** A frame as it was read; without its bytes if these are damaged. */
export type StoredFrame = Omit<LoggedFrame, 'schemaText' | 'isRetained'>

/** What is written in front of a frame. */
export function frameHead({ topic, sequence, time, count, schemaId, bytes }: LoggedFrame): Buffer {
  const name = Buffer.from(topic)
  const head = Buffer.alloc(headBytes + name.length)
  head.writeDoubleBE(sequence, 4)
  head.writeDoubleBE(time, 12)
  head.writeUInt32BE(count, 20)
  head.set(schemaId, 24)
  head.writeUInt32BE(bytes.length, 40)
  head[44] = name.length
  head.set(name, headBytes)
  head.writeUInt32BE(crc32(head, 4, head.length), 0)
  return head
}

/** Reads a frame and what stands in front of it; `undefined` if that is damaged. */
export function readFrame(position: number, value: Buffer): StoredFrame | undefined {
  const end = headBytes + (value[44] ?? 0)
  if (value.length < end || value.readUInt32BE(0) !== crc32(value, 4, end)) return undefined
  return {
    topic: value.toString('utf8', headBytes, end),
    bytes: value.subarray(end),
    position,
    sequence: value.readDoubleBE(4),
    count: value.readUInt32BE(20),
    time: value.readDoubleBE(12),
    schemaId: value.subarray(24, 40),
  }
}

/** What is known of a topic beside its frames. */
export interface StoredTopic {
  readonly topic: string
  readonly schemaId: Buffer
  /** The last message that was given up, and when its frame left. */
  readonly sequence: number
  readonly position: number
  readonly time: number
}

/** The record of a topic. */
export function topicRecord({ topic, schemaId, sequence, position, time }: StoredTopic): Buffer {
  const name = Buffer.from(topic)
  const record = Buffer.alloc(40 + name.length)
  record.writeDoubleBE(sequence, 0)
  record.writeDoubleBE(position, 8)
  record.writeDoubleBE(time, 16)
  record.set(schemaId, 24)
  record.set(name, 40)
  return record
}

/** Reads the record of a topic. */
export function readTopic(record: Buffer): StoredTopic {
  return {
    topic: record.toString('utf8', 40),
    schemaId: record.subarray(24, 40),
    sequence: record.readDoubleBE(0),
    position: record.readDoubleBE(8),
    time: record.readDoubleBE(16),
  }
}
