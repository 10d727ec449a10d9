/**
 * What `defineSchema` returns, as an interface, and how it is recognised across copies of the package.
 *
 * The compiled codec hangs on the brand; only `codecOf` takes it from there.
 */
import type { Issue } from '../errors/index.js'
import type { AvroSchema } from './schema-types.js'

/** The brand of schemas: the same symbol in every copy of the package. */
export const schemaBrand: unique symbol = Symbol.for('rivulet.schema') as never

/** The types that a schema carries; there is no such value. */
export interface SchemaTypes<In, Out, Needs> {
  /** What is written. */
  readonly in: In
  /** What is read. */
  readonly out: Out
  /** The schemas whose named types this one uses. */
  readonly needs: Needs
}

/** How `Schema.decode` reads. */
export interface DecodeOptions {
  /**
   * The schema that the bytes were written with, if it is another: a {@link Schema}, its JSON, or its JSON text.
   *
   * How the two are brought together is worked out once and kept. A {@link Schema} or a text is found again without work.
   *
   * @defaultValue none: the bytes were written with this schema
   */
  readonly writer?: Schema | AvroSchema | undefined
}

/**
 * A compiled Avro schema: it encodes and decodes values, and says what is wrong with them.
 *
 * Make one with {@link defineSchema}, once for each schema, when the program starts: it generates code.
 */
export interface Schema<In = unknown, Out = unknown, Json = unknown, Needs = unknown> {
  /** The types that the schema carries; there is nothing to read here. */
  readonly [schemaBrand]: SchemaTypes<In, Out, Needs>
  /** The schema as it was defined, deeply frozen, with its literal type. */
  readonly json: Json
  /** The CRC-64-AVRO fingerprint as 16 hexadecimal digits, the most significant first. */
  readonly fingerprint: string

  /**
   * Returns the bytes of a value.
   *
   * @param value - A value of the schema; fields with a default may be left out.
   * @throws RivuletError `RIVULET_INVALID_MESSAGE`, with the path of each issue, if the value does not fit the schema.
   */
  encode(value: In): Buffer

  /**
   * Returns the value of bytes, which must hold exactly one value and nothing else.
   *
   * The bytes may come from an untrusted peer: time and memory stay in proportion to their number, and the value shares no
   * memory with them.
   *
   * @param bytes - One value; they are not changed.
   * @param options - `writer`, if the bytes were written with another schema.
   * @throws RivuletError `RIVULET_DECODE_FAILED` for malformed bytes; `RIVULET_INCOMPATIBLE_SCHEMA` or
   * `RIVULET_INVALID_SCHEMA` for a writer's schema that cannot be used.
   */
  decode(bytes: Uint8Array, options?: DecodeOptions): Out

  /**
   * Returns the places where a value does not fit the schema, each with its path; none if it can be encoded.
   *
   * @param value - Any value.
   */
  check(value: unknown): Issue[]
}

/** Infers the type of values that were read with the schema. */
export type Infer<S extends Schema> = S[typeof schemaBrand]['out']

/** Infers the type of values to write: fields with a default may be left out. */
export type InferInput<S extends Schema> = S[typeof schemaBrand]['in']

/**
 * Tells whether a value is a schema of Rivulet, also one of another copy of the package.
 *
 * @param value - Any value.
 */
export function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && schemaBrand in value
}
