/**
 * Reads values by a plan without generated code: a closure for each part of the plan.
 *
 * It serves where no code may be generated. It takes the bytes that the code of `generate-read.ts` takes, makes the same
 * values and refuses the rest with the same reasons, which a property test holds.
 */
import type { ReadValue } from './codec.js'
import type { Cursor } from './cursor.js'
import { defaultMaker, type LongMode, type MakeDefault } from './default-value.js'
import { SkipInterpreter } from './interpret-skip.js'
import { valueLimits } from './limits.js'
import { missingSymbol, type Plan, type RecordPlan } from './plan.js'
import {
  nextBlock,
  noBranch,
  noSymbol,
  notBoolean,
  readBigLong,
  readBytes,
  readInt,
  readLength,
  readLong,
  readLongNear,
  readText,
  setKey,
  short,
  toDate,
  toDecimal,
  tooDeep,
  toTimestamp,
  toUuid,
  unresolvable,
  type ZeroCount,
} from './read-primitives.js'
import type { Logical } from './schema-node.js'

/** Reads one value, inside so many records. */
type Read = (bytes: Buffer, view: DataView, cursor: Cursor, end: number, depth: number) => unknown

/** Reads a field of the writer, and keeps it among the values of the reader's fields if it has a place there. */
type Step = (bytes: Buffer, view: DataView, cursor: Cursor, end: number, depth: number, values: unknown[]) => void

/** How a record is read; filled in after it was made, since a record may contain itself. */
interface RecordReader {
  readonly steps: Step[]
  /** The fields of the value: the default of one that the writer does not have. */
  readonly fields: RecordField[]
}

interface RecordField {
  readonly name: string
  readonly fallback: MakeDefault | undefined
}

/** Returns the function that reads values by the plan. */
export function interpretRead(plan: Plan, long: LongMode): ReadValue<unknown> {
  const zeros = { count: 0 }
  const interpreter = new ReadInterpreter(long, zeros)
  const read = interpreter.read(plan)
  interpreter.finish()
  const depth = plan.op === 'record' ? -1 : 0
  return (bytes, view, cursor, end) => {
    zeros.count = 0
    return read(bytes, view, cursor, end, depth)
  }
}

class ReadInterpreter {
  readonly #zeros: ZeroCount
  readonly #skips: SkipInterpreter
  readonly #records = new Map<RecordPlan, RecordReader>()
  readonly #pending: RecordPlan[] = []
  readonly #long: LongMode

  constructor(long: LongMode, zeros: ZeroCount) {
    this.#long = long
    this.#zeros = zeros
    this.#skips = new SkipInterpreter(zeros)
  }

  read(plan: Plan): Read {
    switch (plan.op) {
      case 'scalar':
        return this.#scalar(plan)
      case 'fixed': {
        const { size } = plan
        return converted(plan.logical, (bytes, _view, cursor, end) => {
          if (cursor.position + size > end) short()
          return taken(bytes, cursor, size)
        })
      }
      case 'enum':
        return readSymbol(plan.symbols, plan.path)
      case 'array':
        return this.#array(this.read(plan.items), plan.leastBytes)
      case 'map':
        return this.#map(this.read(plan.values))
      case 'record':
        return this.#record(plan.record)
      case 'branches': {
        const branches = plan.plans.map((branch) => this.read(branch))
        return (bytes, view, cursor, end, depth) => {
          const read = branches[readInt(bytes, cursor, end)] ?? noBranch()
          return read(bytes, view, cursor, end, depth)
        }
      }
      case 'wrap': {
        const { name } = plan
        const read = this.read(plan.plan)
        return (bytes, view, cursor, end, depth) => ({ [name]: read(bytes, view, cursor, end, depth) })
      }
      case 'unresolvable':
        return () => unresolvable(plan.path, plan.reason)
    }
  }

  /** Fills in the records. */
  finish(): void {
    for (let record = this.#pending.pop(); record !== undefined; record = this.#pending.pop()) this.#fill(record)
    this.#skips.finish()
  }

  #array(item: Read, least: number): Read {
    const zeros = this.#zeros
    return (bytes, view, cursor, end, depth) => {
      const items: unknown[] = []
      for (let left = nextBlock(bytes, cursor, end, least, zeros); left > 0; ) {
        for (; left > 0; left--) items.push(item(bytes, view, cursor, end, depth))
        left = nextBlock(bytes, cursor, end, least, zeros)
      }
      return items
    }
  }

  #map(value: Read): Read {
    const zeros = this.#zeros
    return (bytes, view, cursor, end, depth) => {
      const map: Record<string, unknown> = {}
      for (let left = nextBlock(bytes, cursor, end, 1, zeros); left > 0; ) {
        for (; left > 0; left--) {
          const key = readString(bytes, view, cursor, end)
          setKey(map, key, value(bytes, view, cursor, end, depth))
        }
        left = nextBlock(bytes, cursor, end, 1, zeros)
      }
      return map
    }
  }

  #record(record: RecordPlan): Read {
    const refused = record.unresolvable
    if (refused !== undefined) {
      return (_bytes, _view, _cursor, _end, depth) => {
        if (depth + 1 >= valueLimits.recordDepth) tooDeep()
        return unresolvable(refused.path, refused.message)
      }
    }
    let reader = this.#records.get(record)
    if (reader === undefined) {
      reader = { steps: [], fields: [] }
      this.#records.set(record, reader)
      this.#pending.push(record)
    }
    const { steps, fields } = reader
    return (bytes, view, cursor, end, depth) => {
      if (depth + 1 >= valueLimits.recordDepth) tooDeep()
      const values = new Array<unknown>(fields.length)
      for (const step of steps) step(bytes, view, cursor, end, depth + 1, values)
      const value: Record<string, unknown> = {}
      for (let index = 0; index < fields.length; index++) {
        const { name, fallback } = fields[index] as RecordField
        value[name] = fallback === undefined ? values[index] : fallback()
      }
      return value
    }
  }

  #fill(record: RecordPlan): void {
    const { steps, fields } = this.#records.get(record) as RecordReader
    const present = new Set<number>()
    for (const step of record.steps) {
      if ('skip' in step) {
        const skip = this.#skips.skip(step.skip)
        if (skip !== undefined) steps.push((bytes, _view, cursor, end, depth) => skip(bytes, cursor, end, depth))
        continue
      }
      const { field } = step
      const read = this.read(step.plan)
      present.add(field)
      steps.push((bytes, view, cursor, end, depth, values) => {
        values[field] = read(bytes, view, cursor, end, depth)
      })
    }
    for (const [index, { name, type, default: json }] of record.fields.entries()) {
      fields.push({ name, fallback: present.has(index) ? undefined : defaultMaker(type, json, this.#long) })
    }
  }

  #scalar({ wire, as, logical }: Plan & { op: 'scalar' }): Read {
    if (logical === undefined) return this.#plain(wire, as)
    // a timestamp is a Date in both modes of long
    if (wire === 'int' || wire === 'long') return converted(logical, wire === 'int' ? readIntValue : readLongValue)
    return converted(logical, this.#plain(wire, as))
  }

  #plain(wire: string, as: string): Read {
    switch (wire) {
      case 'null':
        return () => null
      case 'boolean':
        return readBoolean
      case 'int':
        if (as === 'long' && this.#long === 'bigint') return (b, _view, cursor, end) => BigInt(readInt(b, cursor, end))
        if (as === 'float') return (bytes, _view, cursor, end) => Math.fround(readInt(bytes, cursor, end))
        return readIntValue
      case 'long':
        if (as === 'float') return (bytes, _view, cursor, end) => Math.fround(readLongNear(bytes, cursor, end))
        if (as === 'double') return (bytes, _view, cursor, end) => readLongNear(bytes, cursor, end)
        if (this.#long === 'number') return readLongValue
        return (bytes, _view, cursor, end) => readBigLong(bytes, cursor, end)
      case 'float':
        return readFloat
      case 'double':
        return readDouble
      default:
        // string and bytes, which may stand for one another
        if (as === 'string') return readString
        return (bytes, _view, cursor, end) => taken(bytes, cursor, readLength(bytes, cursor, end))
    }
  }
}

const readIntValue: Read = (bytes, _view, cursor, end) => readInt(bytes, cursor, end)

const readLongValue: Read = (bytes, _view, cursor, end) => readLong(bytes, cursor, end)

function readBoolean(bytes: Buffer, _view: DataView, cursor: Cursor, end: number): boolean {
  if (cursor.position >= end) short()
  const byte = bytes[cursor.position++] as number
  if (byte > 1) notBoolean()
  return byte === 1
}

function readFloat(_bytes: Buffer, view: DataView, cursor: Cursor, end: number): number {
  const start = cursor.position
  if (start + 4 > end) short()
  cursor.position = start + 4
  return view.getFloat32(start, true)
}

function readDouble(_bytes: Buffer, view: DataView, cursor: Cursor, end: number): number {
  const start = cursor.position
  if (start + 8 > end) short()
  cursor.position = start + 8
  return view.getFloat64(start, true)
}

function readString(bytes: Buffer, _view: DataView, cursor: Cursor, end: number): string {
  const length = readLength(bytes, cursor, end)
  const start = cursor.position
  cursor.position = start + length
  return readText(bytes, start, cursor.position)
}

/** Returns a copy of the next bytes, which are there. */
function taken(bytes: Buffer, cursor: Cursor, size: number): Buffer {
  const start = cursor.position
  cursor.position = start + size
  return readBytes(bytes, start, cursor.position)
}

function readSymbol(symbols: readonly (string | undefined)[], path: string): Read {
  return (bytes, _view, cursor, end) => {
    const index = readInt(bytes, cursor, end)
    if (index < 0 || index >= symbols.length) noSymbol()
    return symbols[index] ?? unresolvable(path, missingSymbol)
  }
}

function converted(logical: Logical | undefined, read: Read): Read {
  switch (logical?.kind) {
    case undefined:
      return read
    case 'timestamp-millis':
      return (bytes, view, cursor, end, depth) => toTimestamp(read(bytes, view, cursor, end, depth) as number)
    case 'date':
      return (bytes, view, cursor, end, depth) => toDate(read(bytes, view, cursor, end, depth) as number)
    case 'uuid':
      return (bytes, view, cursor, end, depth) => toUuid(read(bytes, view, cursor, end, depth) as string | Buffer)
    case 'decimal': {
      const { precision, scale } = logical
      return (bytes, view, cursor, end, depth) =>
        toDecimal(read(bytes, view, cursor, end, depth) as Buffer, precision, scale)
    }
  }
}
