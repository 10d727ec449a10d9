/**
 * `defineSchema`: from a schema literal to a compiled `Schema`.
 *
 * It brings the parts together; it knows nothing of frames or sockets.
 */
import { type Issue, RivuletError } from '../errors/index.js'
import { eachNamed } from './canonical.js'
import { codecOf } from './codec.js'
import { type CheckingCodec, compile } from './compile.js'
import { decodeFailure } from './decode-failure.js'
import {
  assertSame,
  copyJson,
  freezeJson,
  type LongOf,
  mergeTypes,
  type NeedsOf,
  resolveOptions,
  type SchemaOptions,
} from './definition-input.js'
import { encodeValue } from './encode-value.js'
import { fingerprintDigits } from './fingerprint.js'
import type { InferIn, InferOut } from './infer.js'
import { schemaLimits } from './limits.js'
import { parseSchema, parseSchemaText } from './parse.js'
import { quote } from './path.js'
import { type DecodeOptions, isSchema, type Schema, schemaBrand } from './schema.js'
import { branchName } from './schema-node.js'
import type { AvroSchema } from './schema-types.js'
import { selfContained } from './self-contained.js'
import { validateWithAvsc } from './validate-with-avsc.js'

/**
 * Defines a schema from its Avro JSON, and infers the types of its values; no `as const` is needed.
 *
 * Call it once for each schema when the program starts: it validates, and generates code with `new Function`. Where Node
 * may not do that (`--disallow-code-generation-from-strings`), codecs are interpreted: the same, at half the speed.
 *
 * @param schema - Any Avro schema; `docs/schemas/types.md` names the limits.
 * @param options - Schemas whose types this one uses, and what a long is.
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, with the path of each issue; `RIVULET_INVALID_OPTION`.
 * @example
 * ```ts
 * import { defineSchema, type Infer } from 'rivulet/avro'
 *
 * const Tick = defineSchema({
 *   type: 'record',
 *   name: 'Tick',
 *   fields: [
 *     { name: 'symbol', type: 'string' },
 *     { name: 'price', type: 'double' },
 *   ],
 * })
 * type Tick = Infer<typeof Tick>
 *
 * const tick: Tick = Tick.decode(Tick.encode({ symbol: 'ACME', price: 1.5 }))
 * ```
 */
export function defineSchema<
  const S extends AvroSchema,
  const Types extends readonly Schema[] = readonly [],
  Long extends 'number' | 'bigint' = 'number',
>(
  schema: S,
  options: SchemaOptions<Types, Long> = {},
): Schema<InferIn<S, LongOf<Long>, NeedsOf<Types>>, InferOut<S, LongOf<Long>, NeedsOf<Types>>, S, NeedsOf<Types>> {
  const { types, long } = resolveOptions('defineSchema', options)
  const json = copyJson(schema, 'schema', schemaLimits.textBytes)
  const { known, definitions } = mergeTypes(types)
  const alone = parseSchema(json, 'own', known)
  eachNamed(alone, (node) => assertSame(node, known))
  const whole = types.length === 0 ? json : selfContained(json, definitions)
  const text = JSON.stringify(whole)
  const node = types.length === 0 ? alone : parseSchema(parseSchemaText(text), 'own')
  validateWithAvsc(whole)
  const codec = compile(node, text, long)
  const made = new CompiledSchema(codec, freezeJson(json), branchName(node))
  return made as Schema<unknown, unknown> as ReturnType<typeof defineSchema<S, Types, Long>>
}

class CompiledSchema implements Schema {
  readonly [schemaBrand]: never
  readonly json: unknown
  readonly fingerprint: string
  readonly #codec: CheckingCodec
  readonly #name: string

  constructor(codec: CheckingCodec, json: unknown, name: string) {
    this[schemaBrand] = codec as never // the types say otherwise: see `SchemaTypes`
    this.json = json
    this.fingerprint = fingerprintDigits(codec.fingerprint)
    this.#codec = codec
    this.#name = name
  }

  encode(value: unknown): Buffer {
    return encodeValue(this.#codec, value)
  }

  decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
    if (!(bytes instanceof Uint8Array)) {
      throw new RivuletError('RIVULET_INVALID_OPTION', `decode takes a Uint8Array, received ${quote(bytes)}`)
    }
    const { buffer, byteOffset, length } = bytes
    const whole = Buffer.isBuffer(bytes) ? bytes : Buffer.from(buffer, byteOffset, length)
    const writer = options?.writer
    const read = writer === undefined ? this.#codec.read : this.#codec.readerFor(writerText(writer))
    const cursor = { position: 0 }
    let value: unknown
    try {
      value = read(whole, new DataView(buffer, byteOffset, length), cursor, length)
    } catch (cause) {
      throw decodeFailure(cause, `a value of ${this.#name}`)
    }
    if (cursor.position === length) return value
    const rest = length - cursor.position
    throw new RivuletError('RIVULET_DECODE_FAILED', `Cannot read a value of ${this.#name}: ${rest} bytes are left over`)
  }

  check(value: unknown): Issue[] {
    try {
      return this.#codec.check(value)
    } catch {
      return [...this.#codec.explain(value).issues] // a getter or a proxy of the value threw
    }
  }
}

function writerText(writer: Schema | AvroSchema): string {
  if (isSchema(writer)) return codecOf(writer).text
  const isText = typeof writer === 'string' && /^\s*[[{"]/.test(writer)
  return isText ? writer : JSON.stringify(writer)
}
