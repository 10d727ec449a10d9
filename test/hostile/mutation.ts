/** Changes of bytes by a seed, and of whole sessions: what a broken or hostile peer could send instead. */
import { crc32 } from 'node:zlib'
import type { SentPart } from '../support/raw-zmtp.js'
import { below, noise, oneOf } from './attack.js'

type Random = () => number

/** The bytes of a prelude: magic, version, kind, and the checksum. */
const checkAt = 4
const preludeBytes = 8

/** Numbers at the edges, in the variable-length form of Avro. */
const edges = [
  [0],
  [1],
  [0x7f],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f],
  Array(12).fill(0xff),
]

const changes: readonly ((bytes: Buffer, at: number, random: Random) => Buffer)[] = [
  // a bit
  (bytes, at, random) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(copy.readUInt8(at) ^ (1 << below(random, 8)), at)
    return copy
  },
  // a byte
  (bytes, at, random) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt8(below(random, 256), at)
    return copy
  },
  // a number
  (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from(oneOf(random, edges)), bytes.subarray(at + 1)]),
  // the end is missing
  (bytes, at) => bytes.subarray(0, at),
  // a piece is missing, or comes twice
  (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(random, 20))]),
  (bytes, at, random) => Buffer.concat([bytes.subarray(0, at + below(random, 20)), bytes.subarray(at)]),
  // there is more
  (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), noise(random, 1 + below(random, 30)), bytes.subarray(at)]),
]

/** Bytes with one to three changes. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  let result = bytes
  for (let left = 1 + below(random, 3); left > 0 && result.length > 0; left--) {
    result = oneOf(random, changes)(result, below(random, result.length), random)
  }
  return result
}

/** A frame with changes behind its prelude, whose checksum is right. */
export function mutatedAndSealed(frame: Buffer, topic: Buffer, random: Random): Buffer {
  if (frame.length <= preludeBytes) return mutated(frame, random)
  const copy = Buffer.concat([frame.subarray(0, preludeBytes), mutated(frame.subarray(preludeBytes), random)])
  copy.writeUInt32BE(crc32(copy.subarray(preludeBytes), crc32(copy.subarray(0, checkAt), crc32(topic))), checkAt)
  return copy
}

/** The parts of a session with changes: parts that are changed, missing, repeated, in another order, or joined. */
export function mutatedSession(parts: readonly SentPart[], random: Random): SentPart[] {
  let topic: Buffer = Buffer.alloc(0)
  const changed = parts.flatMap(({ body, more }): SentPart[] => {
    const draw = random()
    const before = topic
    topic = more ? body : Buffer.alloc(0)
    if (draw < 0.35) return [{ body, more }]
    if (draw < 0.65) return [{ body: mutatedAndSealed(body, before, random), more }]
    if (draw < 0.8) return [{ body: mutated(body, random), more }]
    if (draw < 0.85) return []
    if (draw < 0.95)
      return [
        { body, more },
        { body, more },
      ]
    return [{ body, more: !more }]
  })
  const [one, other] = [below(random, changed.length + 1), below(random, changed.length + 1)]
  if (random() < 0.2 && changed[one] && changed[other]) [changed[one], changed[other]] = [changed[other], changed[one]]
  return changed
}
