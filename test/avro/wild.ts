/**
 * Wild schemas and values from a seed: every kind of type, logical types, defaults, aliases and recursion, names that
 * objects inherit, and hostile text wherever a schema may hold text.
 */
import type { AvroSchema } from '../../src/avro/index.js'
import { Random } from '../simulation/random.js'

/** Text that would do harm if it reached code unquoted. */
export const canaries: readonly string[] = [
  ...['"', "'", '`', '\\', '\\"', '*/', '/*', '//', '\n', '\r\n', '\u2028', '\u2029', `\${canary()}`, '<!--', '-->'],
  ...['");canary();("', "');canary();('", '`);canary();(`', '*/canary();/*', '\ncanary()\n', ']);canary();([', '\0'],
  ...['__proto__', 'constructor', '\\u0022);canary()//', '}};canary();{{', '"]:canary(),["'],
]

const fieldNames = [
  'a',
  'b',
  'c',
  'd',
  'constructor',
  'toString',
  'valueOf',
  'hasOwnProperty',
  'prototype',
  'arguments',
]
const symbolNames = ['A', 'B', 'C', '_', 'x1', 'prototype', 'arguments', 'self', 'NaN']
const typeNames = ['A', 'B', 'C', 'constructor', 'toString', 'hasOwnProperty', 'ns.A', 'ns.valueOf', 'x.y.Z']
const primitives = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'] as const
const promoted: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double', 'string'],
  long: ['float', 'double', 'int'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
}

type Json = Record<string, unknown>

/** Makes schemas that are valid as one's own, and values of them. */
export class Wild {
  readonly random: Random
  #defined = new Map<string, Json>()

  constructor(seed: number) {
    this.random = new Random(seed)
  }

  /** Returns a schema with at least one canary. */
  schema(): AvroSchema {
    this.#defined = new Map()
    return Object.assign(this.#record(3), { doc: this.text() }) as unknown as AvroSchema
  }

  text(): string {
    return `${this.random.pick(canaries)}${this.random.chance(1 / 2) ? this.random.pick(canaries) : ''}`
  }

  #extras(): Json {
    return this.random.chance(1 / 2) ? { doc: this.text(), [`x-${this.text()}`]: this.text() } : {}
  }

  /** Branches of unions cannot have the names that every object has. */
  #name(isBranch = false): string | undefined {
    const free = typeNames.filter((name) => !this.#defined.has(name) && !(isBranch && name in Object.prototype))
    return free.length === 0 ? undefined : this.random.pick(free)
  }

  #type(depth: number): unknown {
    const kind = depth <= 0 ? this.random.below(5) : this.random.below(12)
    const name = this.#name()
    if (kind < 3 || name === undefined) return this.#primitive()
    if (kind === 3) {
      const symbols = symbolNames.slice(0, 1 + this.random.below(9))
      const byDefault = this.random.chance(1 / 2) ? { default: symbols[0] } : {}
      return this.#define({ type: 'enum', name, symbols, ...byDefault, ...this.#named() })
    }
    if (kind === 4) {
      const logical = this.random.pick([{}, { logicalType: this.text() }, { logicalType: 'uuid' }])
      return this.#define({ type: 'fixed', name, size: 16, ...logical, ...this.#named() })
    }
    if (kind === 5) return { type: 'array', items: this.#type(depth - 1), ...this.#extras() }
    if (kind === 6) return { type: 'map', values: this.#type(depth - 1), ...this.#extras() }
    if (kind < 9) return this.#union(depth)
    if (kind === 9 && this.#defined.size > 0) return this.random.pick([...this.#defined.keys()])
    return this.#record(depth)
  }

  #primitive(): unknown {
    const type = this.random.pick(primitives)
    const logical: Readonly<Record<string, Json>> = {
      int: { logicalType: 'date' },
      long: { logicalType: 'timestamp-millis' },
      string: { logicalType: 'uuid' },
      bytes: { logicalType: 'decimal', precision: 6, scale: 2 },
    }
    if (this.random.chance(1 / 3)) return { type, ...logical[type], ...this.#extras() }
    return this.random.chance(1 / 4) ? { type, logicalType: this.text() } : type
  }

  #named(): Json {
    return { ...this.#extras(), aliases: [this.random.pick(typeNames)] }
  }

  #define(json: Json): Json {
    this.#defined.set(json.name as string, json)
    return json
  }

  #union(depth: number): unknown {
    const branches: unknown[] = ['null']
    const kinds = ['string', { type: 'array', items: 'int' }, 'bytes', 'boolean', 'int']
    for (let count = this.random.below(3); count > 0; count--) branches.push(this.#record(depth - 1, true))
    if (this.random.chance(1 / 2)) branches.push(kinds[this.random.below(kinds.length)])
    return branches
  }

  #record(depth: number, isBranch = false): Json | string {
    const name = this.#name(isBranch)
    if (name === undefined) return 'string'
    const record: Json = this.#define({ type: 'record', name, ...this.#named() })
    const names = [...fieldNames].sort(() => this.random.below(3) - 1).slice(0, this.random.below(6))
    record.fields = names.map((field) => {
      const type = this.#type(depth - 1)
      const json = this.random.chance(1 / 2) ? this.#default(type) : undefined
      const aliases = this.random.chance(1 / 4) ? { aliases: ['old', this.random.pick(fieldNames)] } : {}
      return { name: field, type, ...(json === undefined ? {} : { default: json }), ...aliases, ...this.#extras() }
    })
    return record
  }

  /** A default of a type that is no reference, in JSON. */
  #default(type: unknown): unknown {
    if (Array.isArray(type)) return null
    const { type: kind = type, logicalType, symbols, items, values } = (typeof type === 'object' ? type : {}) as Json
    switch (kind) {
      case 'null':
        return null
      case 'boolean':
        return true
      case 'int':
      case 'long':
      case 'float':
      case 'double':
        return -3
      case 'string':
        return logicalType === 'uuid' ? '00000000-0000-0000-0000-000000000000' : this.text()
      case 'bytes':
        return logicalType === 'decimal' ? '\u0001' : this.text().replace(/[^\0-\xff]/g, '?')
      case 'fixed':
        return this.text()
          .replace(/[^\0-\xff]/g, '?')
          .padEnd(16, '"')
          .slice(0, 16)
      case 'enum':
        return (symbols as string[])[0]
      case 'array': {
        const item = this.#default(items)
        return item === undefined ? [] : [item, item]
      }
      case 'map': {
        const value = this.#default(values)
        return value === undefined ? {} : { [this.text()]: value }
      }
      default:
        return undefined
    }
  }

  /** Returns another version of a schema, as another program might have it. */
  version(schema: AvroSchema): AvroSchema {
    return this.#changed(JSON.parse(JSON.stringify(schema))) as AvroSchema
  }

  #changed(json: unknown): unknown {
    if (typeof json === 'string') {
      const wider = promoted[json]
      return wider !== undefined && this.random.chance(1 / 3) ? this.random.pick(wider) : json
    }
    if (Array.isArray(json)) {
      if (this.random.chance(1 / 6)) return json[json.length - 1]
      return json.map((branch) => this.#changed(branch)).filter(() => !this.random.chance(1 / 8))
    }
    const node = { ...(json as Json) }
    if (this.random.chance(1 / 8) && node.name === undefined) return ['null', node]
    if (node.items !== undefined) node.items = this.#changed(node.items)
    if (node.values !== undefined) node.values = this.#changed(node.values)
    if (Array.isArray(node.symbols) && this.random.chance(1 / 2)) {
      node.symbols = node.symbols.slice(0, 1 + this.random.below(node.symbols.length))
    }
    if (Array.isArray(node.fields)) {
      const fields = (node.fields as Json[]).filter(() => !this.random.chance(1 / 4))
      node.fields = fields.map((field) => ({ ...field, type: this.#changed(field.type) }))
      if (this.random.chance(1 / 3)) (node.fields as Json[]).reverse()
      if (this.random.chance(1 / 3))
        (node.fields as Json[]).push({ name: 'added', type: 'string', default: this.text() })
    }
    return node
  }
}

/** Returns a value for a parsed schema, often one that fits. */
export function wildValue(random: Random, schema: unknown, known: Map<string, unknown>, depth = 0): unknown {
  if (random.chance(1 / 60))
    return random.pick([undefined, null, 0.5, 'x', [], {}, new Date(0), Buffer.from('y'), Number.NaN])
  if (Array.isArray(schema)) return unionValue(random, schema, known, depth)
  if (typeof schema === 'string' && known.has(schema)) return wildValue(random, known.get(schema), known, depth)
  const json = (typeof schema === 'object' ? schema : { type: schema }) as Json
  if (typeof json.name === 'string') known.set(json.name, json)
  switch (json.type) {
    case 'null':
      return null
    case 'boolean':
      return random.chance(1 / 2)
    case 'int':
      return json.logicalType === 'date' ? '2024-02-29' : random.pick([0, -1, 63, 64, 2 ** 31 - 1, -(2 ** 31)])
    case 'long':
      if (json.logicalType === 'timestamp-millis') return new Date(1_700_000_000_000)
      return random.pick<unknown>([0, 1, 2 ** 40, -(2 ** 53) + 1, 5n, 2n ** 62n])
    case 'float':
    case 'double':
      return random.pick([0, 1.5, -2, Number.POSITIVE_INFINITY])
    case 'string':
      if (json.logicalType === 'uuid') return '01234567-89ab-cdef-0123-456789abcdef'
      return random.pick(['', 'short', 'é', 'x'.repeat(70), ...canaries, '\ud800'])
    case 'bytes':
      return json.logicalType === 'decimal'
        ? random.pick(['1.50', '-0.01', '99999.99'])
        : Buffer.from(random.pick(canaries))
    case 'fixed':
      return json.logicalType === 'uuid' ? '01234567-89ab-cdef-0123-456789abcdef' : Buffer.alloc(16, random.below(256))
    case 'enum':
      return random.pick(json.symbols as string[])
    case 'array':
      return many(random, depth, () => wildValue(random, json.items, known, depth + 1))
    case 'map':
      return Object.fromEntries(
        many(random, depth, () => [random.pick(['k', ...canaries]), wildValue(random, json.values, known, depth + 1)]),
      )
    default:
      if (depth > 8) return {}
      return Object.fromEntries(
        ((json.fields ?? []) as Json[])
          .filter((field) => !(field.default !== undefined && random.chance(1 / 3)))
          .map((field) => [field.name, wildValue(random, field.type, known, depth + 1)]),
      )
  }
}

function unionValue(random: Random, branches: unknown[], known: Map<string, unknown>, depth: number): unknown {
  if (depth > 6 || branches.length === 0) return null
  const branch = random.pick(branches)
  const value = wildValue(random, branch, known, depth + 1)
  if (value === null || random.chance(1 / 2)) return value
  const json = (known.get(branch as string) ?? branch) as Json
  return { [String(json.name ?? json.type ?? branch)]: value }
}

function many<T>(random: Random, depth: number, make: () => T): T[] {
  return Array.from({ length: depth > 6 ? 0 : random.below(4) }, make)
}
