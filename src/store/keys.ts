/**
 * Keys and their bounds: what a store accepts, and numbers as keys that are in order bytewise.
 *
 * How the keys of a queue are made up is not known here.
 */
import { invalidOption } from '../options/index.js'
import type { Change } from './store.js'

/** The longest key. */
export const maxKeyBytes = 64

/** The largest value: the largest message of a link, and room for what is kept with it. */
export const maxValueBytes = 16_777_216 + 65_536

const high = 0x1_0000_0000

/** Writes a safe integer as 8 bytes big-endian, so that numbers are in order bytewise. */
export function writeU64(into: Uint8Array, value: number, at = 0): void {
  if (!(Number.isSafeInteger(value) && value >= 0)) {
    throw invalidOption('writeU64', 'value', 'a whole number from 0 to 2 ** 53 - 1', value)
  }
  writeU32(into, Math.floor(value / high), at)
  writeU32(into, value % high, at + 4)
}

/** Reads what `writeU64` wrote; NaN if it is beyond the safe integers. */
export function readU64(from: Uint8Array, at = 0): number {
  const upper = readU32(from, at)
  return upper < 0x20_0000 ? upper * high + readU32(from, at + 4) : Number.NaN
}

/** The length of a value, in one or several parts. */
export function valueLength(value: Uint8Array | readonly Uint8Array[]): number {
  if (value instanceof Uint8Array) return value.length
  let length = 0
  for (const part of value) length += part.length
  return length
}

/**
 * Checks the bounds of a batch; nothing of it may have been written before.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function checkBatch(batch: readonly Change[]): void {
  for (const { key, value } of batch) {
    checkKey('write', key)
    if (value === undefined) continue
    const length = valueLength(value)
    if (length > maxValueBytes) throw invalidOption('write', 'value', `at most ${maxValueBytes} bytes`, length)
  }
}

/**
 * Checks the bounds of a key.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function checkKey(subject: string, key: Uint8Array): void {
  if (key.length === 0 || key.length > maxKeyBytes) {
    throw invalidOption(subject, 'key', `of 1 to ${maxKeyBytes} bytes`, key.length)
  }
}

function writeU32(into: Uint8Array, value: number, at: number): void {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
}

/** Reads four bytes, big-endian. */
function readU32(from: Uint8Array, at: number): number {
  const [first, second, third, fourth] = [from[at], from[at + 1], from[at + 2], from[at + 3]] as [
    number,
    number,
    number,
    number,
  ]
  return ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0
}
