/**
 * The framing of typed streams: schemas in both directions, and the agreement on them before the first message.
 *
 * `docs/reference/protocol` §Typed streams. The side that has connected opens at once; the other opens when it can read what the
 * first will send.
 */
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import type { RivuletError } from '../../../src/errors/index.js'
import { SchemaRate } from '../../../src/wire/index.js'
import type { Framing } from './framing.js'
import { SchemaReader } from './schema-reader.js'
import { refusalBytes } from './schema-refusal.js'
import { SchemaWriter } from './schema-writer.js'

/** What a typed stream carries. */
export interface SchemaFramingSettings<In, Out> {
  /** Of the messages that this side sends. */
  readonly outgoing: Schema<In, unknown>
  /** Of those that it receives; the peer may write an older or newer version. */
  readonly incoming: Schema<unknown, Out>
  /** The largest message, in bytes. */
  readonly maxMessageBytes: number
}

/** Returns the framing of typed streams. */
export function schemaFraming<In, Out>(settings: SchemaFramingSettings<In, Out>): Framing<In, Out> {
  const { outgoing, incoming, maxMessageBytes } = settings
  const written = codecOf(outgoing) as Codec<In, unknown>
  const read = codecOf(incoming) as Codec<never, Out>
  /** What new schemas may cost all connections of a listener together; a side that connects has chosen its peer. */
  let rate: SchemaRate | undefined
  return {
    name: 'schema',
    open: (scope) => {
      const refusal = (failure: RivuletError) =>
        isUnderstood(failure) && !reader.isRefused ? [refusalBytes(failure)] : []
      const writer = new SchemaWriter({ codec: written, maxMessageBytes }, scope.clock, refusal)
      const agreed = () => {
        writer.open()
        scope.wake()
      }
      if (scope.side === 'bind') rate ??= new SchemaRate(scope.clock)
      const reader = new SchemaReader({ codec: read, maxMessageBytes, schemas: rate }, { agreed })
      if (scope.side === 'connect') writer.open()
      return { reader, writer }
    },
  }
}

/** Whether a peer that has caused this failure knows what a refusal is. */
function isUnderstood({ code }: RivuletError): boolean {
  return code !== 'RIVULET_HANDSHAKE_FAILED'
}
