/** Datagrams as senders write them, of two versions of a schema: what mutations begin with. */
import { Announcer } from '../../patterns/socket/datagram/announcer.js'
import { DatagramWriter } from '../../patterns/socket/datagram/datagram-writer.js'
import { DatagramRequest } from '../../patterns/socket/datagram/schemas.js'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { defineSchema, record, type Schema } from '../../src/avro/index.js'
import { frameKind, writeRecordFrame } from '../../src/wire/index.js'
import { VirtualClock } from './virtual-clock.js'

/** The schema of the receivers. */
export const Reading = defineSchema(record('Reading', { sensor: 'string', celsius: 'double' }))

/** An older version, whose text has to be announced. */
const Older = defineSchema(record('Reading', { sensor: 'string', celsius: 'float' }))

/** Messages, announcements in one piece and in several, and a request. */
export function validDatagrams(): Buffer[] {
  const requests = [Reading, Older].map(({ json }, at) => {
    const schemaId = codecOf(at === 0 ? Reading : Older).schemaId
    return writeRecordFrame(
      DatagramRequest,
      { source: Buffer.alloc(8, JSON.stringify(json)), schemaId },
      frameKind.datagramRequest,
      undefined,
    )
  })
  return [...written(Reading, false, 1200), ...written(Older, true, 128), ...requests]
}

function written(schema: Schema<{ sensor: string; celsius: number }, unknown>, batch: boolean, most: number): Buffer[] {
  const codec = codecOf(schema) as Codec<{ sensor: string; celsius: number }, unknown>
  const datagrams: Buffer[] = []
  const constants = Buffer.concat([Buffer.alloc(8, batch ? 1 : 2), codec.schemaId])
  const writer = new DatagramWriter({
    codec,
    constants,
    maxPayloadBytes: most,
    batch,
    cut(bytes) {
      announcer.leaving()
      datagrams.push(Buffer.from(bytes))
    },
  })
  const announcer = new Announcer(constants, codec.text, most, {
    clock: new VirtualClock(),
    next: () => writer.next,
    send: (bytes) => datagrams.push(Buffer.from(bytes)),
  })
  for (let at = 0; at < 6; at++) writer.append({ sensor: 'x'.repeat(at), celsius: at })
  writer.flush()
  return datagrams
}
