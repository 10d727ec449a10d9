/**
 * Data frames as bytes: a header, then an Avro array of the message type itself.
 *
 * It reads and writes whole frames; gathering messages into one is `batch-writer.ts`, taking them out `batch.ts`.
 */
import { decodeFailure } from '../avro/codec.js'
import type { Schema } from '../avro/index.js'
import { writeLong } from '../avro/write-primitives.js'
import { RivuletError } from '../errors/index.js'
import { type Header, type HeaderInput, readHeader, writeHeader, written } from './data-header.js'
import { frameKind, misplaced, openPrelude, preludeBytes, sealFrame } from './prelude.js'

/** The most messages of one frame, on both sides: bounds what a header may claim. */
export const maxFrameMessages = 65_536

/** What the length of a frame takes in front of it, where frames follow one another in a stream of bytes. */
export const lengthBytes = 4

/** Room for a header without a schema, and for the count of the array; longer ones take a buffer of their own. */
export const headerRoom = 160

export { maxHeaderBytes } from './data-header.js'

/** A data frame, opened: the header is read, the messages are not. */
export interface DataFrame {
  readonly header: Header
  readonly bytes: Buffer
  readonly view: DataView
  /** Where the array begins. */
  readonly start: number
  /** The topic part as it came, where there is one. */
  readonly topic: Buffer | undefined
}

/**
 * Puts prelude and header before items that stand in a buffer with `headerRoom` free before them.
 *
 * @param slab - Holds the encoded items from `start` to `end`, and one free byte at `end`.
 * @param isPrefixed - Whether its length stands before the frame: four bytes, the most significant first.
 * @returns The frame: a part of the slab, or a buffer of its own where the header is too long.
 */
export function writeDataFrame(
  input: HeaderInput,
  slab: Buffer,
  start: number,
  end: number,
  topic: Buffer | undefined,
  isPrefixed = false,
): Buffer {
  let size = writeHeader(input)
  if (input.count > 0) size = writeLong(written, size, input.count)
  const prefix = isPrefixed ? lengthBytes : 0
  let frame: Buffer
  if (prefix + preludeBytes + size <= headerRoom) {
    const at = start - size
    // a loop, since a call of `copy` costs more for so few bytes
    for (let i = 0; i < size; i++) slab[at + i] = written[i] as number
    slab[end] = 0
    frame = slab.subarray(at - preludeBytes - prefix, end + 1)
  } else {
    frame = Buffer.allocUnsafeSlow(prefix + preludeBytes + size + (end - start) + 1)
    written.copy(frame, prefix + preludeBytes, 0, size)
    slab.copy(frame, prefix + preludeBytes + size, start, end)
    frame[frame.length - 1] = 0
  }
  if (isPrefixed) frame.writeUInt32BE(frame.length - lengthBytes)
  sealFrame(frame, frameKind.data, topic, prefix)
  return frame
}

/** Writes a beacon with the numbers of another writer, which brings its schema to a new receiver. */
export function writeIntroduction(
  header: Omit<HeaderInput, 'kind' | 'count' | 'annotations' | 'extensions'>,
  topic: Buffer | undefined,
): Buffer {
  const { fingerprint, schemaId, writerSchema, source, position, sequence, previous, time } = header
  const size = writeHeader({
    kind: 'beacon',
    fingerprint,
    schemaId,
    writerSchema,
    source,
    position,
    sequence,
    previous,
    time,
    count: 0,
  })
  const frame = Buffer.allocUnsafeSlow(preludeBytes + size + 1)
  written.copy(frame, preludeBytes, 0, size)
  frame[frame.length - 1] = 0
  sealFrame(frame, frameKind.data, topic)
  return frame
}

/**
 * Opens a data frame: checks its bytes and reads its header.
 *
 * @throws RIVULET_BAD_FRAME, RIVULET_CORRUPT_FRAME, RIVULET_FRAME_TOO_LARGE
 */
export function openDataFrame(bytes: Buffer, topic: Buffer | undefined, maxBytes: number): DataFrame {
  if (bytes.length > maxBytes) {
    throw new RivuletError(
      'RIVULET_FRAME_TOO_LARGE',
      `a frame of ${bytes.length} bytes is over the limit of ${maxBytes}`,
    )
  }
  const kind = openPrelude(bytes, topic)
  if (kind !== frameKind.data) throw misplaced(kind)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const cursor = { position: preludeBytes }
  let read: Header
  try {
    read = readHeader(bytes, view, cursor)
  } catch (cause) {
    throw badFrame('the header of a frame cannot be read', cause)
  }
  const { count, position, sequence, previous } = read
  if (count < 0 || count > maxFrameMessages || position < 0 || sequence < 0 || previous < 0) {
    throw badFrame(`the header of a frame claims ${count} messages from number ${sequence}`)
  }
  return { header: read, bytes, view, start: cursor.position, topic }
}

/** Writes a small frame that is one record: requests and answers. */
export function writeRecordFrame<In>(schema: Schema<In>, value: In, kind: number, topic: Buffer | undefined): Buffer {
  const body = schema.encode(value)
  const frame = Buffer.allocUnsafeSlow(preludeBytes + body.length)
  body.copy(frame, preludeBytes)
  sealFrame(frame, kind, topic)
  return frame
}

/**
 * Reads a small frame that is one record.
 *
 * @throws RIVULET_BAD_FRAME, RIVULET_CORRUPT_FRAME
 */
export function readRecordFrame<Out>(
  schema: Schema<unknown, Out>,
  frame: Buffer,
  kind: number,
  topic: Buffer | undefined,
): Out {
  const found = openPrelude(frame, topic)
  if (found !== kind) throw misplaced(found)
  try {
    return schema.decode(frame.subarray(preludeBytes))
  } catch (cause) {
    throw badFrame('the record of a frame cannot be read', cause)
  }
}

function badFrame(message: string, cause?: unknown): RivuletError {
  const known = cause === undefined || cause instanceof Error ? cause : decodeFailure(cause, 'a header')
  return new RivuletError('RIVULET_BAD_FRAME', message, { cause: known })
}
