/**
 * Logical types: how a timestamp, a date, a decimal and a UUID look in JavaScript and on the wire.
 *
 * Each `…ToWire` returns `undefined` for a value that it does not take, each `…FromWire` for bytes that stand for
 * nothing; the caller knows which error to raise. Source: Avro specification, Logical Types.
 */
import { schemaLimits } from './limits.js'

const millisecondsPerDay = 86_400_000
const greatestMilliseconds = 8_640_000_000_000_000 // of a Date, ECMAScript 21.4.1.1
const firstDay = -719_528 // 0000-01-01
const lastDay = 2_932_896 // 9999-12-31
const dateRule = /^(\d{4})-(\d{2})-(\d{2})$/
const decimalRule = /^(-?)(\d+)(?:\.(\d+))?$/
const uuidRule = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Returns the milliseconds of a valid `Date`. */
export function timestampToWire(value: unknown): number | undefined {
  if (!(value instanceof Date)) return undefined
  const milliseconds = value.getTime()
  return Number.isNaN(milliseconds) ? undefined : milliseconds
}

/** Returns the `Date` of milliseconds, if they are within its range. */
export function timestampFromWire(milliseconds: number): Date | undefined {
  return Math.abs(milliseconds) <= greatestMilliseconds ? new Date(milliseconds) : undefined
}

/** Returns the days since 1970-01-01 of a date written as `YYYY-MM-DD`, if there is such a day. */
export function dateToWire(value: unknown): number | undefined {
  if (typeof value !== 'string' || !dateRule.test(value)) return undefined
  const days = Date.parse(`${value}T00:00:00.000Z`) / millisecondsPerDay
  return dateFromWire(days) === value ? days : undefined
}

/** Returns a day as `YYYY-MM-DD`, if its year has four digits. */
export function dateFromWire(days: number): string | undefined {
  if (!(days >= firstDay && days <= lastDay)) return undefined
  return new Date(days * millisecondsPerDay).toISOString().slice(0, 10)
}

/** Tells whether a value is a UUID in the form of RFC 4122. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && value.length === 36 && uuidRule.test(value)
}

/** Returns the 16 bytes of a UUID. */
export function uuidToWire(value: unknown): Buffer | undefined {
  return isUuid(value) ? Buffer.from(value.replaceAll('-', ''), 'hex') : undefined
}

/** Returns 16 bytes as a UUID in lower case. */
export function uuidFromWire(bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/**
 * Returns a decimal as a big-endian two's complement of its unscaled value.
 *
 * Exact: a value with more digits than the schema has is not taken, unless they are zeros behind the point.
 *
 * @param size - Bytes of a fixed; without it, as few as possible.
 */
export function decimalToWire(value: unknown, precision: number, scale: number, size?: number): Buffer | undefined {
  if (typeof value !== 'string' || value.length > schemaLimits.decimalDigits * 2 + 2) return undefined
  const [, sign, whole = '', fraction = ''] = decimalRule.exec(value) ?? []
  if (sign === undefined || /[1-9]/.test(fraction.slice(scale))) return undefined
  const digits = (whole + fraction.slice(0, scale).padEnd(scale, '0')).replace(/^0+/, '')
  if (digits.length > precision) return undefined
  let unscaled = digits === '' ? 0n : BigInt(digits)
  if (sign === '-') unscaled = -unscaled
  const length = size ?? leastLength(unscaled)
  const bits = BigInt(length * 8)
  if (BigInt.asIntN(length * 8, unscaled) !== unscaled) return undefined
  const twos = unscaled < 0n ? unscaled + (1n << bits) : unscaled
  return Buffer.from(length === 0 ? '' : twos.toString(16).padStart(length * 2, '0'), 'hex')
}

/** Returns the decimal of a two's complement, with exactly `scale` digits behind the point. */
export function decimalFromWire(bytes: Buffer, precision: number, scale: number): string | undefined {
  let start = 0 // bytes that only repeat the sign do not count: else a long row of zeros would cost much
  while (start + 1 < bytes.length && isSignOnly(bytes, start)) start++
  if ((bytes.length - start) * 2 > precision + 2) return undefined // a byte holds more than two decimal digits
  const hex = bytes.toString('hex', start)
  const unscaled = hex === '' ? 0n : BigInt.asIntN((bytes.length - start) * 8, BigInt(`0x${hex}`))
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString()
  if (unscaled !== 0n && digits.length > precision) return undefined
  const padded = digits.padStart(scale + 1, '0')
  const point = padded.length - scale
  const text = scale === 0 ? padded : `${padded.slice(0, point)}.${padded.slice(point)}`
  return unscaled < 0n ? `-${text}` : text
}

/** Returns how many decimal digits any number of this many bytes can hold. */
export function digitsOfBytes(size: number): number {
  return size === 0 ? 0 : Math.floor(Math.log10(2) * (8 * size - 1))
}

function isSignOnly(bytes: Buffer, at: number): boolean {
  const sign = bytes[at]
  const next = bytes[at + 1] ?? 0
  return (sign === 0 && next < 0x80) || (sign === 0xff && next >= 0x80)
}

function leastLength(unscaled: bigint): number {
  const magnitude = unscaled < 0n ? -unscaled - 1n : unscaled
  return Math.floor(magnitude === 0n ? 0 : magnitude.toString(2).length / 8) + 1
}
