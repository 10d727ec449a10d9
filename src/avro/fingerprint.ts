/**
 * CRC-64-AVRO, the 64-bit Rabin fingerprint of Avro (specification, Schema Fingerprints).
 *
 * It tells schemas apart, and is no defence against a forger: `schemaId` of a codec is.
 */

const empty = 0xc15d213aa4d7a795n
const emptyLow = 0xa4d7a795
const emptyHigh = 0xc15d213a

const low = new Uint32Array(256)
const high = new Uint32Array(256)
for (let byte = 0; byte < 256; byte++) {
  let print = BigInt(byte)
  for (let bit = 0; bit < 8; bit++) print = (print >> 1n) ^ (print & 1n ? empty : 0n)
  low[byte] = Number(print & 0xffffffffn)
  high[byte] = Number(print >> 32n)
}

/** Returns the fingerprint of a canonical form, little-endian as in Avro's single-object encoding. */
export function crc64Avro(canonicalForm: string): Buffer {
  let lower = emptyLow
  let upper = emptyHigh
  for (const byte of Buffer.from(canonicalForm)) {
    const index = (lower ^ byte) & 0xff
    lower = ((lower >>> 8) | (upper << 24)) ^ (low[index] as number)
    upper = (upper >>> 8) ^ (high[index] as number)
  }
  const print = Buffer.alloc(8)
  print.writeUInt32LE(lower >>> 0, 0)
  print.writeUInt32LE(upper >>> 0, 4)
  return print
}

/** Returns a fingerprint as 16 hexadecimal digits, the most significant first. */
export function fingerprintDigits(print: Buffer): string {
  return Buffer.from(print).reverse().toString('hex')
}
