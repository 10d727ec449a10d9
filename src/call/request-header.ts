/**
 * The head of a request, written and read by hand since every call has one; it comes to the same bytes as `CallRequest`.
 *
 * The call reads the request of the method, which follows.
 */
import { bufferFull, type Cursor } from '../avro/codec.js'
import { fail, readInt, readLong, sizedBlock, Unfit } from '../avro/read-primitives.js'
import { writeLong } from '../avro/write-primitives.js'
import { type CallHeaders, noHeaders, readHeaders, writeHeaders } from './headers.js'

/** The deadline of a call that has none. */
export const noDeadline = 0

/** A deadline that has passed, on the clock of any session. */
const passedDeadline = -1

/** Numbers of methods that one client may use; above them, the number on the wire has the number of the caller. */
export const maxMethods = 65_536

/** The highest number of a caller. */
export const maxCaller = 32_767

/** Method, deadline, the ends of two maps, and the count of one: what is written without a look at the room. */
const fixedRoom = 32

/** Writes the head of a request and returns the position after it. */
export function writeRequestHeader(
  bytes: Buffer,
  position: number,
  end: number,
  method: number,
  deadline: number,
  headers: CallHeaders | undefined,
): number {
  if (position + fixedRoom > end) throw bufferFull
  let p = writeLong(bytes, position, method)
  p = writeLong(bytes, p, deadline)
  if (headers === undefined) {
    bytes[p++] = 0
  } else {
    // two bytes are kept for the ends of both maps
    p = writeHeaders(bytes, p, end - 2, headers)
    if (p >= end) throw bufferFull
  }
  bytes[p++] = 0 // no extensions
  return p
}

/** The head of a request, read; one object serves all requests, one after the other. */
export class RequestHeader {
  method = 0
  /** The number of the caller, where the peer says one; 0 where it does not. */
  caller = 0
  /** On the session's clock; `noDeadline` if there is none. */
  deadline = noDeadline
  headers: CallHeaders = noHeaders

  /** Reads at the cursor and leaves it behind the head; throws what readers throw. */
  read(bytes: Buffer, cursor: Cursor, end: number): void {
    const called = readInt(bytes, cursor, end)
    this.method = called & (maxMethods - 1)
    this.caller = called >> 16
    this.deadline = readDeadline(bytes, cursor, end)
    if (bytes[cursor.position] === 0 && cursor.position < end) {
      cursor.position += 1
      this.headers = noHeaders
    } else {
      this.headers = readHeaders(bytes, cursor, end)
    }
    if (bytes[cursor.position] === 0 && cursor.position < end) cursor.position += 1
    else skipExtensions(bytes, cursor, end)
  }
}

/** Reads a deadline; one beyond the exact numbers is so far away that it is none, or so long ago that it has passed. */
function readDeadline(bytes: Buffer, cursor: Cursor, end: number): number {
  const isNegative = ((bytes[cursor.position] as number) & 1) === 1
  try {
    return readLong(bytes, cursor, end)
  } catch (cause) {
    if (!(cause instanceof Unfit)) throw cause
    return isNegative ? passedDeadline : noDeadline // `readLong` leaves the cursor behind the number
  }
}

/** Goes past a map of bytes that this version does not know. */
function skipExtensions(bytes: Buffer, cursor: Cursor, end: number): void {
  for (;;) {
    let count = readLong(bytes, cursor, end)
    if (count === 0) return
    if (count < 0) count = sizedBlock(bytes, cursor, end, count)
    for (let texts = count * 2; texts > 0; texts--) {
      const length = readLong(bytes, cursor, end)
      if (length < 0 || length > end - cursor.position) fail('an extension is longer than its request')
      cursor.position += length
    }
  }
}
