/**
 * Headers: what a caller sends along with a request beside its value, as names and values.
 *
 * They are few and small, and what comes from outside is held to that.
 */
import type { Cursor } from '../avro/codec.js'
import { fail, readLong, readText, sizedBlock } from '../avro/read-primitives.js'
import { isWellFormed, writeLong, writeString } from '../avro/write-primitives.js'
import { invalidOption } from '../options/index.js'

/** The headers of one call; without a prototype, so that a name is never one of its own. */
export type CallHeaders = Readonly<Record<string, string>>

/** The headers of a call that has none. */
export const noHeaders: CallHeaders = Object.freeze(Object.create(null))

/** The largest number of headers of one call. */
export const maxHeaders = 64

/** What the headers of one call may take on the wire, in bytes. */
export const maxHeaderBytes = 16_384

/** At most so many bytes for the count and the length of one text. */
const lengthBytes = 5

/**
 * Copies a caller's headers into what a call takes; `undefined` if there are none.
 *
 * @throws RIVULET_INVALID_OPTION for more than 64 headers or 16 KiB, or for what is no text.
 */
export function prepareHeaders(subject: string, given: unknown): CallHeaders | undefined {
  if (given === undefined) return undefined
  const isRecord = typeof given === 'object' && given !== null && !Array.isArray(given)
  if (!isRecord) throw invalidOption(subject, 'headers', 'an object with texts', given)
  const entries = Object.entries(given)
  let bytes = lengthBytes
  for (const [name, value] of entries) {
    if (typeof value !== 'string' || !isWellFormed(name) || !isWellFormed(value)) {
      throw invalidOption(subject, `headers.${name}`, 'a text', value)
    }
    bytes += 2 * lengthBytes + Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  if (entries.length > maxHeaders || bytes > maxHeaderBytes) {
    throw invalidOption(subject, 'headers', `at most ${maxHeaders} texts of ${maxHeaderBytes} bytes together`, bytes)
  }
  return entries.length === 0 ? undefined : Object.freeze(Object.assign(Object.create(null), given))
}

/** Writes headers as an Avro map; there is room for its end and count. */
export function writeHeaders(bytes: Buffer, position: number, end: number, headers: CallHeaders): number {
  const names = Object.keys(headers)
  let p = writeLong(bytes, position, names.length)
  for (const name of names) {
    p = writeString(bytes, p, name, end)
    p = writeString(bytes, p, headers[name] as string, end)
  }
  bytes[p++] = 0
  return p
}

/** Reads an Avro map of texts; throws what readers throw for anything malformed or beyond the limits. */
export function readHeaders(bytes: Buffer, cursor: Cursor, end: number): CallHeaders {
  const limit = Math.min(end, cursor.position + maxHeaderBytes)
  const headers: Record<string, string> = Object.create(null)
  let total = 0
  for (;;) {
    let count = readLong(bytes, cursor, limit)
    if (count === 0) return headers
    if (count < 0) count = sizedBlock(bytes, cursor, limit, count)
    total += count
    if (total > maxHeaders) fail(`a request has more than ${maxHeaders} headers`)
    for (; count > 0; count--) {
      const name = readShortText(bytes, cursor, limit)
      headers[name] = readShortText(bytes, cursor, limit)
    }
  }
}

function readShortText(bytes: Buffer, cursor: Cursor, limit: number): string {
  const length = readLong(bytes, cursor, limit)
  const start = cursor.position
  if (length < 0 || length > limit - start) fail('a header is longer than what is left of the headers')
  cursor.position = start + length
  return readText(bytes, start, start + length)
}
