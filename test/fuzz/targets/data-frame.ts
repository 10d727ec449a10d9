/** Data frames of any writer, with its schema or without, read to the last message: as pull sockets and subscribers do. */
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import { defineSchema } from '../../../src/avro/index.js'
import { Batch, CompatibleReader, FrameReceiver } from '../../../src/wire/index.js'
import type { Random } from '../../simulation/random.js'
import { Job } from '../../support/job.js'
import { block, type Claims, dataFrame } from '../../support/stranger.js'
import { VirtualClock } from '../../support/virtual-clock.js'
import { Writing } from '../../support/writing.js'
import { edge, mutate, mutateFrame } from '../mutate.js'
import { type Target, taken } from '../target.js'

const Older = defineSchema({
  type: 'record',
  name: 'Job',
  namespace: 'test',
  fields: [
    { name: 'id', type: 'long' },
    {
      name: 'parts',
      type: { type: 'array', items: ['null', 'string', { type: 'map', values: 'bytes' }] },
      default: [],
    },
  ],
})

/** Frames with our schema and another, with the schema and without. */
const originals = (() => {
  const ours = new Writing(Job)
  const theirs = new Writing(Older)
  for (let round = 0; round < 2; round++) {
    ours.append({ id: 1, note: 'one' }, { id: -5, note: 'x'.repeat(70) }, { id: 300 })
    ours.writer.flush()
    theirs.append({ id: 2, parts: [null, 'a', { k: Buffer.from('v') }] } as never, { id: 3 } as never)
    theirs.writer.flush()
  }
  return [...ours.cut, ...theirs.cut].map(({ bytes }) => Buffer.from(bytes))
})()

/** A frame whose header claims anything, over items that may be anything. */
function claiming(random: Random): Buffer {
  const text = JSON.stringify(random.pick([Job.json, Older.json, 'int', { type: 'array', items: 'null' }]))
  const schema = random.chance(0.2) ? mutate(random, Buffer.from(text), [Buffer.from(text)]).toString() : text
  const number = (): number => {
    const value = Number(edge(random))
    return Math.abs(value) < 2 ** 51 ? value : 2 ** 51
  }
  const claims: Claims = { schema, count: random.between(-1, 6), source: Buffer.alloc(8, random.below(4)) }
  if (random.chance(0.3)) Object.assign(claims, { position: number(), sequence: number(), previous: number() })
  if (random.chance(0.1)) claims.kind = random.pick(['tombstone', 'beacon', 'will', 'mixed'])
  if (random.chance(0.2)) claims.writerSchema = null
  if (random.chance(0.1)) claims.extensions = { x: random.bytes(random.below(40)) }
  if (random.chance(0.1)) claims.annotations = [{ index: random.below(9), headers: { h: random.bytes(4) } }]
  const items = Array.from({ length: random.below(6) }, () => random.bytes(random.below(8)))
  return dataFrame(claims, ...(items.length === 0 ? [] : [block(items, random.chance(0.3))]))
}

/** Data frames. */
export const dataFrames: Target = {
  codes: [
    ...['RIVULET_BAD_FRAME', 'RIVULET_CORRUPT_FRAME', 'RIVULET_FRAME_TOO_LARGE', 'RIVULET_DECODE_FAILED'],
    ...['RIVULET_INCOMPATIBLE_SCHEMA', 'RIVULET_INVALID_SCHEMA', 'RIVULET_UNKNOWN_SCHEMA'],
  ],
  share: 200_000,
  begin: (random) => {
    const codec = codecOf(Job) as Codec<never, Job>
    const clock = new VirtualClock()
    let outcome = taken
    const note = ({ code }: { readonly code: string }): void => {
      outcome = code
    }
    const reader = new CompatibleReader<Job>(codec, note)
    const options = { maxMessageBytes: 65_536, parkedFrames: 8, parkedMs: 3000, clock }
    const receiver = new FrameReceiver(options, {
      accept: (frame, text) => {
        const read = reader.readerFor(text)
        if (read) takeAll(new Batch(frame, read), note)
      },
      reject: note,
      newSchema() {},
      lose: (_messages, error) => error && note(error),
    })
    receiver.know(codec.schemaId, codec.text)
    return () => {
      outcome = taken
      if (random.chance(0.001)) clock.advance(3000)
      receiver.receive(
        random.chance(0.3) ? claiming(random) : mutateFrame(random, random.pick(originals), originals),
        undefined,
      )
      return outcome
    }
  },
}

/** Takes all messages; no more can be lost than there were. */
function takeAll(batch: Batch<Job>, note: (error: { readonly code: string }) => void): void {
  const claimed = batch.remaining
  let accounted = 0
  while (batch.remaining > 0) {
    try {
      const value = batch.take()
      if (Job.check(value).length > 0) throw new Error('a value does not fit its schema')
      accounted += 1
    } catch (cause) {
      if (cause instanceof Error && cause.message.startsWith('a value')) throw cause
      accounted += batch.failed(cause)
    }
  }
  if (accounted !== claimed) throw new Error(`${accounted} messages of ${claimed} are accounted for`)
  const trailing = batch.trailing()
  if (trailing) note(trailing)
}
