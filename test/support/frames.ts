/** Frames as a producer makes them, for raw sockets that send them as they are or spoilt. */

import { type Codec, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import { systemClock } from '../../src/clock/index.js'
import { BatchWriter, Origin } from '../../src/wire/index.js'
import { frameKind, sealFrame } from '../../src/wire/prelude.js'

/** One frame with these messages and their schema. */
export function frameOf<In>(schema: Schema<In>, ...values: readonly In[]): Buffer {
  const frames: Buffer[] = []
  const writer = new BatchWriter<In>({
    codec: codecOf(schema as Schema) as Codec<In, unknown>,
    origin: new Origin(systemClock, 1_000_000),
    topic: undefined,
    frameBytes: 16_777_216,
    maxBatchMessages: 65_536,
    maxMessageBytes: 16_777_216,
    spread: () => 1,
    cut: ({ bytes }) => frames.push(bytes),
  })
  for (const value of values) {
    const refusal = writer.append(value)
    if (refusal) throw refusal
  }
  writer.flush()
  return Buffer.from(frames[0] as Buffer)
}

/** Changes a frame and makes its checksum right again. */
export function resealed(frame: Buffer, change: (frame: Buffer) => void): Buffer {
  const copy = Buffer.from(frame)
  change(copy)
  sealFrame(copy, frameKind.data, undefined)
  return copy
}
