/**
 * The shape of an Avro schema as a TypeScript literal: what {@link defineSchema} takes.
 *
 * It gives completion and errors at the literal. It is not the validation, which is `parse.ts`, nor the inference of
 * the values' types, which is `infer.ts`.
 */

/** The name of a primitive Avro type. */
export type PrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

/** An Avro schema: the name of a type, a definition, or a union as an array. */
export type AvroSchema = PrimitiveName | (string & {}) | AvroDefinition | readonly AvroSchema[]

/** A definition, which is a schema written as an object. */
export type AvroDefinition = AvroRecord | AvroEnum | AvroFixed | AvroArray | AvroMap | AvroAnnotated

interface AvroNamed {
  /** The name, with or without its namespace. */
  readonly name: string
  /** The namespace; by default that of the enclosing definition. */
  readonly namespace?: string
  /** Older names, for reading what was written under them. */
  readonly aliases?: readonly string[]
  /** What the type is for. */
  readonly doc?: string
  readonly [extension: `x-${string}`]: unknown
}

/** A record, or an error, which differs only in its use. */
export interface AvroRecord extends AvroNamed {
  /** The kind. */
  readonly type: 'record' | 'error'
  /** The fields, in the order of the wire. */
  readonly fields: readonly AvroField[]
}

/** A field of a record. */
export interface AvroField {
  /** The name. */
  readonly name: string
  /** The schema of its values. */
  readonly type: AvroSchema
  /** The value, as JSON, when a writer has no such field or a value leaves it out. */
  readonly default?: unknown
  /** What the field is for. */
  readonly doc?: string
  /** Older names, for reading what was written under them. */
  readonly aliases?: readonly string[]
  /** How the field counts when records are sorted; Rivulet does not sort. */
  readonly order?: 'ascending' | 'descending' | 'ignore'
  readonly [extension: `x-${string}`]: unknown
}

/** An enum. */
export interface AvroEnum extends AvroNamed {
  /** The kind. */
  readonly type: 'enum'
  /** The symbols, in the order of the wire. */
  readonly symbols: readonly string[]
  /** The symbol that a reader takes for one that it does not know. */
  readonly default?: string
}

/** A fixed: a known number of bytes. */
export interface AvroFixed extends AvroNamed {
  /** The kind. */
  readonly type: 'fixed'
  /** How many bytes. */
  readonly size: number
  /** What the bytes stand for, for example `decimal`. */
  readonly logicalType?: string
  /** The digits of a decimal. */
  readonly precision?: number
  /** The digits of a decimal behind the point. */
  readonly scale?: number
}

/** An array. */
export interface AvroArray {
  /** The kind. */
  readonly type: 'array'
  /** The schema of its items. */
  readonly items: AvroSchema
}

/** A map; its keys are strings. */
export interface AvroMap {
  /** The kind. */
  readonly type: 'map'
  /** The schema of its values. */
  readonly values: AvroSchema
}

/** A primitive with a logical type, or any schema with attributes. */
export interface AvroAnnotated {
  /** The underlying schema. */
  readonly type: PrimitiveName | AvroDefinition | readonly AvroSchema[]
  /** What the values stand for, for example `timestamp-millis`. */
  readonly logicalType?: string
  /** The digits of a decimal. */
  readonly precision?: number
  /** The digits of a decimal behind the point. */
  readonly scale?: number
  /** What the values are for. */
  readonly doc?: string
  readonly [extension: `x-${string}`]: unknown
}
