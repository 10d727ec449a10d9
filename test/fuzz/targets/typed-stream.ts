/** Typed streams: a peer that says anything to a reader, in frames behind their lengths, cut anywhere. */

import type { FrameReader } from '../../../patterns/socket/stream/framing.js'
import { schemaFraming } from '../../../patterns/socket/stream/schema-framing.js'
import { defineSchema } from '../../../src/avro/index.js'
import type { CheckedSupply } from '../../../src/stream/index.js'
import { StreamRefusal } from '../../../src/wire/index.js'
import { frameKind } from '../../../src/wire/prelude.js'
import type { Random } from '../../simulation/random.js'
import { Job } from '../../support/job.js'
import { dataFrame } from '../../support/stranger.js'
import { VirtualClock } from '../../support/virtual-clock.js'
import { mutate, mutateFrame, sealed } from '../mutate.js'
import { type Target, taken } from '../target.js'

const Older = defineSchema({ type: 'record', name: 'Job', namespace: 'test', fields: [{ name: 'id', type: 'int' }] })
const maxMessageBytes = 65_536

const scope = (side: 'bind' | 'connect') => ({
  clock: new VirtualClock(),
  side,
  name: () => side,
  report() {},
  lose() {},
  wake() {},
})

/** The frames of an honest peer, without their lengths. */
function framesOf(outgoing: typeof Job): Buffer[] {
  const { writer } = schemaFraming({ outgoing, incoming: Job, maxMessageBytes }).open(scope('connect'))
  const frames = [...writer.take()]
  for (let count = 1; count < 4; count++) {
    for (let id = 0; id < count * count; id++) writer.write({ id, note: 'x'.repeat(id) })
    frames.push(...writer.take())
  }
  writer.end?.()
  frames.push(...writer.take())
  return frames.map(({ parts }) => Buffer.concat(parts).subarray(4))
}

const refusal = sealed(
  StreamRefusal.encode({ code: 'RIVULET_INVALID_SCHEMA', message: 'm', issues: [{ path: 'p', message: 'm' }] }),
  frameKind.streamRefusal,
)
const conversations = [framesOf(Job), framesOf(Older as unknown as typeof Job)]
const all = [...conversations.flat(), refusal]

/** An opening that announces a schema that may be none. */
function announcing(random: Random): Buffer {
  const text = JSON.stringify(random.pick([Job.json, Older.json, 'int', { type: 'array', items: 'null' }]))
  return dataFrame({
    kind: 'beacon',
    schema: random.chance(0.5) ? mutate(random, Buffer.from(text), [Buffer.from(text)]).toString() : text,
  })
}

function sized(random: Random, frame: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(random.chance(0.97) ? frame.length : random.below(2 ** 32))
  return Buffer.concat([length, frame])
}

/** Takes all messages; no more can be lost than there were. */
function takeAll(supply: CheckedSupply<Job>): void {
  const claimed = supply.remaining
  let accounted = 0
  while (supply.remaining > 0) {
    try {
      supply.take()
      accounted += 1
    } catch (cause) {
      accounted += supply.failed(cause)
    }
  }
  if (accounted !== claimed) throw new Error(`${accounted} messages of ${claimed} are accounted for`)
  supply.trailing()
}

/** One connection to a peer that says anything. */
class Attacked {
  readonly #random: Random
  readonly #frames: readonly Buffer[]
  readonly #reader: FrameReader<Job>
  #next = 0
  #received = 0

  constructor(random: Random) {
    this.#random = random
    this.#frames = random.pick(conversations)
    const framing = schemaFraming({ outgoing: Job, incoming: Job, maxMessageBytes })
    this.#reader = framing.open(scope(random.pick(['bind', 'connect']))).reader
  }

  get isOver(): boolean {
    return this.#reader.failure !== undefined
  }

  next(): string {
    const random = this.#random
    const bytes = sized(random, this.#frame())
    for (let at = 0; at < bytes.length; ) {
      const end = random.chance(0.5) ? bytes.length : at + random.between(1, 40)
      const chunk = bytes.subarray(at, end)
      this.#received += chunk.length
      for (const supply of this.#reader.receive(chunk)) takeAll(supply)
      at = end
    }
    if (this.#reader.buffered > 4 * this.#received + 512) throw new Error(`${this.#reader.buffered} bytes are kept`)
    if (this.#reader.failure !== undefined) return this.#reader.failure.code
    return random.chance(0.01) ? (this.#reader.end()?.code ?? taken) : taken
  }

  #frame(): Buffer {
    const random = this.#random
    const following = this.#frames[this.#next] ?? (this.#frames[1] as Buffer)
    this.#next += 1
    if (this.#next === 1)
      return random.chance(0.9)
        ? following
        : random.chance(0.5)
          ? announcing(random)
          : mutateFrame(random, following, all)
    if (random.chance(0.02)) return random.chance(0.5) ? refusal : mutateFrame(random, refusal, all)
    return random.chance(0.6) ? following : mutateFrame(random, random.pick(this.#frames), all)
  }
}

/** Typed streams. */
export const typedStreams: Target = {
  codes: [
    ...['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME', 'RIVULET_FRAME_TOO_LARGE', 'RIVULET_HANDSHAKE_FAILED'],
    ...['RIVULET_INCOMPATIBLE_PROTOCOL', 'RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_INVALID_SCHEMA'],
    ...['RIVULET_UNKNOWN_ERROR', 'RIVULET_CONNECTION_LOST', 'RIVULET_TRUNCATED_FRAME'],
  ],
  share: 100_000,
  begin: (random) => {
    let attacked = new Attacked(random)
    return () => {
      if (attacked.isOver || random.chance(0.02)) attacked = new Attacked(random)
      return attacked.next()
    }
  },
}
