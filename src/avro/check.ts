/**
 * Says what is wrong with a value: every place with its path, what was expected and what was received, never the value.
 *
 * It takes exactly the values that the writers take. It is slow, and runs only for values that were refused
 * and for `Schema.check`.
 */
import type { Issue } from '../errors/index.js'
import type { LongMode } from './default-value.js'
import { valueLimits } from './limits.js'
import { dateToWire, decimalToWire, isUuid, timestampToWire, uuidToWire } from './logical.js'
import { looker } from './looks.js'
import { fieldPath, quote } from './path.js'
import {
  type ArrayNode,
  branchName,
  type EnumNode,
  type FieldNode,
  type FixedNode,
  type MapNode,
  type PrimitiveNode,
  type RecordNode,
  type SchemaNode,
  type UnionNode,
} from './schema-node.js'
import { isPlain, isWellFormed, onlyKey } from './write-primitives.js'

const mostIssues = 100

/** Symbols of an enum that a message lists. */
const mostSymbols = 10

/** Returns the places where a value does not fit the schema; none if it can be written. */
export function checkValue(node: SchemaNode, value: unknown, long: LongMode): Issue[] {
  const checker = new Checker(long)
  checker.check(node, value, '', 0)
  return checker.issues
}

class Checker {
  readonly issues: Issue[] = []
  readonly #long: LongMode

  constructor(long: LongMode) {
    this.#long = long
  }

  check(node: SchemaNode, value: unknown, path: string, depth: number): void {
    if (this.issues.length >= mostIssues) return
    switch (node.kind) {
      case 'array':
        this.#array(node, value, path, depth)
        return
      case 'map':
        this.#map(node, value, path, depth)
        return
      case 'record':
        this.#record(node, value, path, depth)
        return
      case 'union':
        this.#union(node, value, path, depth)
        return
      default: {
        const expected = whatIsWrong(node, value, this.#long)
        if (expected !== undefined) this.#expected(expected, value, path)
      }
    }
  }

  #array(node: ArrayNode, value: unknown, path: string, depth: number): void {
    if (Array.isArray(value)) {
      // by index: a hole is a missing item
      for (let index = 0; index < value.length && this.issues.length < mostIssues; index++) {
        this.check(node.items, value[index], `${path}[${index}]`, depth)
      }
    } else this.#expected('array', value, path)
  }

  #map(node: MapNode, value: unknown, path: string, depth: number): void {
    if (isPlain(value)) {
      for (const key of Object.keys(value)) {
        const at = `${path}[${quote(key)}]`
        if (!isWellFormed(key)) this.#issue(at, 'expected a key that can be written as UTF-8')
        this.check(node.values, value[key], at, depth)
      }
    } else this.#expected('map, a plain object', value, path)
  }

  #record(node: RecordNode, value: unknown, path: string, depth: number): void {
    const optional = node.fields.every((field) => field.hasDefault)
    if (optional ? !isPlain(value) : typeof value !== 'object' || value === null) {
      this.#expected(`record ${node.name}`, value, path)
    } else if (depth >= valueLimits.recordDepth) {
      this.#issue(path, 'records are nested too deep')
    } else {
      const before = this.issues.length
      for (const field of node.fields) {
        const own = fieldValue(value as Record<string, unknown>, field)
        if (own === undefined && field.hasDefault) continue
        this.check(field.type, own, fieldPath(path, field.name), depth + 1)
      }
      // that fields are missing says less than what stands in the place of the object
      if (this.issues.length > before && isCollection(value)) {
        this.issues.length = before
        this.#expected(`record ${node.name}`, value, path)
      }
    }
  }

  #union(node: UnionNode, value: unknown, path: string, depth: number): void {
    const names = node.branches.map(branchName).join(', ')
    if (!node.wrapped) {
      const branch = node.branches.find((candidate) => looker(candidate, this.#long)(value))
      if (branch === undefined) this.#expected(`one of ${names}`, value, path)
      else this.check(branch, value, path, depth)
      return
    }
    if (value === null && node.branches.some((branch) => branch.kind === 'null')) return
    const key = onlyKey(value)
    const branch = node.branches.find((one) => one.kind !== 'null' && branchName(one) === key)
    if (branch === undefined || key === undefined) this.#expected(`an object with one key of ${names}`, value, path)
    else this.check(branch, (value as Record<string, unknown>)[key], fieldPath(path, key), depth)
  }

  #expected(expected: string, value: unknown, path: string): void {
    this.#issue(path, `expected ${expected}, received ${received(value)}`)
  }

  #issue(path: string, message: string): void {
    this.issues.push({ path, message })
  }
}

function fieldValue(record: Record<string, unknown>, field: FieldNode): unknown {
  return field.name in Object.prototype && !Object.hasOwn(record, field.name) ? undefined : record[field.name]
}

/** What a single value should have been, or `undefined` if it is right. */
function whatIsWrong(node: PrimitiveNode | EnumNode | FixedNode, value: unknown, long: LongMode): string | undefined {
  const logical = 'logical' in node ? node.logical : undefined
  const size = node.kind === 'fixed' ? node.size : undefined
  switch (logical?.kind) {
    case 'timestamp-millis':
      return timestampToWire(value) === undefined ? 'valid Date' : undefined
    case 'date':
      return dateToWire(value) === undefined ? 'date as YYYY-MM-DD' : undefined
    case 'uuid':
      return (size === undefined ? isUuid(value) : uuidToWire(value)) ? undefined : 'UUID'
    case 'decimal': {
      const { precision, scale } = logical
      const fits = decimalToWire(value, precision, scale, size) !== undefined
      return fits ? undefined : `decimal as a string, of at most ${precision} digits, ${scale} of them after the point`
    }
  }
  switch (node.kind) {
    case 'null':
      return value === null ? undefined : 'null'
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'boolean'
    case 'int':
      return typeof value === 'number' && value === (value | 0) ? undefined : 'int, an integer of 32 bits'
    case 'long':
      if (long === 'number') return Number.isSafeInteger(value) ? undefined : 'long, a safe integer'
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? undefined : 'long, a bigint of 64 bits'
    case 'float':
    case 'double':
      return typeof value === 'number' ? undefined : `${node.kind}, a number`
    case 'string':
      return typeof value === 'string' && isWellFormed(value) ? undefined : 'string of well-formed text'
    case 'bytes':
      return value instanceof Uint8Array ? undefined : 'bytes, a Uint8Array'
    case 'fixed':
      return value instanceof Uint8Array && value.length === size ? undefined : `fixed of ${size} bytes`
    case 'enum': {
      const fits = typeof value === 'string' && node.symbols.includes(value)
      return fits ? undefined : `symbol of ${node.name} (${shownSymbols(node.symbols)})`
    }
  }
}

/** Names the kind of a value, and for what is often confused a little more, never the value. */
function received(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof Map) return 'Map, no plain object'
  if (value instanceof Set) return 'Set, no plain object'
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid Date' : 'Date'
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'string') return isWellFormed(value) ? 'string' : 'string with half a surrogate pair'
  if (typeof value !== 'number') return typeof value
  if (Number.isSafeInteger(value)) return 'integer'
  if (!Number.isFinite(value)) return String(value)
  return Number.isInteger(value) ? 'number beyond the safe integers' : 'fraction'
}

function isCollection(value: unknown): boolean {
  return Array.isArray(value) || value instanceof Map || value instanceof Set
}

/** Lists the symbols of an enum, the first of many. */
function shownSymbols(symbols: readonly string[]): string {
  const shown = symbols.slice(0, mostSymbols).map(quote).join(', ')
  return symbols.length > mostSymbols ? `${shown} and ${symbols.length - mostSymbols} more` : shown
}
