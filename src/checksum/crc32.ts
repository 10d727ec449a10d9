/**
 * CRC-32 as in zlib (RFC 1952 §8), quick for few bytes as well as for many.
 *
 * It finds damage by accident. It is no protection against anyone who means to deceive.
 */
import { crc32 as zlibCrc32 } from 'node:zlib'

/** Up to here the checksum is worked out here, in bytes: a call of zlib, and the view that it takes, cost more. */
const shortBytes = 256

/**
 * The remainders of each byte by CRC-32's polynomial, 0xedb88320 in reflected form: of the byte itself, and then of the byte with one,
 * two and three zero bytes behind it, so that four bytes take one step (slicing-by-4, Kounavis and Berry 2005).
 */
const remainders = new Uint32Array(4 * 256)
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
  remainders[byte] = remainder
}
for (let at = 256; at < remainders.length; at++) {
  const shorter = remainders[at - 256] as number
  remainders[at] = (shorter >>> 8) ^ (remainders[shorter & 0xff] as number)
}

/** The checksum of the bytes from `start` to `end`, after bytes whose checksum was `before`. */
export function crc32(bytes: Uint8Array, start: number, end: number, before = 0): number {
  if (end - start > shortBytes) return zlibCrc32(bytes.subarray(start, end), before)
  let sum = ~before
  let at = start
  for (; at + 4 <= end; at += 4) {
    sum ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    sum =
      (remainders[768 + (sum & 0xff)] as number) ^
      (remainders[512 + ((sum >>> 8) & 0xff)] as number) ^
      (remainders[256 + ((sum >>> 16) & 0xff)] as number) ^
      (remainders[sum >>> 24] as number)
  }
  for (; at < end; at++) {
    sum = (sum >>> 8) ^ (remainders[(sum ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~sum >>> 0
}
