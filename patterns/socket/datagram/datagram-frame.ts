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
import type { Slab } from '../../../src/memory/index.js'
import { FrameStart, frameKind, preludeBytes } from '../../../src/wire/index.js'
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
 * @param begin - What `datagramStart` makes of `source` and `schemaId`.
 */
export function writeDatagram(
  begin: FrameStart,
  sequence: number,
  count: number,
  { buffer, view, start, position }: Pick<Slab, 'buffer' | 'view' | 'start' | 'position'>,
): Buffer {
  const from = start - (overheadBytes(sequence, count) - tailBytes)
  let at = writeLong(buffer, from + numbersAt, sequence)
  at = writeLong(buffer, at, count)
  buffer[at++] = 0 // no extensions
  writeLong(buffer, at, count)
  buffer[position] = 0
  const end = position + tailBytes
  begin.write(buffer, view, from, end)
  return buffer.subarray(from, end)
}

/** What all datagrams with messages of one source begin with. */
export function datagramStart(constants: Buffer): FrameStart {
  return new FrameStart(frameKind.datagram, constants)
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
