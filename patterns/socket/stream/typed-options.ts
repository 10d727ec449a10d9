/** The part of the options of a byte stream that says what its messages are: a schema, or a framing. */
import { isSchema } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import { defaults, instance, integer, invalidOption } from '../../../src/options/index.js'
import type { Framing } from './framing.js'

/** The schemas of a typed stream whose directions differ. */
export interface StreamSchemas<In, Out> {
  /** Of the messages that this side receives; the peer may write an older or newer version. */
  readonly incoming: Schema<unknown, Out>
  /** Of the messages that this side sends. */
  readonly outgoing: Schema<In, unknown>
}

/** What the messages of a stream are: exactly one of `schema` and `framing`. */
export interface StreamMessageOptions<In, Out = In> {
  /**
   * The schema of the messages of both directions, or one for each: a typed stream, whose messages are Avro.
   *
   * What this side calls `incoming` is `outgoing` at its peer. Either side may have an older or newer version: both
   * announce their schema when the connection opens, and a connection whose schemas do not go together ends as
   * RIVULET_INCOMPATIBLE_SCHEMA on both sides.
   *
   * @defaultValue none
   */
  readonly schema?: Schema<In, Out> | StreamSchemas<In, Out>
  /**
   * How bytes become messages: `lines()`, `delimited(…)`, `lengthPrefixed(…)` or `bytes()`; the same on both sides.
   * @defaultValue none
   */
  readonly framing?: Framing<In, Out>
  /**
   * The largest message of a typed stream, in bytes, 1 to 256 MiB; the same on both sides.
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly maxMessageBytes?: number
}

const mebibyte = 1024 * 1024

function isFraming(value: unknown): value is Framing<never, unknown> {
  const { name, open } = (value ?? {}) as Partial<Framing<never>>
  return typeof name === 'string' && typeof open === 'function'
}

function isSchemas(value: unknown): value is Schema | StreamSchemas<never, unknown> {
  if (isSchema(value)) return true
  if (typeof value !== 'object' || value === null) return false
  const { incoming, outgoing, ...rest } = value as Partial<StreamSchemas<never, unknown>>
  return isSchema(incoming) && isSchema(outgoing) && Object.keys(rest).length === 0
}

/** The rules of `StreamMessageOptions`. */
export const messageRules = {
  schema: instance('a schema of defineSchema, or { incoming, outgoing }', isSchemas, undefined),
  framing: instance('a framing: lines(), delimited(…), lengthPrefixed(…) or bytes()', isFraming, undefined),
  maxMessageBytes: {
    ...integer({ min: 1, max: 256 * mebibyte, fallback: defaults.maxMessageBytes }),
    fallback: undefined as number | undefined,
  },
}

/**
 * Returns the framing that the options ask for.
 *
 * Typed streams are loaded when the first one is asked for: streams of bytes and lines load nothing of Avro.
 *
 * @throws RIVULET_INVALID_OPTION unless there is exactly one of `schema` and `framing`.
 */
export function framingOf(
  factory: string,
  { schema, framing, maxMessageBytes }: { schema: unknown; framing: unknown; maxMessageBytes: number | undefined },
): Framing<never, unknown> | Promise<Framing<never, unknown>> {
  if (isFraming(framing) && schema === undefined) {
    if (maxMessageBytes === undefined) return framing
    throw invalidOption(
      factory,
      'maxMessageBytes',
      'left out beside framing, which has a limit of its own',
      maxMessageBytes,
    )
  }
  if (framing !== undefined || !isSchemas(schema)) {
    throw invalidOption(factory, 'schema', 'given, or framing, and not both', schema)
  }
  const { incoming, outgoing } = isSchema(schema) ? { incoming: schema, outgoing: schema } : schema
  const settings = { incoming, outgoing, maxMessageBytes: maxMessageBytes ?? defaults.maxMessageBytes }
  return import('./schema-framing.js').then(({ schemaFraming }) => schemaFraming(settings))
}
