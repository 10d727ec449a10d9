/**
 * Writes values of a schema without generated code: a closure for each type.
 *
 * It serves where no code may be generated. It writes the bytes that the code of `generate-write.ts` writes and refuses
 * the same values, which a property test holds; each value checks for its own room.
 */
import type { WriteValue } from './codec.js'
import { defaultMaker, type LongMode } from './default-value.js'
import { valueLimits } from './limits.js'
import { dateToWire, decimalToWire, isUuid, timestampToWire, uuidToWire } from './logical.js'
import { looker } from './looks.js'
import {
  branchName,
  type FixedNode,
  type PrimitiveNode,
  type RecordNode,
  type SchemaNode,
  type UnionNode,
} from './schema-node.js'
import { full, isPlain, onlyKey, refuse, writeBigLong, writeBytes, writeLong, writeString } from './write-primitives.js'

/** Writes one value, inside so many records, and returns the position behind it. */
type Write = (value: unknown, bytes: Buffer, view: DataView, position: number, end: number, depth: number) => number

/** How a field is written. */
type Field = (
  record: Record<string, unknown>,
  ...rest: Parameters<Write> extends [unknown, ...infer R] ? R : never
) => number

/** Returns the function that writes values of the schema. */
export function interpretWrite(node: SchemaNode, long: LongMode): WriteValue<unknown> {
  const interpreter = new WriteInterpreter(long)
  const write = interpreter.write(node)
  interpreter.finish()
  const depth = node.kind === 'record' ? -1 : 0
  return (value, bytes, view, position, end) => write(value, bytes, view, position, end, depth)
}

class WriteInterpreter {
  readonly #records = new Map<RecordNode, Field[]>()
  readonly #pending: RecordNode[] = []
  readonly #long: LongMode

  constructor(long: LongMode) {
    this.#long = long
  }

  write(node: SchemaNode): Write {
    switch (node.kind) {
      case 'enum': {
        const indexes = new Map<unknown, number>(node.symbols.map((symbol, index) => [symbol, index]))
        return (value, bytes, _view, position, end) => writeInteger(bytes, position, indexes.get(value), end)
      }
      case 'fixed':
        return writeFixed(node)
      case 'array':
        return this.#array(this.write(node.items))
      case 'map':
        return this.#map(this.write(node.values))
      case 'record':
        return this.#record(node)
      case 'union':
        return node.wrapped ? this.#wrapped(node) : this.#plain(node)
      default:
        return this.#primitive(node)
    }
  }

  /** Fills in the records: each may contain itself. */
  finish(): void {
    for (let record = this.#pending.pop(); record !== undefined; record = this.#pending.pop()) {
      const fields = this.#records.get(record) as Field[]
      for (const { name, type, hasDefault, default: json } of record.fields) {
        const write = this.write(type)
        const fallback = hasDefault ? defaultMaker(type, json, this.#long) : undefined
        const inherited = name in Object.prototype
        fields.push((value, bytes, view, position, end, depth) => {
          const own = inherited && !Object.hasOwn(value, name) ? undefined : value[name]
          return write(own === undefined && fallback ? fallback() : own, bytes, view, position, end, depth)
        })
      }
    }
  }

  #primitive(node: PrimitiveNode): Write {
    const { kind, logical } = node
    switch (kind) {
      case 'null':
        return (value, _bytes, _view, position) => (value === null ? position : refuse())
      case 'boolean':
        return (value, bytes, _view, position, end) => {
          if (position >= end) full()
          if (typeof value !== 'boolean') refuse()
          bytes[position] = value ? 1 : 0
          return position + 1
        }
      case 'int':
        if (logical) return (value, bytes, _view, p, end) => writeInteger(bytes, p, dateToWire(value), end)
        return (value, bytes, _view, p, end) =>
          writeInteger(bytes, p, typeof value === 'number' && value === (value | 0) ? value : undefined, end)
      case 'long':
        if (logical) return (value, bytes, _view, p, end) => writeInteger(bytes, p, timestampToWire(value), end)
        if (this.#long === 'number') {
          return (value, bytes, _view, p, end) =>
            writeInteger(bytes, p, Number.isSafeInteger(value) ? (value as number) : undefined, end)
        }
        return (value, bytes, _view, position, end) => {
          if (position + 10 > end) full()
          return typeof value === 'bigint' ? writeBigLong(bytes, position, value) : refuse()
        }
      case 'float':
        return (value, _bytes, view, position, end) => {
          if (position + 4 > end) full()
          if (typeof value !== 'number') refuse()
          view.setFloat32(position, value, true)
          return position + 4
        }
      case 'double':
        return (value, _bytes, view, position, end) => {
          if (position + 8 > end) full()
          if (typeof value !== 'number') refuse()
          view.setFloat64(position, value, true)
          return position + 8
        }
      case 'string':
        return (value, bytes, _view, position, end) => {
          if (logical ? !isUuid(value) : typeof value !== 'string') refuse()
          return writeString(bytes, position, value as string, end)
        }
      case 'bytes':
        if (logical?.kind !== 'decimal') {
          return (value, bytes, _view, position, end) =>
            writeBytes(bytes, position, value instanceof Uint8Array ? value : refuse(), end)
        }
        return (value, bytes, _view, position, end) =>
          writeBytes(bytes, position, decimalToWire(value, logical.precision, logical.scale) ?? refuse(), end)
    }
  }

  #array(item: Write): Write {
    return (value, bytes, view, position, end, depth) => {
      if (!Array.isArray(value)) refuse()
      const { length } = value as unknown[]
      let p = beginBlock(bytes, position, length, end)
      for (let i = 0; i < length; i++) p = item((value as unknown[])[i], bytes, view, p, end, depth)
      return endBlocks(bytes, p, end)
    }
  }

  #map(inner: Write): Write {
    return (value, bytes, view, position, end, depth) => {
      if (!isPlain(value)) return refuse()
      const keys = Object.keys(value)
      let p = beginBlock(bytes, position, keys.length, end)
      for (const key of keys) {
        const entry = value[key]
        p = inner(entry, bytes, view, writeString(bytes, p, key, end), end, depth)
      }
      return endBlocks(bytes, p, end)
    }
  }

  #record(node: RecordNode): Write {
    let fields = this.#records.get(node)
    if (fields === undefined) {
      fields = []
      this.#records.set(node, fields)
      this.#pending.push(node)
    }
    const known = fields
    // a value of another kind would pass for one that leaves every field to its default
    const optional = node.fields.every((field) => field.hasDefault)
    return (value, bytes, view, position, end, depth) => {
      if (depth + 1 >= valueLimits.recordDepth) refuse()
      if (optional ? !isPlain(value) : typeof value !== 'object' || value === null) refuse()
      let p = position
      for (const field of known) p = field(value as Record<string, unknown>, bytes, view, p, end, depth + 1)
      return p
    }
  }

  #plain(node: UnionNode): Write {
    const branches = node.branches.map((branch, index) => ({
      looksRight: looker(branch, this.#long),
      write: this.#branch(branch, index),
    }))
    return (value, bytes, view, position, end, depth) => {
      for (const { looksRight, write } of branches) {
        if (looksRight(value)) return write(value, bytes, view, position, end, depth)
      }
      return refuse()
    }
  }

  #wrapped(node: UnionNode): Write {
    const branches = new Map<string | undefined, Write>()
    let empty: Write | undefined
    for (const [index, branch] of node.branches.entries()) {
      const write = this.#branch(branch, index)
      if (branch.kind === 'null') empty = write
      else branches.set(branchName(branch), write)
    }
    return (value, bytes, view, position, end, depth) => {
      if (value === null && empty) return empty(value, bytes, view, position, end, depth)
      const key = onlyKey(value)
      const write = branches.get(key) ?? refuse()
      return write((value as Record<string, unknown>)[key as string], bytes, view, position, end, depth)
    }
  }

  #branch(branch: SchemaNode, index: number): Write {
    const write = this.write(branch)
    return (value, bytes, view, position, end, depth) =>
      write(value, bytes, view, writeInteger(bytes, position, index, end), end, depth)
  }
}

/** Writes an integer of a value that fits, which then is not `undefined`. */
function writeInteger(bytes: Buffer, position: number, value: number | undefined, end: number): number {
  if (position + 10 > end) full()
  return writeLong(bytes, position, value ?? refuse())
}

function writeFixed({ size, logical }: FixedNode): Write {
  const wireOf = (value: unknown): Uint8Array | undefined => {
    if (logical?.kind === 'decimal') return decimalToWire(value, logical.precision, logical.scale, size)
    if (logical !== undefined) return uuidToWire(value)
    return value instanceof Uint8Array && value.length === size ? value : undefined
  }
  return (value, bytes, _view, position, end) => {
    const wire = wireOf(value) ?? refuse()
    if (position + size > end) full()
    bytes.set(wire, position)
    return position + size
  }
}

/** Begins the single block of items, if there are any. */
function beginBlock(bytes: Buffer, position: number, count: number, end: number): number {
  return count === 0 ? position : writeInteger(bytes, position, count, end)
}

function endBlocks(bytes: Buffer, position: number, end: number): number {
  if (position >= end) full()
  bytes[position] = 0
  return position + 1
}
