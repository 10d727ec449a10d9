/**
 * Datagrams with messages as bytes: the prelude, a header of constants and two numbers, and an Avro array of the messages.
 *
 * It reads and writes whole datagrams by hand, since it is on the hot path; `schemas.ts` describes the same bytes.
 */
import { type Codec, type Cursor, codecOf } from '../../../src/avro/codec.js'
import type { Infer } from '../../../src/avro/index.js'
import { readInt, readLong } from '../../../src/avro/read-primitives.js'
import { writeLong } from '../../../src/avro/write-primitives.js'
import { RivuletError } from '../../../src/errors/index.js'
import { frameKind, preludeBytes, sealFrame } from '../../../src/wire/index.js'
import { DatagramHeader } from './schemas.js'

/** The most messages of one datagram, on both sides; also what bounds the jump of a window. */
export const maxDatagramMessages = 1024

/** The bytes of `source` and `schemaId`. */
export const constantBytes = 24

/** Where the numbers begin. */
const numbersAt = preludeBytes + constantBytes

/** Room before the first message: the constants, a sequence of at most 8 bytes, two counts and no extensions. */
export const headRoom = numbersAt + 8 + 2 + 1 + 2

/** The end of the array. */
export const tailBytes = 1

const codec = codecOf(DatagramHeader) as Codec<Infer<typeof DatagramHeader>, Infer<typeof DatagramHeader>>

/** The bytes that a datagram has beside its messages. */
export function overheadBytes(sequence: number, count: number): number {
  return numbersAt + longBytes(sequence) + 2 * longBytes(count) + 1 + tailBytes
}

/** The bytes of a number from 0 as a zigzag varint. */
function longBytes(value: number): number {
  let bytes = 1
  for (let bound = 64; value >= bound; bound *= 128) bytes += 1
  return bytes
}

/**
 * Puts prelude and header before messages that stand in a buffer with `headRoom` free before them, and `tailBytes` behind.
 *
 * @param constants - `source` and `schemaId`.
 */
export function writeDatagram(
  constants: Buffer,
  sequence: number,
  count: number,
  slab: Buffer,
  start: number,
  end: number,
): Buffer {
  const from = start - (overheadBytes(sequence, count) - tailBytes)
  // a loop, since a call of `copy` costs more for so few bytes
  for (let i = 0; i < constantBytes; i++) slab[from + preludeBytes + i] = constants[i] as number
  let at = writeLong(slab, from + numbersAt, sequence)
  at = writeLong(slab, at, count)
  slab[at++] = 0 // no extensions
  writeLong(slab, at, count)
  slab[end] = 0
  const datagram = slab.subarray(from, end + tailBytes)
  sealFrame(datagram, frameKind.datagram, undefined)
  return datagram
}

/** What the numbers of a datagram say. */
export interface DatagramNumbers {
  /** The number of its first message. */
  sequence: number
  count: number
  /** Where the array of the messages begins. */
  start: number
}

// one record and one cursor for all: they are read before the next datagram is
const numbers: DatagramNumbers = { sequence: 0, count: 0, start: 0 }
const cursor: Cursor = { position: 0 }

/**
 * Reads what follows `source` and `schemaId`; the prelude has been checked. The next call changes what it returns.
 *
 * @throws RIVULET_BAD_FRAME
 */
export function readNumbers(bytes: Buffer): Readonly<DatagramNumbers> {
  cursor.position = numbersAt
  try {
    const sequence = readLong(bytes, cursor, bytes.length)
    const count = readInt(bytes, cursor, bytes.length)
    if (bytes[cursor.position] === 0) cursor.position += 1
    else skipHeader(bytes)
    if (sequence >= 1 && count >= 1 && count <= maxDatagramMessages && Number.isSafeInteger(sequence + count)) {
      numbers.sequence = sequence
      numbers.count = count
      numbers.start = cursor.position
      return numbers
    }
  } catch {
    // its bytes end too soon, or a varint is malformed: the reason is of no use to anybody
  }
  throw badDatagram(bytes)
}

/** The error for a datagram whose header cannot be read. */
export function badDatagram(bytes: Buffer): RivuletError {
  return new RivuletError('RIVULET_BAD_FRAME', `the header of a datagram of ${bytes.length} bytes cannot be read`)
}

/** There are extensions, which later versions may use. */
function skipHeader(bytes: Buffer): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  cursor.position = preludeBytes
  codec.read(bytes, view, cursor, bytes.length)
}

/** Whether the constants of a datagram are these. */
export function hasConstants(bytes: Buffer, constants: Buffer): boolean {
  if (bytes.length < numbersAt) return false
  for (let i = 0; i < constantBytes; i++) if (bytes[preludeBytes + i] !== constants[i]) return false
  return true
}

/**
 * The constants of a datagram.
 *
 * @throws RIVULET_BAD_FRAME
 */
export function readConstants(bytes: Buffer): Buffer {
  if (bytes.length < numbersAt) throw badDatagram(bytes)
  // a copy: it is kept longer than the datagram
  return Buffer.from(bytes.subarray(preludeBytes, numbersAt))
}
