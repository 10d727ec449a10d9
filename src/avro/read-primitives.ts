/**
 * What all readers call: every byte is checked against the end, every varint is at most 10 bytes.
 *
 * What is malformed throws a `Malformed`, which is cheap since an untrusted peer can cause it at will; `decode-failure.ts`
 * makes an error of it.
 */
import { isUtf8 } from 'node:buffer'
import type { Cursor } from './cursor.js'
import { valueLimits } from './limits.js'
import { dateFromWire, decimalFromWire, isUuid, timestampFromWire, uuidFromWire } from './logical.js'

/** What is wrong with bytes; not an `Error`, so that a flood of bad messages costs no stack traces. */
export class Malformed {
  /** What is wrong, never the bytes. */
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** What is wrong with a value alone: its bytes are as its writer's schema says, so what is behind it can be found. */
export class Unfit extends Malformed {}

/** A value that the writer's schema allows and the reader's has no place for. */
export class Unresolvable extends Unfit {
  /** The path of the field. */
  readonly path: string

  constructor(path: string, reason: string) {
    super(reason)
    this.path = path
  }
}

interface FastBuffer extends Buffer {
  utf8Slice(start: number, end: number): string
}

const two27 = 134_217_728

/** Throws for malformed bytes. */
export function fail(reason: string): never {
  throw new Malformed(reason)
}

/** Throws for a value that its writer may write and this side cannot hold. */
export function unfit(reason: string): never {
  throw new Unfit(reason)
}

/** Throws for bytes that end too soon. */
export function short(): never {
  throw new Malformed('the bytes end within the value')
}

/** Throws for a byte that is no boolean. */
export function notBoolean(): never {
  return fail('a boolean is neither 0 nor 1')
}

/** Throws for an index beyond the symbols of an enum. */
export function noSymbol(): never {
  return fail('there is no such symbol of the enum')
}

/** Throws for an index beyond the branches of a union. */
export function noBranch(): never {
  return fail('there is no such branch of the union')
}

/** Throws for records beyond the limit of depth. */
export function tooDeep(): never {
  return fail('records are nested too deep')
}

/** Throws for a block whose items cannot be in the bytes that are left. */
export function tooManyItems(): never {
  return fail('a block has more items than bytes')
}

/** Throws for items without bytes beyond their limit. */
export function tooManyZeros(): never {
  return fail('too many items without bytes')
}

/** Throws for a value that schema resolution has no place for. */
export function unresolvable(path: string, reason: string): never {
  throw new Unresolvable(path, reason)
}

/** Reads a long as a number, exact or refused. */
export function readLong(bytes: Buffer, cursor: Cursor, end: number): number {
  let p = cursor.position
  let low = 0
  let shift = 0
  let byte: number
  do {
    if (p >= end) short()
    byte = bytes[p++] as number
    low |= (byte & 0x7f) << shift
    shift += 7
  } while (byte & 0x80 && shift < 28)
  if (!(byte & 0x80)) {
    cursor.position = p
    return (low >>> 1) ^ -(low & 1)
  }
  // half of the zigzag number, its sign bit kept apart: exact up to 2^53
  let half = low >>> 1
  let factor = two27
  for (let count = 4; byte & 0x80; count++) {
    if (p >= end) short()
    if (count === 10) fail('a varint is longer than 10 bytes')
    byte = bytes[p++] as number
    half += (byte & 0x7f) * factor
    factor *= 128
  }
  cursor.position = p
  const value = low & 1 ? -half - 1 : half
  if (!Number.isSafeInteger(value)) unfit('a long is beyond what a number holds exactly; define the schema with bigint')
  return value
}

/** Reads an int; a varint beyond 32 bits is refused. */
export function readInt(bytes: Buffer, cursor: Cursor, end: number): number {
  const value = readLong(bytes, cursor, end)
  if (value !== (value | 0)) fail('an int is beyond 32 bits')
  return value
}

/** Reads a long as a bigint; a varint beyond 64 bits is refused. */
export function readBigLong(bytes: Buffer, cursor: Cursor, end: number): bigint {
  let p = cursor.position
  let low = 0 // the first 28 bits
  let middle = 0 // the next 28
  let high = 0 // the last 8
  let byte: number
  let count = 0
  do {
    if (p >= end) short()
    byte = bytes[p++] as number
    if (count < 4) low |= (byte & 0x7f) << (7 * count)
    else if (count < 8) middle |= (byte & 0x7f) << (7 * (count - 4))
    else if (count === 8) high = byte & 0x7f
    else if (byte > 1) fail('a varint is longer than 64 bits')
    else high |= byte << 7
    count++
  } while (byte & 0x80)
  cursor.position = p
  if (high === 0 && middle < 0x1000000) {
    const half = (low >>> 1) + middle * two27
    return BigInt(low & 1 ? -half - 1 : half)
  }
  const zigzag = (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low)
  return zigzag & 1n ? -(zigzag >> 1n) - 1n : zigzag >> 1n
}

/** Goes past a long; a varint beyond 64 bits is refused. */
export function skipLong(bytes: Buffer, cursor: Cursor, end: number): void {
  let p = cursor.position
  for (let count = 1; ; count++) {
    if (p >= end) short()
    const byte = bytes[p++] as number
    if (count === 10 && byte > 1) fail('a varint is longer than 64 bits')
    if (byte < 128) break
  }
  cursor.position = p
}

/** Reads a long as the nearest number: for a reader whose type is float or double. */
export function readLongNear(bytes: Buffer, cursor: Cursor, end: number): number {
  return Number(readBigLong(bytes, cursor, end))
}

/** Returns the number of items of a block with a negative count, which has its size in bytes before its items. */
export function sizedBlock(bytes: Buffer, cursor: Cursor, end: number, count: number): number {
  const size = readLong(bytes, cursor, end)
  if (size < 0 || size > end - cursor.position) fail('a block has no valid size')
  return -count
}

/** Returns the string of UTF-8 bytes; invalid UTF-8 is refused. The caller has checked the end. */
export function readText(bytes: Buffer, start: number, end: number): string {
  const text = (bytes as FastBuffer).utf8Slice(start, end)
  // only a replacement character can stand for invalid bytes; text without one is not looked at twice
  if (text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) fail('a string is not valid UTF-8')
  return text
}

/** Returns a copy of bytes, so that a value does not keep its whole frame in memory. The caller has checked the end. */
export function readBytes(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafe(end - start)
  bytes.copy(copy, 0, start, end)
  return copy
}

/** Sets a key of a map, also `__proto__`, as a plain property. */
export function setKey(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true })
  } else {
    map[key] = value
  }
}

/** Counts the items without bytes of one value. */
export interface ZeroCount {
  count: number
}

/**
 * Returns the number of items of the next block of an array or a map, and 0 behind the last.
 *
 * @param least - Bytes that an item takes at least; if none, the items count against the limit of the whole value.
 */
export function nextBlock(bytes: Buffer, cursor: Cursor, end: number, least: number, zeros: ZeroCount): number {
  let count = readLong(bytes, cursor, end)
  if (count === 0) return 0
  if (count < 0) count = sizedBlock(bytes, cursor, end, count)
  if (least === 0) {
    zeros.count += count
    if (zeros.count > valueLimits.zeroByteItems) tooManyZeros()
  } else if (count > (end - cursor.position) / least) tooManyItems()
  return count
}

/** Returns the length of a string or of bytes, which are all there. */
export function readLength(bytes: Buffer, cursor: Cursor, end: number): number {
  const length = readLong(bytes, cursor, end)
  if (length < 0 || length > end - cursor.position) short()
  return length
}

/** Returns the `Date` of milliseconds. */
export function toTimestamp(milliseconds: number): Date {
  return timestampFromWire(milliseconds) ?? unfit('a timestamp is beyond the range of a Date')
}

/** Returns a day as text. */
export function toDate(days: number): string {
  return dateFromWire(days) ?? unfit('the year of a date does not have four digits')
}

/** Returns a decimal as text. */
export function toDecimal(bytes: Buffer, precision: number, scale: number): string {
  return decimalFromWire(bytes, precision, scale) ?? unfit('a decimal exceeds its precision')
}

/** Returns a UUID of text or of 16 bytes. */
export function toUuid(raw: string | Buffer): string {
  if (typeof raw !== 'string') return uuidFromWire(raw)
  return isUuid(raw) ? raw : unfit('a string is not a UUID')
}
