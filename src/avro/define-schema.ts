/**
 * `defineSchema`: from a schema literal to a compiled `Schema`.
 *
 * It brings the parts together and owns the buffers of `encode`; it knows nothing of frames or sockets.
 */
import { type Issue, RivuletError } from '../errors/index.js'
import { bufferFull } from './buffer-full.js'
import { definitionForm, eachNamed } from './canonical.js'
import { type Codec, codecOf, type WriteValue } from './codec.js'
import { type CheckingCodec, compile } from './compile.js'
import { decodeFailure } from './decode-failure.js'
import { isObject } from './default-source.js'
import { fingerprintDigits } from './fingerprint.js'
import type { InferIn, InferOut } from './infer.js'
import { invalidSchema, parseSchema, parseSchemaText } from './parse.js'
import { quote } from './path.js'
import { type DecodeOptions, isSchema, type Schema, schemaBrand } from './schema.js'
import { branchName, type NamedNode } from './schema-node.js'
import type { AvroSchema } from './schema-types.js'
import { askForSecondOpinion } from './second-opinion.js'
import { collect, type Definition, selfContained } from './self-contained.js'

const slabBytes = 16 * 1024

/** The options of `defineSchema`. */
export interface SchemaOptions<Types extends readonly Schema[], Long extends 'number' | 'bigint'> {
  /** Schemas whose named types may be used by name. Default: none. */
  readonly types?: Types
  /** What an Avro long is in JavaScript: a safe integer, or a bigint of 64 bits. Default: `number`. */
  readonly long?: Long
}

type LongOf<Long> = Long extends 'bigint' ? bigint : number
type NeedsOf<Types extends readonly Schema[]> = Types[number] extends infer T
  ? T extends Schema<unknown, unknown, infer Json, infer Needs>
    ? Json | Needs
    : never
  : never

/**
 * Defines a schema from its Avro JSON, and infers the types of its values; no `as const` is needed.
 *
 * Call it once for each schema when the program starts: it validates, and generates code with `new Function`.
 *
 * @param schema - Any Avro schema; `docs/schemas.md` names the limits.
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
  const { types = [], long = 'number' } = resolveOptions(options)
  const json = copy(schema)
  const known = new Map<string, NamedNode>()
  const definitions = new Map<string, Definition>()
  for (const other of types) merge(other, known, definitions)
  const alone = parseSchema(json, 'own', known)
  eachNamed(alone, (node) => assertSame(node, known))
  const whole = types.length === 0 ? json : selfContained(json, definitions)
  const text = JSON.stringify(whole)
  const node = types.length === 0 ? alone : parseSchema(parseSchemaText(text), 'own')
  askForSecondOpinion(whole)
  const codec = compile(node, text, long)
  const made = new CompiledSchema(codec, freeze(json), branchName(node))
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
    return encode(this.#codec, value)
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

interface Slab {
  readonly bytes: Buffer
  readonly view: DataView
  used: number
}

let slab: Slab | undefined

/** Small values share a slab, so that each costs no allocation of its own. */
function encode(codec: Codec<unknown, unknown>, value: unknown): Buffer {
  const mine = slab ?? newSlab(slabBytes)
  slab = undefined // a getter of the value may encode, too: it then takes another slab
  const start = mine.used
  const end = tryWrite(codec.write, value, mine)
  if (end === 'misfit') {
    slab = mine
    throw codec.explain(value)
  }
  if (end !== 'full') {
    slab = mine
    mine.used = end
    return mine.bytes.subarray(start, end)
  }
  for (let size = slabBytes; ; size *= 2) {
    const larger = newSlab(size)
    const length = tryWrite(codec.write, value, larger)
    if (length === 'misfit') throw codec.explain(value)
    if (length === 'full') continue
    if (length > slabBytes / 2) return Buffer.from(larger.bytes.subarray(0, length))
    slab = larger
    larger.used = length
    return larger.bytes.subarray(0, length)
  }
}

function tryWrite(write: WriteValue<unknown>, value: unknown, { bytes, view, used }: Slab): number | 'full' | 'misfit' {
  try {
    return write(value, bytes, view, used, bytes.length)
  } catch (cause) {
    return cause === bufferFull ? 'full' : 'misfit'
  }
}

function newSlab(size: number): Slab {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, view: new DataView(bytes.buffer), used: 0 }
}

function writerText(writer: Schema | AvroSchema): string {
  if (isSchema(writer)) return codecOf(writer).text
  const isText = typeof writer === 'string' && /^\s*[[{"]/.test(writer)
  return isText ? writer : JSON.stringify(writer)
}

function resolveOptions<Types extends readonly Schema[], Long>(options: { types?: Types; long?: Long }) {
  for (const key of Object.keys(options)) {
    if (key === 'types' || key === 'long') continue
    throw new RivuletError(
      'RIVULET_INVALID_OPTION',
      `defineSchema takes the options types and long, received ${quote(key)}`,
    )
  }
  const { types, long } = options
  if (long !== undefined && long !== 'number' && long !== 'bigint') {
    throw new RivuletError('RIVULET_INVALID_OPTION', `long must be 'number' or 'bigint', received ${quote(long)}`)
  }
  if (types !== undefined && !(Array.isArray(types) && types.every(isSchema))) {
    throw new RivuletError('RIVULET_INVALID_OPTION', `types must be an array of schemas, received ${quote(types)}`)
  }
  return { types, long }
}

/** Returns a copy of the caller's object as JSON has it: no getters, no cycles, nothing that is not JSON. */
function copy(schema: unknown): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(schema)
  } catch (cause) {
    throw invalidSchema([{ path: '', message: 'the schema is not JSON' }], cause)
  }
  if (text === undefined) throw invalidSchema([{ path: '', message: `expected a schema, received ${quote(schema)}` }])
  return parseSchemaText(text)
}

function merge(other: Schema, known: Map<string, NamedNode>, definitions: Map<string, Definition>): void {
  const json = JSON.parse(codecOf(other).text)
  eachNamed(parseSchema(json, 'own'), (node) => {
    assertSame(node, known)
    known.set(node.name, node)
  })
  for (const [name, definition] of collect(json)) if (!definitions.has(name)) definitions.set(name, definition)
}

function assertSame(node: NamedNode, known: ReadonlyMap<string, NamedNode>): void {
  const other = known.get(node.name)
  if (other === undefined || definitionForm(other) === definitionForm(node)) return
  const message = `${quote(node.name)} is defined differently by one of the types`
  throw invalidSchema([{ path: '', message }])
}

function freeze(json: unknown): unknown {
  if (Array.isArray(json)) json.forEach(freeze)
  else if (isObject(json)) Object.values(json).forEach(freeze)
  return Object.freeze(json)
}
