/**
 * Goes past values without generated code: a closure for each type. It checks what `generate-skip.ts` checks.
 *
 * A type that never takes a byte has no closure at all, else nested empty records could cost without bound.
 */
import type { SkipValue } from './codec.js'
import type { Cursor } from './cursor.js'
import { valueLimits } from './limits.js'
import {
  nextBlock,
  noBranch,
  noSymbol,
  notBoolean,
  readInt,
  readLength,
  short,
  skipLong,
  tooDeep,
  type ZeroCount,
} from './read-primitives.js'
import { leastBytes, type RecordNode, type SchemaNode } from './schema-node.js'

/** Goes past one value, inside so many records. */
export type Skip = (bytes: Buffer, cursor: Cursor, end: number, depth: number) => void

/** Returns the function that goes past values of a schema. */
export function interpretSkip(node: SchemaNode): SkipValue {
  const zeros = { count: 0 }
  const interpreter = new SkipInterpreter(zeros)
  const skip = interpreter.skip(node)
  interpreter.finish()
  return (bytes, _view, cursor, end) => {
    zeros.count = 0
    skip?.(bytes, cursor, end, 0)
  }
}

/** The part of the interpreter that makes no values. */
export class SkipInterpreter {
  readonly #zeros: ZeroCount
  readonly #records = new Map<RecordNode, Skip[]>()
  readonly #pending: RecordNode[] = []
  readonly #least = new Map<SchemaNode, number>()

  constructor(zeros: ZeroCount) {
    this.#zeros = zeros
  }

  /** Returns the way past a value; `undefined` if it never takes a byte. */
  skip(node: SchemaNode): Skip | undefined {
    const least = leastBytes(node, this.#least)
    if (least === 0) return undefined
    switch (node.kind) {
      case 'boolean':
        return (bytes, cursor, end) => {
          if (cursor.position >= end) short()
          if ((bytes[cursor.position++] as number) > 1) notBoolean()
        }
      case 'int':
        return readInt
      case 'long':
        return skipLong
      case 'string':
      case 'bytes':
        return skipLengthAndBytes
      case 'enum': {
        const { length } = node.symbols
        return (bytes, cursor, end) => {
          const index = readInt(bytes, cursor, end)
          if (index < 0 || index >= length) noSymbol()
        }
      }
      case 'array':
        return this.#blocks(this.skip(node.items), leastBytes(node.items, this.#least))
      case 'map': {
        const value = this.skip(node.values)
        return this.#blocks((bytes, cursor, end, depth) => {
          skipLengthAndBytes(bytes, cursor, end)
          value?.(bytes, cursor, end, depth)
        }, 1)
      }
      case 'union': {
        const branches = node.branches.map((branch) => this.skip(branch))
        return (bytes, cursor, end, depth) => {
          const index = readInt(bytes, cursor, end)
          if (index < 0 || index >= branches.length) noBranch()
          branches[index]?.(bytes, cursor, end, depth)
        }
      }
      case 'record': {
        const fields = this.#record(node)
        return (bytes, cursor, end, depth) => {
          if (depth + 1 >= valueLimits.recordDepth) tooDeep()
          for (const field of fields) field(bytes, cursor, end, depth + 1)
        }
      }
      default:
        return (_bytes, cursor, end) => {
          cursor.position += least
          if (cursor.position > end) short()
        }
    }
  }

  /** Fills in the records that are skipped: each may contain itself. */
  finish(): void {
    for (let record = this.#pending.pop(); record !== undefined; record = this.#pending.pop()) {
      const fields = this.#record(record)
      for (const field of record.fields) {
        const skip = this.skip(field.type)
        if (skip !== undefined) fields.push(skip)
      }
    }
  }

  #blocks(item: Skip | undefined, least: number): Skip {
    const zeros = this.#zeros
    return (bytes, cursor, end, depth) => {
      for (let left = nextBlock(bytes, cursor, end, least, zeros); left > 0; ) {
        for (; item !== undefined && left > 0; left--) item(bytes, cursor, end, depth)
        left = nextBlock(bytes, cursor, end, least, zeros)
      }
    }
  }

  #record(node: RecordNode): Skip[] {
    let fields = this.#records.get(node)
    if (fields === undefined) {
      fields = []
      this.#records.set(node, fields)
      this.#pending.push(node)
    }
    return fields
  }
}

function skipLengthAndBytes(bytes: Buffer, cursor: Cursor, end: number): void {
  const length = readLength(bytes, cursor, end)
  cursor.position += length
}
