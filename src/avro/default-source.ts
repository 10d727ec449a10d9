/**
 * Defaults: the JSON of a default becomes the source text of an expression that makes a fresh value each time.
 *
 * The same walk tells whether a default is valid, so parsing and code generation cannot differ. Bytes are JSON strings
 * of the code points 0 to 255; a union's default fits its first branch that matches (specification, Complex Types).
 * Everything from the schema enters the text through `JSON.stringify`.
 */
import { schemaLimits } from './limits.js'
import { dateFromWire, decimalFromWire, isUuid, timestampFromWire, uuidFromWire } from './logical.js'
import { branchName, type FixedNode, type PrimitiveNode, type SchemaNode } from './schema-node.js'

/** How an Avro long looks in JavaScript. */
export type LongMode = 'number' | 'bigint'

/** How much more the defaults of one schema may hold: a default can name other defaults, and so explode. */
export interface DefaultBudget {
  values: number
  characters: number
}

const deepest = 64

/** Returns a budget for the defaults of one schema. */
export function defaultBudget(): DefaultBudget {
  return { values: schemaLimits.defaultValues, characters: schemaLimits.defaultCharacters }
}

const unlimited: DefaultBudget = { values: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY }

/**
 * Returns the source of an expression for the value of a default, or `undefined` if it does not fit the type.
 *
 * @param budget - For a schema that has not been accepted yet.
 */
export function defaultSource(
  node: SchemaNode,
  json: unknown,
  long: LongMode,
  budget = unlimited,
  depth = 0,
): string | undefined {
  if (--budget.values < 0 || budget.characters < 0 || depth > deepest) return undefined
  const source = sourceOf(node, json, long, budget, depth)
  budget.characters -= source?.length ?? 0
  return source
}

function sourceOf(
  node: SchemaNode,
  json: unknown,
  long: LongMode,
  budget: DefaultBudget,
  depth: number,
): string | undefined {
  const inner = (type: SchemaNode, value: unknown) => defaultSource(type, value, long, budget, depth + 1)
  switch (node.kind) {
    case 'array': {
      if (!Array.isArray(json)) return undefined
      const items = all(json, (item) => inner(node.items, item))
      return items && `[${items.join(',')}]`
    }
    case 'map': {
      if (!isObject(json)) return undefined
      const entries = all(Object.entries(json), ([key, value]) => property(key, inner(node.values, value)))
      return entries && `{${entries.join(',')}}`
    }
    case 'record': {
      if (!isObject(json)) return undefined
      const entries = all(node.fields, (field) => {
        if (Object.hasOwn(json, field.name)) return property(field.name, inner(field.type, json[field.name]))
        return field.hasDefault ? property(field.name, inner(field.type, field.default)) : undefined
      })
      return entries && `{${entries.join(',')}}`
    }
    case 'union':
      for (const branch of node.branches) {
        const source = inner(branch, json)
        if (source === undefined) continue
        return node.wrapped && branch.kind !== 'null' ? `{${property(branchName(branch), source)}}` : source
      }
      return undefined
    case 'enum':
      return typeof json === 'string' && node.symbols.includes(json) ? JSON.stringify(json) : undefined
    default:
      return scalarSource(node, json, long)
  }
}

function scalarSource(node: PrimitiveNode | FixedNode, json: unknown, long: LongMode): string | undefined {
  switch (node.kind) {
    case 'null':
      return json === null ? 'null' : undefined
    case 'boolean':
      return typeof json === 'boolean' ? String(json) : undefined
    case 'int':
      if (typeof json !== 'number' || json !== (json | 0)) return undefined
      return node.logical === undefined ? numeral(json) : text(dateFromWire(json))
    case 'long':
      if (!Number.isSafeInteger(json)) return undefined
      if (node.logical !== undefined) return timestampFromWire(Number(json)) && `new Date(${numeral(Number(json))})`
      return long === 'bigint' ? `${BigInt(Number(json))}n` : numeral(Number(json))
    case 'float':
    case 'double':
      return typeof json === 'number' ? numeral(json) : undefined
    case 'string':
      if (node.logical !== undefined && !isUuid(json)) return undefined
      return typeof json === 'string' && !/\p{Surrogate}/u.test(json) ? JSON.stringify(json) : undefined
    case 'bytes':
    case 'fixed': {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of a byte
      if (typeof json !== 'string' || !/^[\u0000-\u00ff]*$/.test(json)) return undefined
      if (node.kind === 'fixed' && json.length !== node.size) return undefined
      if (node.logical === undefined) return `Buffer.from(${JSON.stringify(json)},"latin1")`
      const bytes = Buffer.from(json, 'latin1')
      return node.logical.kind === 'decimal'
        ? text(decimalFromWire(bytes, node.logical.precision, node.logical.scale))
        : text(uuidFromWire(bytes))
    }
  }
}

/** Tells whether JSON is an object, not an array and not null. */
export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

const text = (value: string | undefined): string | undefined => value && JSON.stringify(value)

const numeral = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))

/** Returns `key:value` for an object literal; computed, since a plain `__proto__` would set the prototype. */
function property(key: string, value: string | undefined): string | undefined {
  return value === undefined ? undefined : `[${JSON.stringify(key)}]:${value}`
}

function all<T>(from: readonly T[], source: (item: T) => string | undefined): string[] | undefined {
  const sources: string[] = []
  for (const item of from) {
    const one = source(item)
    if (one === undefined) return undefined
    sources.push(one)
  }
  return sources
}
