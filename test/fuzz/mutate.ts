/** Mutations of valid bytes: some know nothing of what they change, some know how Avro writes numbers and lengths. */
import { sealFrame } from '../../src/wire/prelude.js'
import type { Random } from '../simulation/random.js'

const bytes = [0, 1, 2, 3, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xfe, 0xff]
const edges = [0, 1, -1, 2, 63, -64, 64, 8191, 65_535, 65_536, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 40]
const farEdges = [2 ** 53 - 1, -(2 ** 53) + 1, 2n ** 63n - 1n, -(2n ** 63n)]
const mutations = ['flip', 'set', 'insert', 'remove', 'cut', 'repeat', 'number', 'splice', 'swap'] as const
const longest = 1 << 17

/** Returns a number as Avro writes it. */
export function varint(value: number | bigint): Buffer {
  let zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const out: number[] = []
  for (; zigzag > 127n; zigzag >>= 7n) out.push(Number(zigzag & 127n) | 128)
  return Buffer.from([...out, Number(zigzag)])
}

/** Returns a number that readers may stumble over, most often a small one. */
export function edge(random: Random): number | bigint {
  if (random.chance(0.5)) return random.below(20) - 3
  return random.pick<number | bigint>(random.chance(0.7) ? edges : farEdges)
}

/** Returns a copy of bytes with one to four changes; `others` lend parts of theirs. */
export function mutate(random: Random, original: Buffer, others: readonly Buffer[]): Buffer {
  let changed: Buffer = Buffer.from(original)
  for (let count = 1 + random.below(1 + random.below(4)); count > 0; count--)
    changed = mutateOnce(random, changed, others)
  return changed.length > longest ? changed.subarray(0, longest) : changed
}

function mutateOnce(random: Random, old: Buffer, others: readonly Buffer[]): Buffer {
  const at = random.below(old.length + 1)
  const length = random.between(1, 12)
  const [before, after] = [old.subarray(0, at), old.subarray(at)]
  switch (random.pick(mutations)) {
    case 'flip':
      if (at < old.length) old[at] = (old[at] as number) ^ (1 << random.below(8))
      return old
    case 'set':
      if (at < old.length) old[at] = random.pick(bytes)
      return old
    case 'insert':
      return Buffer.concat([before, Buffer.alloc(length, random.pick(bytes)), after])
    case 'remove':
      return Buffer.concat([before, after.subarray(length)])
    case 'cut':
      return Buffer.from(random.chance(0.5) ? before : after)
    case 'repeat':
      return Buffer.concat([before, after.subarray(0, length), after])
    case 'number':
      return Buffer.concat([before, varint(edge(random)), after.subarray(random.below(3))])
    case 'splice': {
      const other = random.pick(others)
      return Buffer.concat([before, other.subarray(random.below(other.length + 1))])
    }
    case 'swap':
      return Buffer.concat([before, after.subarray(length), after.subarray(0, length)])
  }
}

/** Returns a frame with changes, most often behind its prelude and with a right check, so that it gets past the door. */
export function mutateFrame(random: Random, original: Buffer, others: readonly Buffer[], topic?: Buffer): Buffer {
  if (random.chance(0.1)) return mutate(random, original, others)
  const body = mutate(random, original.subarray(8), others)
  const kind = random.chance(0.95) ? (original[3] as number) >> 1 : random.below(12)
  return sealed(body, kind, topic)
}

/** Returns the frame of a body, with a right check. */
export function sealed(body: Buffer, kind: number, topic?: Buffer): Buffer {
  const frame = Buffer.concat([Buffer.alloc(8), body])
  sealFrame(frame, kind, topic)
  return frame
}
