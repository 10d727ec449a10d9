/**
 * Where the records of an engine lie: one byte for the table, the number of the queue, and what orders the rest.
 *
 * The files that write and read the records describe their contents.
 */
import { createHash } from 'node:crypto'
import { readU64, writeU64 } from '../store/index.js'

/** The first byte of every key. */
export const table = {
  /** The name of a queue. */
  name: 1,
  /** Numbers of a queue that change with each write. */
  state: 2,
  /** Messages as they were sent, by the position of the first. */
  block: 3,
  /** Single messages that wait outside of their block, by the time they are due, and by position. */
  scheduled: 4,
  /** Messages that were dealt out together, by the number of the lease. */
  lease: 5,
  /** The last number of each producer. */
  producer: 6,
  /** Ids that are taken. */
  id: 7,
  /** The same ids, by time. */
  idTime: 8,
  /** Texts of schemas, for all queues. */
  schema: 9,
  /** Messages that wait for others in the order of keys: by key, or under a name of their own, by turn. */
  parked: 10,
  /** The message of each key that the others wait for. */
  keyOwner: 11,
  /** Messages that no consumer could read: by schema, in order. */
  aside: 12,
  /** How many of them each schema has. */
  asideCount: 13,
} as const

/** What a table of messages needs of its queue. */
export interface TableOwner {
  readonly number: number
  /** The one copy of the hash of a schema. */
  intern(schemaId: Uint8Array): Uint8Array
  /** A record is damaged, and so many messages are lost; NaN if nobody knows. */
  corrupt(position: number, messages: number): void
}

/** The bytes of the table and the queue. */
const prefixBytes = 5

/** Names up to here are part of keys as they are, in bytes; longer ones are hashed. */
const plainNameBytes = 40

/** A key of a queue, with up to two numbers. */
export function keyOf(which: number, queue: number, first?: number, second?: number): Buffer {
  const size = prefixBytes + (first === undefined ? 0 : second === undefined ? 8 : 16)
  const key = Buffer.allocUnsafe(size)
  key[0] = which
  key.writeUInt32BE(queue, 1)
  if (first !== undefined) writeU64(key, first, prefixBytes)
  if (second !== undefined) writeU64(key, second, prefixBytes + 8)
  return key
}

/** The key of a name in a queue, with a number behind it or not. */
export function nameKey(which: number, queue: number, name: Uint8Array, number?: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes + name.length + (number === undefined ? 0 : 8))
  key[0] = which
  key.writeUInt32BE(queue, 1)
  key.set(name, prefixBytes)
  if (number !== undefined) writeU64(key, number, prefixBytes + name.length)
  return key
}

/** The key of a name in a queue and of a turn: the time from which a message is ready, and its position. */
export function turnKey(which: number, queue: number, name: Uint8Array, due: number, position: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes + name.length + 16)
  key.set(nameKey(which, queue, name, due))
  writeU64(key, position, key.length - 8)
  return key
}

/** The name in a key that has no number behind it. */
export function nameOf(key: Uint8Array): Uint8Array {
  return key.subarray(prefixBytes)
}

/** What a name begins with that is the hash of a long text, and one that stands for no text; others begin with their length. */
const hashedName = 0xff
const noText = 0xfe

/** A text as part of a key: as it is if it is short, and none is the beginning of another. */
export function keyName(text: string): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.length <= plainNameBytes) return Buffer.concat([Buffer.of(bytes.length), bytes])
  return Buffer.concat([Buffer.of(hashedName), createHash('sha256').update(bytes).digest().subarray(0, 24)])
}

/** The name that no text has. */
export const nameOfNone = Buffer.of(noText)

/** Whether a key has the name that no text has. */
export function isOfNone(key: Uint8Array): boolean {
  return key[prefixBytes] === noText
}

/** The range of a table of a queue. */
export function rangeOf(which: number, queue: number): [from: Buffer, to: Buffer] {
  return [keyOf(which, queue), keyOf(which, queue + 1)]
}

/** The queue of a key. */
export function queueOf(key: Uint8Array): number {
  return (
    (((key[1] as number) << 24) | ((key[2] as number) << 16) | ((key[3] as number) << 8) | (key[4] as number)) >>> 0
  )
}

/** The first number of a key. */
export function firstNumber(key: Uint8Array): number {
  return readU64(key, prefixBytes)
}

/** The second number of a key. */
export function secondNumber(key: Uint8Array): number {
  return readU64(key, prefixBytes + 8)
}

/** The number at the end of a key, and the one before it. */
export function lastNumber(key: Uint8Array): number {
  return readU64(key, key.length - 8)
}

export function lastButOneNumber(key: Uint8Array): number {
  return readU64(key, key.length - 16)
}
