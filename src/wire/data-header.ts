/**
 * The header of data frames as bytes, with a short way for frames of one writer that follow one another.
 *
 * Their first fields do not change, and the others are numbers. Whatever differs from that goes through the codec, and
 * both ways come to the same bytes and values.
 */
import { type Codec, type Cursor, codecOf } from '../avro/codec.js'
import type { InferInput } from '../avro/index.js'
import { readInt, readLong } from '../avro/read-primitives.js'
import { writeLong } from '../avro/write-primitives.js'
import { DataHeader } from './schemas.js'

/** A header as this side holds it: a date would cost each frame more than its other fields together. */
type Numbered<Header> = Omit<Header, 'time'> & {
  /** In milliseconds since 1970, UTC. */
  readonly time: number
}

/** What a header is made of. */
export type HeaderInput = Numbered<InferInput<typeof DataHeader>>

/** A header, read. */
export type Header = Numbered<DataHeader>

/** What a header may take beside the messages, the writer's schema included, in bytes. */
export const maxHeaderBytes = 131_072

const codec = codecOf(DataHeader) as Codec<InferInput<typeof DataHeader>, DataHeader>

/** The bytes of `kind`, `fingerprint`, `schemaId`, a `writerSchema` of null, and `source`. */
const constantBytes = 1 + 8 + 16 + 1 + 8

/** Of a Date, in milliseconds from 1970: ECMAScript 21.4.1.1. */
const maxDateMs = 8_640_000_000_000_000

/** Holds the header that was written last: one is written at a time. */
export const written = Buffer.allocUnsafeSlow(maxHeaderBytes)
const writtenView = new DataView(written.buffer)
let writtenLast: HeaderInput | undefined

/** Writes a header to the front of `written`; returns its size in bytes. */
export function writeHeader(input: HeaderInput): number {
  if (!writtenLast || !hasSameConstants(input, writtenLast)) {
    writtenLast = undefined
    const size = codec.write({ ...input, time: new Date(input.time) }, written, writtenView, 0, written.length)
    if (input.writerSchema === null) writtenLast = input
    return size
  }
  let p = writeLong(written, constantBytes, input.position)
  p = writeLong(written, p, input.sequence)
  p = writeLong(written, p, input.previous)
  p = writeLong(written, p, input.time)
  p = writeLong(written, p, input.count)
  written[p++] = 0 // no annotations
  written[p++] = 0 // no extensions
  return p
}

function hasSameConstants(input: HeaderInput, other: HeaderInput): boolean {
  return (
    input.writerSchema === null &&
    input.kind === other.kind &&
    input.schemaId === other.schemaId &&
    input.fingerprint === other.fingerprint &&
    input.source === other.source &&
    input.annotations === undefined &&
    input.extensions === undefined
  )
}

/** The constants of the header that was read last, as bytes and as values. */
const readBytes = Buffer.allocUnsafeSlow(constantBytes)
let readLast: Header | undefined

/** Reads the header at the cursor; throws what codecs throw. */
export function readHeader(bytes: Buffer, view: DataView, cursor: Cursor): Header {
  const start = cursor.position
  if (readLast && hasReadConstants(bytes, start)) {
    cursor.position = start + constantBytes
    const numbers = readNumbers(bytes, cursor, readLast)
    if (numbers) return numbers
    cursor.position = start
  }
  const read = codec.read(bytes, view, cursor, bytes.length)
  const header = { ...read, time: read.time.getTime() }
  if (header.writerSchema === null) {
    readLast = header
    bytes.copy(readBytes, 0, start, start + constantBytes)
  }
  return header
}

function hasReadConstants(bytes: Buffer, start: number): boolean {
  for (let i = 0; i < constantBytes; i++) if (bytes[start + i] !== readBytes[i]) return false
  return true
}

/** Reads what follows the constants; `undefined` if there is more to it than numbers. */
function readNumbers(bytes: Buffer, cursor: Cursor, constants: Header): Header | undefined {
  const end = bytes.length
  const position = readLong(bytes, cursor, end)
  const sequence = readLong(bytes, cursor, end)
  const previous = readLong(bytes, cursor, end)
  const time = readLong(bytes, cursor, end)
  const count = readInt(bytes, cursor, end)
  if (Math.abs(time) > maxDateMs || bytes[cursor.position] !== 0 || bytes[cursor.position + 1] !== 0) return undefined
  cursor.position += 2
  const { kind, fingerprint, schemaId, source } = constants
  return {
    kind,
    fingerprint,
    schemaId,
    writerSchema: null,
    source,
    position,
    sequence,
    previous,
    time,
    count,
    annotations: [],
    extensions: {},
  }
}
