/** Records as bodies of items, for patterns: for what is sent seldom. Requests and values of calls have ways of their own. */
import { type Codec, codecOf } from '../avro/codec.js'
import type { Schema } from '../avro/index.js'
import { Malformed } from '../avro/read-primitives.js'
import type { ItemBody } from './item.js'

/** The body of an item that is one record. */
export class RecordBody<In> implements ItemBody {
  readonly #codec: Codec<In, unknown>
  readonly #value: In

  constructor(schema: Schema<In>, value: In) {
    this.#codec = codecOf(schema) as Codec<In, unknown>
    this.#value = value
  }

  writeBody(bytes: Buffer, view: DataView, position: number, end: number): number {
    return this.#codec.write(this.#value, bytes, view, position, end)
  }
}

/** Reads a body that is one record and nothing else; throws what readers throw. */
export function readRecord<Out>(
  schema: Schema<unknown, Out>,
  bytes: Buffer,
  view: DataView,
  start: number,
  end: number,
): Out {
  const cursor = { position: start }
  const value = (codecOf(schema) as Codec<unknown, Out>).read(bytes, view, cursor, end)
  if (cursor.position !== end) throw new Malformed('there is more than the record')
  return value
}
