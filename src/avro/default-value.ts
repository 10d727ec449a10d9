/**
 * Defaults: the JSON of a default becomes a function that makes a fresh value each time.
 *
 * The same walk tells whether a default is valid, so parsing and codecs cannot differ. Bytes are JSON strings of the
 * code points 0 to 255; a union's default fits its first branch that matches (specification, Complex Types).
 */
import { schemaLimits } from './limits.js'
import { dateFromWire, decimalFromWire, isUuid, timestampFromWire, uuidFromWire } from './logical.js'
import { branchName, type FixedNode, type PrimitiveNode, type SchemaNode } from './schema-node.js'
import { isWellFormed } from './write-primitives.js'

/** How an Avro long looks in JavaScript. */
export type LongMode = 'number' | 'bigint'

/** How much more the defaults of one schema may hold: a default can name other defaults, and so explode. */
export interface DefaultBudget {
  values: number
  characters: number
}

/** Makes the value of a default, a new one each time. */
export type MakeDefault = () => unknown

const deepest = 64

/** Returns a budget for the defaults of one schema. */
export function defaultBudget(): DefaultBudget {
  return { values: schemaLimits.defaultValues, characters: schemaLimits.defaultCharacters }
}

const unlimited: DefaultBudget = { values: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY }

/**
 * Returns the function that makes the value of a default, or `undefined` if it does not fit the type.
 *
 * @param budget - For a schema that has not been accepted yet.
 */
export function defaultMaker(
  node: SchemaNode,
  json: unknown,
  long: LongMode,
  budget = unlimited,
  depth = 0,
): MakeDefault | undefined {
  if (--budget.values < 0 || depth > deepest) return undefined
  const inner = (type: SchemaNode, value: unknown) => defaultMaker(type, value, long, budget, depth + 1)
  switch (node.kind) {
    case 'array': {
      if (!Array.isArray(json)) return undefined
      const items = all(json, (item) => inner(node.items, item))
      return items && (() => items.map((make) => make()))
    }
    case 'map':
      if (!isObject(json)) return undefined
      for (const key of Object.keys(json)) budget.characters -= key.length
      return objectMaker(all(Object.entries(json), ([key, value]) => entry(key, inner(node.values, value))))
    case 'record':
      if (!isObject(json)) return undefined
      return objectMaker(
        all(node.fields, (field) => {
          if (Object.hasOwn(json, field.name)) return entry(field.name, inner(field.type, json[field.name]))
          return field.hasDefault ? entry(field.name, inner(field.type, field.default)) : undefined
        }),
      )
    case 'union':
      for (const branch of node.branches) {
        const make = inner(branch, json)
        if (make === undefined) continue
        return node.wrapped && branch.kind !== 'null' ? objectMaker([[branchName(branch), make]]) : make
      }
      return undefined
    default: {
      if (typeof json === 'string') budget.characters -= json.length
      if (budget.characters < 0) return undefined
      if (node.kind === 'enum') {
        return typeof json === 'string' && node.symbols.includes(json) ? () => json : undefined
      }
      return scalarMaker(node, json, long)
    }
  }
}

function scalarMaker(node: PrimitiveNode | FixedNode, json: unknown, long: LongMode): MakeDefault | undefined {
  switch (node.kind) {
    case 'null':
      return json === null ? () => null : undefined
    case 'boolean':
      return typeof json === 'boolean' ? () => json : undefined
    case 'int':
      if (typeof json !== 'number' || json !== (json | 0)) return undefined
      return node.logical === undefined ? () => json : unlessUndefined(dateFromWire(json))
    case 'long': {
      if (!Number.isSafeInteger(json)) return undefined
      const number = Number(json)
      if (node.logical !== undefined) return timestampFromWire(number) && (() => new Date(number))
      return long === 'bigint' ? unlessUndefined(BigInt(number)) : () => number
    }
    case 'float':
    case 'double':
      return typeof json === 'number' ? () => json : undefined
    case 'string':
      if (node.logical !== undefined && !isUuid(json)) return undefined
      return typeof json === 'string' && isWellFormed(json) ? () => json : undefined
    case 'bytes':
    case 'fixed': {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of a byte
      if (typeof json !== 'string' || !/^[\u0000-\u00ff]*$/.test(json)) return undefined
      if (node.kind === 'fixed' && json.length !== node.size) return undefined
      if (node.logical === undefined) return () => Buffer.from(json, 'latin1')
      const bytes = Buffer.from(json, 'latin1')
      return node.logical.kind === 'decimal'
        ? unlessUndefined(decimalFromWire(bytes, node.logical.precision, node.logical.scale))
        : unlessUndefined(uuidFromWire(bytes))
    }
  }
}

/** Tells whether JSON is an object, not an array and not null. */
export function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

const unlessUndefined = (value: unknown): MakeDefault | undefined => (value === undefined ? undefined : () => value)

type Entry = readonly [key: string, make: MakeDefault]

const entry = (key: string, make: MakeDefault | undefined): Entry | undefined => make && [key, make]

/** `fromEntries` defines its properties, so that `__proto__` is a key like others. */
function objectMaker(entries: readonly Entry[] | undefined): MakeDefault | undefined {
  return entries && (() => Object.fromEntries(entries.map(([key, make]) => [key, make()])))
}

function all<T, Made>(from: readonly T[], make: (item: T) => Made | undefined): Made[] | undefined {
  const made: Made[] = []
  for (const item of from) {
    const one = make(item)
    if (one === undefined) return undefined
    made.push(one)
  }
  return made
}
