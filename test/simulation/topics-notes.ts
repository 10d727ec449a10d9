/** The messages of simulated topics: each has an id of its own. */
import { codecOf } from '../../src/avro/codec.js'
import { defineSchema, record } from '../../src/avro/index.js'
import { Batch, CompatibleReader, type DataFrame } from '../../src/wire/index.js'

/** What is published: each message has an id of its own. */
export const Note = defineSchema(record('Note', { id: 'long' }))

/** Its codec. */
export const noteCodec = codecOf(Note)

const notes = new CompatibleReader(noteCodec, () => {}).readerFor(noteCodec.text)

/** The ids of the messages of a frame. */
export function idsIn(frame: DataFrame): number[] {
  if (notes === undefined) throw new Error('notes cannot be read')
  const batch = new Batch(frame, notes)
  return Array.from({ length: batch.remaining }, () => batch.take().id)
}
