/**
 * The contract between a schema and the code that moves its bytes: one compiled codec for each schema.
 *
 * Internal: `src/wire` and the patterns use it through `codecOf`; applications use `Schema`. It knows nothing of frames.
 */
import type { RivuletError } from '../errors/index.js'
import type { Cursor } from './cursor.js'
import { type Schema, schemaBrand } from './schema.js'

export { bufferFull, spareBytes } from './buffer-full.js'
export type { Cursor } from './cursor.js'
export { decodeFailure } from './decode-failure.js'
export { cachedProtocols, protocolLimits, schemaLimits } from './limits.js'
export { brief, quote } from './path.js'
export { isSchema } from './schema.js'

/**
 * Writes a value at `position` and returns the position after it.
 *
 * Never writes at or beyond `end`: throws `bufferFull` instead. Throws any other error for a value that does not fit the
 * schema: the caller then asks `explain` for the error to report. Nothing before `position` is touched. A value of n
 * bytes is always taken where n + `spareBytes` are free; with less room it may be refused although it would fit.
 */
export type WriteValue<In> = (value: In, bytes: Buffer, view: DataView, position: number, end: number) => number

/**
 * Reads one value at `cursor.position`, and leaves the cursor behind it; throws on anything malformed, within bounds.
 *
 * What it throws is cheap and need not be an `Error`: `decodeFailure` makes the error to report. After a throw the
 * cursor is somewhere within the value. `view` is a view of exactly the memory of `bytes`.
 */
export type ReadValue<Out> = (bytes: Buffer, view: DataView, cursor: Cursor, end: number) => Out

/** Goes past one value at `cursor.position` without making anything of it; throws on anything malformed, within bounds. */
export type SkipValue = (bytes: Buffer, view: DataView, cursor: Cursor, end: number) => void

/** How values of one schema are written and read. */
export interface ValueCodec<In, Out> {
  readonly write: WriteValue<In>
  readonly read: ReadValue<Out>
  /** The `RIVULET_INVALID_MESSAGE` for a value that `write` refused, with the path of each issue. */
  explain(value: unknown): RivuletError
}

/** What a schema compiles to. */
export interface Codec<In, Out> extends ValueCodec<In, Out> {
  /** CRC-64-AVRO of the parsing canonical form, 8 bytes little-endian as in Avro's single-object encoding. */
  readonly fingerprint: Buffer
  /** The first 16 bytes of SHA-256 over `text` as UTF-8: tells apart what the fingerprint does not (logical types). */
  readonly schemaId: Buffer
  /** The schema as JSON text, self-contained: named types of other schemas stand where they are first used. */
  readonly text: string
  /**
   * The reader of values that were written with another schema.
   *
   * Cached by the text. Throws `RIVULET_INVALID_SCHEMA` or `RIVULET_INCOMPATIBLE_SCHEMA` (with `issues`, each with the
   * field path), every time in the same way.
   */
  readerFor(writerText: string): ReadValue<Out>
  /** Whether `readerFor` has its outcome for this text already, so that it costs nothing. */
  hasReader(writerText: string): boolean
  /**
   * The way past values of a writer's schema that `readerFor` accepts: for those that this side cannot hold.
   */
  skipperFor(writerText: string): SkipValue
}

/** Returns the codec of a schema. */
export function codecOf<In, Out>(schema: Schema<In, Out>): Codec<In, Out> {
  return schema[schemaBrand] as unknown as Codec<In, Out>
}
