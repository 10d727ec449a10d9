/**
 * CRC-32 as in zlib (RFC 1952 §8), quick for few bytes as well as for many.
 *
 * It finds damage by accident. It is no protection against anyone who means to deceive.
 */
import { crc32 as zlibCrc32 } from 'node:zlib'

/** Up to here the checksum is worked out here, in bytes: a call of zlib, and the view that it takes, cost more. */
const shortBytes = 256

/** The remainder of each byte by CRC-32's polynomial, 0xedb88320 in reflected form. */
const remainders = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
  return remainder
})

/** The checksum of the bytes from `start` to `end`, after bytes whose checksum was `before`. */
export function crc32(bytes: Uint8Array, start: number, end: number, before = 0): number {
  if (end - start > shortBytes) return zlibCrc32(bytes.subarray(start, end), before)
  let sum = ~before
  for (let at = start; at < end; at++) {
    sum = (sum >>> 8) ^ (remainders[(sum ^ (bytes[at] as number)) & 0xff] as number)
  }
  return ~sum >>> 0
}
