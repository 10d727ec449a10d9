/**
 * Reads the logical type from the attributes of a schema, and tells whether it fits its underlying type.
 *
 * The conversions themselves are in `logical.ts`. A logical type that Rivulet does not convert is kept as stated, since
 * schema resolution compares it, and its values are those of the underlying type.
 */
import { schemaLimits } from './limits.js'
import { digitsOfBytes } from './logical.js'
import type { Logical } from './schema-node.js'
import type { PrimitiveName } from './schema-types.js'

interface LogicalAnnotation {
  stated?: string
  logical?: Logical
  /** Why the logical type is not valid here. */
  refusal?: string
}

/** Returns what the attributes say about the logical type. */
export function readLogical(
  json: Readonly<Record<string, unknown>>,
  kind: 'fixed' | PrimitiveName,
  size?: number,
): LogicalAnnotation {
  const { logicalType } = json
  if (typeof logicalType !== 'string') return {}
  switch (logicalType) {
    case 'timestamp-millis':
      return kind === 'long' ? simple(logicalType) : { refusal: 'timestamp-millis must be a long' }
    case 'date':
      return kind === 'int' ? simple(logicalType) : { refusal: 'date must be an int' }
    case 'uuid':
      if (kind === 'string' || size === 16) return simple(logicalType)
      return { refusal: 'uuid must be a string, or a fixed of 16 bytes' }
    case 'decimal':
      return kind === 'bytes' || kind === 'fixed'
        ? decimal(json, size)
        : { refusal: 'decimal must be bytes or a fixed' }
    default:
      return { stated: logicalType }
  }
}

function simple(kind: 'timestamp-millis' | 'date' | 'uuid'): LogicalAnnotation {
  return { stated: kind, logical: { kind } }
}

function decimal(json: Readonly<Record<string, unknown>>, size: number | undefined): LogicalAnnotation {
  const { precision, scale = 0 } = json
  if (!isDigits(precision) || precision === 0) {
    return { refusal: `the precision of a decimal must be an integer from 1 to ${schemaLimits.decimalDigits}` }
  }
  if (!isDigits(scale) || scale > precision) {
    return { refusal: 'the scale of a decimal must be an integer from 0 to its precision' }
  }
  if (size !== undefined && precision > digitsOfBytes(size)) {
    return { refusal: `a fixed of ${size} bytes cannot hold ${precision} digits` }
  }
  return { stated: `decimal(${precision},${scale})`, logical: { kind: 'decimal', precision, scale } }
}

function isDigits(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= schemaLimits.decimalDigits
}
