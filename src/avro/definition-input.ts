/**
 * What callers hand to `defineSchema` and `defineService`: options, JSON of any kind, and schemas whose types are used.
 *
 * Options are checked, JSON is copied, types of several schemas are merged. Whether the JSON is valid Avro is decided by
 * `parse.ts` and `parse-protocol.ts`.
 */
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'
import { definitionForm, eachNamed } from './canonical.js'
import { codecOf } from './codec.js'
import { isObject } from './default-value.js'
import { invalidSchema, parseJson, parseSchema } from './parse.js'
import { quote } from './path.js'
import { isSchema, type Schema } from './schema.js'
import type { NamedNode } from './schema-node.js'
import { collect, type Definition } from './self-contained.js'

/** The options of {@link defineSchema} and {@link defineService}. */
export interface SchemaOptions<Types extends readonly Schema[], Long extends 'number' | 'bigint'> {
  /**
   * Schemas whose named types this one may use by name.
   * @defaultValue none
   */
  readonly types?: Types
  /**
   * What an Avro long is in JavaScript: a safe integer, or a bigint of 64 bits.
   * @defaultValue `'number'`
   */
  readonly long?: Long
}

/** What the option `long` makes of a long. */
export type LongOf<Long> = Long extends 'bigint' ? bigint : number

/** The schema literals behind the option `types`, as a union. */
export type NeedsOf<Types extends readonly Schema[]> = Types[number] extends infer T
  ? T extends Schema<unknown, unknown, infer Json, infer Needs>
    ? Json | Needs
    : never
  : never

/** The named types of other schemas: parsed, and as JSON. */
export interface OtherTypes {
  readonly known: ReadonlyMap<string, NamedNode>
  readonly definitions: ReadonlyMap<string, Definition>
}

/**
 * Returns the options with their defaults.
 *
 * @throws RivuletError `RIVULET_INVALID_OPTION`.
 */
export function resolveOptions(
  caller: string,
  options: object,
): Required<SchemaOptions<Schema[], 'number' | 'bigint'>> {
  for (const key of Object.keys(options)) {
    if (key === 'types' || key === 'long') continue
    throw new RivuletError(
      'RIVULET_INVALID_OPTION',
      `${caller} takes the options types and long, received ${quote(key)}`,
    )
  }
  const { types = [], long = defaults.long }: { types?: unknown; long?: unknown } = options
  if (long !== 'number' && long !== 'bigint') {
    throw new RivuletError('RIVULET_INVALID_OPTION', `long must be 'number' or 'bigint', received ${quote(long)}`)
  }
  if (!(Array.isArray(types) && types.every(isSchema))) {
    throw new RivuletError('RIVULET_INVALID_OPTION', `types must be an array of schemas, received ${quote(types)}`)
  }
  return { types, long }
}

/**
 * Returns a copy of the caller's object as JSON has it: no getters, no cycles, nothing that is not JSON.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`, also for what is longer as text than the bound.
 */
export function copyJson(json: unknown, what: string, textBytes: number): unknown {
  let text: string | undefined
  try {
    text = JSON.stringify(json)
  } catch (cause) {
    throw invalidSchema([{ path: '', message: `the ${what} is not JSON` }], cause)
  }
  if (text === undefined) throw invalidSchema([{ path: '', message: `expected a ${what}, received ${quote(json)}` }])
  return parseJson(text, textBytes)
}

/**
 * Returns the named types of schemas.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA` if two define a name differently.
 */
export function mergeTypes(schemas: readonly Schema[]): OtherTypes {
  const known = new Map<string, NamedNode>()
  const definitions = new Map<string, Definition>()
  for (const schema of schemas) {
    const json = JSON.parse(codecOf(schema).text)
    eachNamed(parseSchema(json, 'own'), (node) => {
      assertSame(node, known)
      known.set(node.name, node)
    })
    for (const [name, definition] of collect(json)) if (!definitions.has(name)) definitions.set(name, definition)
  }
  return { known, definitions }
}

/**
 * Throws if a type of the same name is known and defined differently.
 *
 * @throws RivuletError `RIVULET_INVALID_SCHEMA`.
 */
export function assertSame(node: NamedNode, known: ReadonlyMap<string, NamedNode>): void {
  const other = known.get(node.name)
  if (other === undefined || definitionForm(other) === definitionForm(node)) return
  const message = `${quote(node.name)} is defined differently by one of the types`
  throw invalidSchema([{ path: '', message }])
}

/** Freezes JSON with everything inside it, and returns it. */
export function freezeJson(json: unknown): unknown {
  if (Array.isArray(json)) json.forEach(freezeJson)
  else if (isObject(json)) Object.values(json).forEach(freezeJson)
  return Object.freeze(json)
}
