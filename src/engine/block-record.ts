/**
 * Blocks as records: a head that tells all about the messages, with a checksum of its own, and their bodies behind it.
 *
 * The checksum of the head and those of the bodies distinguish the messages of a damaged record: what is whole is
 * delivered. Layout: version, flags, count u32, time u64, schema id (16), bytes of the extras u32, checksum of the head u32;
 * lengths (u32 each), checks (u32 each), extras (JSON), bodies. All numbers are big-endian. With flag 1 the extras are
 * `{ sender, extras }`, without it the list alone.
 */
import { crc32 } from '../checksum/index.js'
import type { PeerIdentity } from '../security/index.js'
import { readU64, writeU64 } from '../store/index.js'

/** What only some messages of a block have. */
export interface BlockExtras {
  readonly index: number
  readonly id?: string
  readonly key?: string
  /** Not to be delivered from here on, in milliseconds since 1970. */
  readonly expires?: number
}

/** Messages that were stored together and have followed one another since. */
export interface Block {
  /** The position of the first. */
  readonly start: number
  readonly count: number
  /** When they were stored, in milliseconds since 1970. */
  readonly time: number
  readonly schemaId: Uint8Array
  readonly lengths: readonly number[]
  readonly checks: Uint8Array
  readonly bodies: Uint8Array
  readonly extras: readonly BlockExtras[]
  /** The sender, if it is known. */
  readonly sender?: PeerIdentity | undefined
  /** Messages whose bytes are not those that were sent, by index. */
  readonly bad?: ReadonlySet<number>
}

const version = 1
const fixedBytes = 38
const checkAt = 34
/** The flag of blocks whose sender is known. */
const hasSender = 1
const noExtras: readonly BlockExtras[] = []

/** A block as the parts of a record. */
export function encodeBlock(block: Block): Uint8Array[] {
  const { count, lengths, checks, extras, sender } = block
  const shown = sender ? { sender, extras } : extras
  const extrasBytes = sender || extras.length > 0 ? Buffer.from(JSON.stringify(shown)) : undefined
  const extrasAt = fixedBytes + 8 * count
  const head = Buffer.allocUnsafe(extrasAt + (extrasBytes?.length ?? 0))
  head[0] = version
  head[1] = sender ? hasSender : 0
  head.writeUInt32BE(count, 2)
  writeU64(head, block.time, 6)
  head.set(block.schemaId, 14)
  head.writeUInt32BE(extrasBytes?.length ?? 0, 30)
  let at = fixedBytes
  for (let index = 0; index < count; index++) at = head.writeUInt32BE(lengths[index] as number, at)
  head.set(checks, at)
  if (extrasBytes) head.set(extrasBytes, extrasAt)
  head.writeUInt32BE(headCheck(head, head.length), checkAt)
  return [head, block.bodies]
}

/** Reads a block; `undefined` if not even its head is whole. Of a damaged one, the bodies are looked at, too. */
export function decodeBlock(
  start: number,
  value: Uint8Array,
  intern: (schemaId: Uint8Array) => Uint8Array,
  damaged = false,
): Block | undefined {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  if (bytes.length < fixedBytes || bytes[0] !== version) return undefined
  const count = bytes.readUInt32BE(2)
  const extrasAt = fixedBytes + 8 * count
  const bodiesAt = extrasAt + bytes.readUInt32BE(30)
  if (bodiesAt > bytes.length) return undefined
  if (damaged && headCheck(bytes, bodiesAt) !== bytes.readUInt32BE(checkAt)) return undefined
  const lengths: number[] = new Array(count)
  for (let index = 0, at = fixedBytes; index < count; index++, at += 4) lengths[index] = bytes.readUInt32BE(at)
  const rest = bodiesAt > extrasAt ? JSON.parse(bytes.toString('utf8', extrasAt, bodiesAt)) : noExtras
  const isSent = ((bytes[1] as number) & hasSender) !== 0
  const block: Block = {
    start,
    count,
    time: readU64(bytes, 6),
    schemaId: intern(bytes.subarray(14, 30)),
    lengths,
    checks: bytes.subarray(fixedBytes + 4 * count, extrasAt),
    bodies: bytes.subarray(bodiesAt),
    extras: (isSent ? rest.extras : rest) as readonly BlockExtras[],
    sender: isSent ? (rest.sender as PeerIdentity) : undefined,
  }
  return damaged ? { ...block, bad: badBodies(block) } : block
}

/** Where a body begins in the bodies of its block. */
export function bodyStart(lengths: readonly number[], index: number): number {
  let at = 0
  for (let before = 0; before < index; before++) at += lengths[before] as number
  return at
}

/** The bytes of some bodies that follow one another. */
export function bytesOf(lengths: readonly number[], index: number, count: number): number {
  let bytes = 0
  for (let at = index; at < index + count; at++) bytes += lengths[at] as number
  return bytes
}

/** A check out of several. */
export function checkAtIndex(checks: Uint8Array, index: number): number {
  const at = 4 * index
  const high = ((checks[at] as number) << 24) | ((checks[at + 1] as number) << 16)
  return (high | ((checks[at + 2] as number) << 8) | (checks[at + 3] as number)) >>> 0
}

/** What a message of a block has beside its body. */
export function extrasAt<T extends { readonly index: number }>(extras: readonly T[], index: number): T | undefined {
  let low = 0
  let high = extras.length
  while (low < high) {
    const middle = (low + high) >> 1
    const found = extras[middle] as T
    if (found.index === index) return found
    if (found.index < index) low = middle + 1
    else high = middle
  }
  return undefined
}

function headCheck(bytes: Uint8Array, end: number): number {
  return crc32(bytes, fixedBytes, end, crc32(bytes, 0, checkAt))
}

function badBodies({ lengths, checks, bodies }: Pick<Block, 'lengths' | 'checks' | 'bodies'>): Set<number> {
  const bad = new Set<number>()
  let at = 0
  for (let index = 0; index < lengths.length; index++) {
    const end = at + (lengths[index] as number)
    if (end > bodies.length || crc32(bodies, at, end) !== checkAtIndex(checks, index)) bad.add(index)
    at = end
  }
  return bad
}
