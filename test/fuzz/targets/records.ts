/** The frames that are one record each: hellos and their answers, challenges and proofs, and what subscribers ask. */
import type { Schema } from '../../../src/avro/index.js'
import {
  readChallenge,
  readHello,
  readProof,
  readRefusal,
  readWelcome,
  writeChallenge,
  writeHello,
  writeProof,
  writeRefusal,
  writeWelcome,
} from '../../../src/session/handshake.js'
import { readRecordFrame, TopicAnswer, TopicRequest, writeRecordFrame } from '../../../src/wire/index.js'
import { frameKind } from '../../../src/wire/prelude.js'
import { settings } from '../../session/link-pair.js'
import type { Random } from '../../simulation/random.js'
import { mutateFrame } from '../mutate.js'
import { outcomeOf, type Target } from '../target.js'

const { limits } = settings
const extensions = { a: Buffer.from('b'), longer: Buffer.alloc(40, 7) }
const connection = 3
const hello = { minVersion: 1, maxVersion: 2, capabilities: ['proof', 'x'], session: Buffer.alloc(16, 5), connection }
const nonce = Buffer.alloc(32, 1)
const publicKey = Buffer.alloc(32, 2)

const answered = {
  version: 1,
  capabilities: ['proof'],
  connection,
  resumed: true,
  received: 2 ** 33,
  limits,
  extensions,
}

/** For each kind a frame, and its reader. */
const handshakes: readonly (readonly [Buffer, (frame: Buffer) => unknown])[] = [
  [writeHello({ ...hello, resume: true, received: 7, limits, extensions }), readHello],
  [writeWelcome(answered), readWelcome],
  [writeRefusal(connection, 'reset', 'a message that says why'), readRefusal],
  [writeChallenge({ connection, nonce, publicKey, extensions }), readChallenge],
  [writeProof({ connection, publicKey, nonce, mac: Buffer.alloc(32, 3), extensions }), readProof],
]

const codes = ['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME']

/** Frames of the handshake of links. */
export const handshake: Target = {
  codes: [...codes, 'RIVULET_PROTOCOL_VIOLATION'],
  share: 200_000,
  begin: (random) => {
    const originals = handshakes.map(([frame]) => frame)
    return () => {
      const [original, read] = random.pick(handshakes)
      const frame = mutateFrame(random, original, originals)
      return outcomeOf(() => read(frame))
    }
  },
}

/** Requests of subscribers, and answers of publishers. */
export const topics: Target = {
  codes,
  share: 100_000,
  begin: (random) => {
    const request = { kind: 'ready', inbox: Buffer.from('inbox'), nonce: Buffer.alloc(16, 4), extensions }
    const answer = {
      nonce: Buffer.alloc(16, 4),
      source: Buffer.alloc(8, 6),
      position: 77,
      time: new Date(0),
      extensions,
    }
    const of = recordReader(random, Buffer.from('topic'))
    const readers = [of(TopicRequest, request, frameKind.request), of(TopicAnswer, answer, frameKind.answer)]
    return () => random.pick(readers)()
  },
}

function recordReader(random: Random, topic: Buffer) {
  return (schema: unknown, value: unknown, kind: number) => {
    const known = schema as Schema
    const original = writeRecordFrame(known, value, kind, topic)
    return () => {
      const frame = mutateFrame(random, original, [original], topic)
      return outcomeOf(() => readRecordFrame(known, frame, kind, topic))
    }
  }
}
