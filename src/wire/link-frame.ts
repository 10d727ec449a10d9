/**
 * Link frames as bytes: a header, then an Avro array of items.
 *
 * The hot path of links, by hand; tests hold it to the codecs of `link-schemas.ts`. What items mean, and which frames
 * are in order, is checked by sessions.
 */
import type { Cursor } from '../avro/codec.js'
import { fail, readInt, readLong, sizedBlock } from '../avro/read-primitives.js'
import { writeLong } from '../avro/write-primitives.js'
import { frameKind, preludeBytes, sealFrame } from './prelude.js'

/** Free bytes before the items of a frame: the prelude, four numbers, the extensions and the count of the array. */
export const linkHeaderRoom = preludeBytes + 10 + 10 + 10 + 10 + 1 + 5

/** The most bytes that an item takes beside its body. */
export const itemHeaderBytes = 10 + 5 + 5 + 5

/** The numbers of a link frame. */
export interface LinkNumbers {
  /** Which connection of the session it was sent on. */
  connection: number
  /** The number of the frame, counted from 1; that of the last one sent, if the frame has no items. */
  sequence: number
  /** The number of the last frame that the sender has received. */
  acknowledged: number
  /** The time of the sender's session clock, in milliseconds. */
  time: number
}

/** Items that were cut into a frame: they stand in a buffer with `linkHeaderRoom` free before them, and a byte behind. */
export interface CutItems {
  readonly slab: Buffer
  readonly start: number
  readonly end: number
  readonly count: number
}

/** Where the items of a frame were left. */
export interface ItemCursor extends Cursor {
  /** Items of the current block of the array that were not handed out; 0 before the first block. */
  left: number
}

/** Takes the items of a frame, in order; their bodies are lent. */
export interface ItemTaker {
  /** Returns whether to continue. */
  takeItem(
    stream: number,
    kind: number,
    flags: number,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): boolean
}

const header = Buffer.alloc(linkHeaderRoom)

/** Writes prelude and header before the items, where they stand. */
export function sealItems({ slab, start, end, count }: CutItems, numbers: LinkNumbers): Buffer {
  let size = writeNumbers(numbers)
  if (count > 0) size = writeLong(header, size, count)
  const at = start - size
  for (let i = 0; i < size; i++) slab[at + i] = header[i] as number
  slab[end] = 0
  const frame = slab.subarray(at - preludeBytes, end + 1)
  sealFrame(frame, frameKind.link, undefined)
  return frame
}

/** Makes the frame once more, in a buffer of its own: the first one belongs to the transport. */
export function copyItems({ slab, start, end, count }: CutItems, numbers: LinkNumbers): Buffer {
  const copy = Buffer.allocUnsafeSlow(linkHeaderRoom + (end - start) + 1)
  slab.copy(copy, linkHeaderRoom, start, end)
  return sealItems({ slab: copy, start: linkHeaderRoom, end: copy.length - 1, count }, numbers)
}

/** Makes a frame without items. */
export function emptyLinkFrame(numbers: LinkNumbers): Buffer {
  const slab = Buffer.allocUnsafe(linkHeaderRoom + 1)
  return sealItems({ slab, start: linkHeaderRoom, end: linkHeaderRoom, count: 0 }, numbers)
}

function writeNumbers({ connection, sequence, acknowledged, time }: LinkNumbers): number {
  let p = writeLong(header, 0, connection)
  p = writeLong(header, p, sequence)
  p = writeLong(header, p, acknowledged)
  p = writeLong(header, p, time)
  header[p++] = 0 // no extensions
  return p
}

/**
 * Reads the header of a link frame whose prelude was opened, and leaves the cursor before its items.
 *
 * Throws what codecs throw.
 */
export function readLinkNumbers(bytes: Buffer, cursor: Cursor, numbers: LinkNumbers): void {
  const end = bytes.length
  cursor.position = preludeBytes
  numbers.connection = readInt(bytes, cursor, end)
  numbers.sequence = readLong(bytes, cursor, end)
  numbers.acknowledged = readLong(bytes, cursor, end)
  numbers.time = readLong(bytes, cursor, end)
  if (numbers.sequence < 0 || numbers.acknowledged < 0) fail('a link frame has a negative number')
  skipExtensions(bytes, cursor, end)
}

/** Goes past a map of bytes: what later versions add there is not for this one. */
function skipExtensions(bytes: Buffer, cursor: Cursor, end: number): void {
  for (;;) {
    let count = readLong(bytes, cursor, end)
    if (count === 0) return
    if (count < 0) count = sizedBlock(bytes, cursor, end, count)
    // a key and a value take at least a byte each
    if (count > end - cursor.position) fail('a map claims more entries than it has bytes')
    for (; count > 0; count--) {
      skipBytes(bytes, cursor, end)
      skipBytes(bytes, cursor, end)
    }
  }
}

function skipBytes(bytes: Buffer, cursor: Cursor, end: number): void {
  const length = readLong(bytes, cursor, end)
  if (length < 0 || length > end - cursor.position) fail('a length is beyond the end')
  cursor.position += length
}

/**
 * Hands out the items behind the header until the taker has enough; returns whether it has taken all of them.
 *
 * The cursor stands behind the last item that was taken: another call continues there. Throws what codecs throw.
 */
export function readItems(bytes: Buffer, view: DataView, cursor: ItemCursor, taker: ItemTaker): boolean {
  const end = bytes.length
  let count = cursor.left
  for (;;) {
    if (count === 0) count = readLong(bytes, cursor, end)
    if (count === 0) break
    if (count < 0) count = sizedBlock(bytes, cursor, end, count)
    while (count > 0) {
      const stream = readLong(bytes, cursor, end)
      const kind = readInt(bytes, cursor, end)
      const flags = readInt(bytes, cursor, end)
      const length = readLong(bytes, cursor, end)
      const start = cursor.position
      if (length < 0 || length > end - start) fail('the body of an item is beyond the end of its frame')
      cursor.position = start + length
      count -= 1
      if (!taker.takeItem(stream, kind, flags, bytes, view, start, start + length)) {
        cursor.left = count
        return false
      }
    }
  }
  if (cursor.position !== end) fail('there is more behind the items of a frame')
  cursor.left = 0
  return true
}

/** Whether a frame has no items; the cursor stands where they would be, and stays. */
export function hasNoItems(bytes: Buffer, cursor: Cursor): boolean {
  return bytes[cursor.position] === 0 && cursor.position === bytes.length - 1
}
