/**
 * What generated writers call: integers, strings and bytes onto a buffer, every one within its end.
 *
 * `writeInt` and `writeLong` leave the check for room to the caller, who checks once for a run of fields; the others
 * check for themselves. An integer takes at most 10 bytes, and no check asks for more than 64 bytes beyond the value.
 */
import { bufferFull } from './buffer-full.js'

/** Thrown, this very value, for a value that does not fit its schema; `explain` finds out why. */
export const misfit: unique symbol = Symbol('rivulet.misfit')

/** The methods of `Buffer` without argument checks, which its type leaves out. */
interface FastBuffer extends Buffer {
  utf8Write(text: string, position: number, length: number): number
}

/** The method of ECMAScript 2024, which every supported Node has and the library of types not yet. */
interface WellFormed {
  isWellFormed(): boolean
}

const shortText = 63 // the greatest length that takes one byte
const two27 = 134_217_728

/** Throws for a value that does not fit. */
export function refuse(): never {
  throw misfit
}

/** Throws for a buffer without room. */
export function full(): never {
  throw bufferFull
}

/** Writes a safe integer as a zigzag varint; the caller has checked for room of 10 bytes. */
export function writeLong(bytes: Buffer, position: number, value: number): number {
  let p = position
  if (value >= -1_073_741_824 && value < 1_073_741_824) {
    let zigzag = (value << 1) ^ (value >> 31)
    while (zigzag & ~0x7f) {
      bytes[p++] = (zigzag & 0x7f) | 0x80
      zigzag >>>= 7
    }
    bytes[p++] = zigzag
    return p
  }
  // the zigzag number is 2m or 2m+1; m is split so that each part stays an exact integer
  const m = value >= 0 ? value : -value - 1
  let low = m % two27
  let high = (m - low) / two27
  low = low * 2 + (value < 0 ? 1 : 0)
  bytes[p++] = (low & 0x7f) | 0x80
  bytes[p++] = ((low >>> 7) & 0x7f) | 0x80
  bytes[p++] = ((low >>> 14) & 0x7f) | 0x80
  bytes[p++] = (low >>> 21) | (high === 0 ? 0 : 0x80)
  while (high >= 128) {
    bytes[p++] = (high & 0x7f) | 0x80 // & takes the low 32 bits of the integer, which is exact
    high = Math.floor(high / 128)
  }
  if (high > 0) bytes[p++] = high
  return p
}

/** Writes a 64-bit integer as a zigzag varint; the caller has checked for room of 10 bytes. */
export function writeBigLong(bytes: Buffer, position: number, value: bigint): number {
  const near = Number(value)
  if (Number.isSafeInteger(near)) return writeLong(bytes, position, near)
  if (BigInt.asIntN(64, value) !== value) throw misfit
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  let p = position
  while (zigzag > 0x7fn) {
    bytes[p++] = Number(zigzag & 0x7fn) | 0x80
    zigzag >>= 7n
  }
  bytes[p++] = Number(zigzag)
  return p
}

/** Writes a string with its length. */
export function writeString(bytes: Buffer, position: number, text: string, end: number): number {
  const length = text.length
  if (length <= shortText) {
    // as if it were ASCII: one byte of length, one a character
    if (position + length >= end) throw bufferFull
    let i = 0
    while (i < length) {
      const code = text.charCodeAt(i++)
      if (code > 0x7f) return writeUtf8(bytes, position, text, end)
      bytes[position + i] = code
    }
    bytes[position] = length << 1
    return position + length + 1
  }
  return writeUtf8(bytes, position, text, end)
}

function writeUtf8(bytes: Buffer, position: number, text: string, end: number): number {
  const guess = text.length
  if (guess > shortText && position + guess + 9 <= end) {
    // again as if it were ASCII; any other text takes more bytes, and with 4 to spare its next character is written
    const p = writeLong(bytes, position, guess)
    if ((bytes as FastBuffer).utf8Write(text, p, guess + 4) === guess) return p + guess
  }
  const length = Buffer.byteLength(text)
  if (length !== text.length && !isWellFormed(text)) throw misfit
  if (position + 5 + length > end) throw bufferFull
  const p = writeLong(bytes, position, length)
  ;(bytes as FastBuffer).utf8Write(text, p, length)
  return p + length
}

/** Tells whether text can be written as UTF-8: no half of a surrogate pair stands alone. */
export function isWellFormed(text: string): boolean {
  return (text as unknown as WellFormed).isWellFormed()
}

/** Writes bytes with their length. */
export function writeBytes(bytes: Buffer, position: number, value: Uint8Array, end: number): number {
  const length = value.length
  if (position + 5 + length > end) throw bufferFull
  const p = writeLong(bytes, position, length)
  bytes.set(value, p)
  return p + length
}

/** Tells whether a value can be written as a map: an object that is not of a kind that keeps its contents elsewhere. */
export function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !(value instanceof Uint8Array || value instanceof Date || value instanceof Map || value instanceof Set)
}

/** Returns the only own key of an object, the branch of a wrapped union; `undefined` if there is not exactly one. */
export function onlyKey(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const keys = Object.keys(value)
  return keys.length === 1 ? keys[0] : undefined
}
