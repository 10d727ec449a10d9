/**
 * The first eight bytes of every frame: whose protocol, which version, which kind of frame, and the checksum.
 *
 * `docs/reference/protocol` §Prelude. As Avro: `{ magic: fixed(2), version: int, kind: int, check: fixed(4) }`, where both ints
 * are below 64 and so take one byte each. The frame kinds define what follows the prelude.
 */
import { crc32 } from '../checksum/index.js'
import { RivuletError } from '../errors/index.js'

/** The bytes of the prelude. */
export const preludeBytes = 8

/** What the number in the prelude means. */
export const frameKind = {
  data: 1,
  request: 2,
  answer: 3,
  link: 4,
  hello: 5,
  welcome: 6,
  refusal: 7,
  challenge: 8,
  proof: 9,
  streamRefusal: 10,
  datagram: 11,
  datagramSchema: 12,
  datagramRequest: 13,
} as const

const magic0 = 0x52 // R
const magic1 = 0x76 // v
const version = 1
const checkAt = 4

/** Writes the prelude of a frame that begins at `start` of its buffer, and whose other bytes are final. */
export function sealFrame(frame: Buffer, kind: number, topic: Buffer | undefined, start = 0): void {
  frame[start] = magic0
  frame[start + 1] = magic1
  frame[start + 2] = version << 1 // zigzag
  frame[start + 3] = kind << 1
  frame.writeUInt32BE(checksum(frame, topic, start), start + checkAt)
}

/** Whose frame it is, by its first bytes. */
export type PreludeMatch = 'ours' | 'foreign' | 'other-version'

/** The bytes of a prelude that `matchPrelude` looks at. */
export const matchedBytes = 3

/** Tells whose frame begins at `at`, before the rest of it is there. */
export function matchPrelude(bytes: Uint8Array, at: number): PreludeMatch {
  if (bytes[at] !== magic0 || bytes[at + 1] !== magic1) return 'foreign'
  return bytes[at + 2] === version << 1 ? 'ours' : 'other-version'
}

/**
 * Checks the prelude and returns the kind of the frame.
 *
 * @throws RIVULET_BAD_FRAME, RIVULET_CORRUPT_FRAME
 */
export function openPrelude(frame: Buffer, topic: Buffer | undefined): number {
  if (frame.length < preludeBytes || frame[0] !== magic0 || frame[1] !== magic1) {
    throw new RivuletError('RIVULET_BAD_FRAME', `a frame of ${frame.length} bytes is not one of Rivulet's`)
  }
  const spoken = frame[2] as number
  if (spoken !== version << 1) {
    throw new RivuletError(
      'RIVULET_BAD_FRAME',
      `a frame has protocol version ${spoken >> 1}; this side speaks ${version}`,
    )
  }
  if (frame.readUInt32BE(checkAt) !== checksum(frame, topic)) {
    throw new RivuletError('RIVULET_CORRUPT_FRAME', `the checksum of a frame of ${frame.length} bytes does not match`)
  }
  return claimedKind(frame)
}

/** Returns the kind that a frame claims, before anything of it is checked. */
export function claimedKind(frame: Uint8Array): number {
  const kind = frame[3] as number
  return (kind >> 1) ^ -(kind & 1)
}

/** What the checksum comes to after the first four bytes, by the fourth: where no topic goes before them, no other differs. */
const headChecksums = Uint32Array.from({ length: 256 }, (_, last) =>
  crc32(Buffer.of(magic0, magic1, version << 1, last), 0, checkAt),
)

/** CRC-32 of everything but the check itself, the topic first. */
function checksum(frame: Buffer, topic: Buffer | undefined, start = 0): number {
  const head = topic
    ? crc32(frame, start, start + checkAt, crc32(topic, 0, topic.length))
    : (headChecksums[frame[start + 3] as number] as number)
  return crc32(frame, start + preludeBytes, frame.length, head)
}

/** The error of a frame whose kind is not one that its reader takes. */
export function misplaced(kind: number): RivuletError {
  return new RivuletError('RIVULET_BAD_FRAME', `a frame of kind ${kind} does not belong here`)
}
