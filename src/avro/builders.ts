/**
 * Builders: short functions that return plain Avro JSON, for those who would rather call than write literals.
 *
 * They are no second schema language: `defineSchema(record('Tick', { price: 'double' }))` and the literal are the same.
 */
import type { AvroSchema } from './schema-types.js'

/** A field of a record under construction: its schema, or that with a default, aliases and documentation. */
export type FieldSpec =
  | AvroSchema
  | {
      /** The schema of the values. */
      readonly schema: AvroSchema
      /** The value, as JSON, when a writer has no such field or a value leaves it out. */
      readonly default?: unknown
      /** Older names of the field. */
      readonly aliases?: readonly string[]
      /** What the field is for. */
      readonly doc?: string
    }

type FieldOf<Name, Spec> = Spec extends { readonly schema: infer Type }
  ? Spec extends { readonly default: infer Default }
    ? { readonly name: Name; readonly type: Type; readonly default: Default }
    : { readonly name: Name; readonly type: Type }
  : { readonly name: Name; readonly type: Spec }

/** The fields that a builder makes of an object. */
export type FieldsOf<Fields> = readonly {
  [Name in keyof Fields & string]: FieldOf<Name, Fields[Name]>
}[keyof Fields & string][]

/**
 * Returns a record; its fields are in the order of the object's keys.
 *
 * @param name - The name, with or without a namespace.
 * @param fields - The schema of each field by name, or `{ type, default, … }`.
 * @example
 * ```ts
 * import { defineSchema, nullable, record } from 'rivulet/avro'
 *
 * const Note = defineSchema(record('Note', { text: 'string', author: { schema: nullable('string'), default: null } }))
 * Note.encode({ text: 'hello' })
 * ```
 */
export function record<const Name extends string, const Fields extends { readonly [name: string]: FieldSpec }>(
  name: Name,
  fields: Fields,
): { readonly type: 'record'; readonly name: Name; readonly fields: FieldsOf<Fields> } {
  const list = Object.entries(fields).map(([field, spec]) => {
    if (typeof spec !== 'object' || !('schema' in spec)) return { name: field, type: spec }
    const { schema, ...rest } = spec
    return { name: field, type: schema, ...rest }
  })
  return { type: 'record', name, fields: list as unknown as FieldsOf<Fields> }
}

/**
 * Returns an enum without a default: a reader that does not know a symbol cannot read it.
 *
 * @param name - The name, with or without a namespace: letters, digits and `_`, with dots between the parts.
 * @param symbols - The symbols, each once.
 */
export function enumeration<const Name extends string, const Symbols extends readonly string[]>(
  name: Name,
  symbols: Symbols,
): { readonly type: 'enum'; readonly name: Name; readonly symbols: Symbols } {
  return { type: 'enum', name, symbols }
}

/**
 * Returns a fixed of so many bytes.
 *
 * @param name - The name, with or without a namespace.
 * @param size - Bytes.
 */
export function fixed<const Name extends string>(
  name: Name,
  size: number,
): { readonly type: 'fixed'; readonly name: Name; readonly size: number } {
  return { type: 'fixed', name, size }
}

/**
 * Returns an array of items of one schema.
 *
 * @param items - The schema of the items.
 */
export function array<const Items extends AvroSchema>(items: Items): { readonly type: 'array'; readonly items: Items } {
  return { type: 'array', items }
}

/**
 * Returns a map of values of one schema; its keys are strings.
 *
 * @param values - The schema of each value.
 */
export function map<const Values extends AvroSchema>(
  values: Values,
): { readonly type: 'map'; readonly values: Values } {
  return { type: 'map', values }
}

/**
 * Returns a union.
 *
 * @param branches - The schema of each branch, in their order.
 */
export function union<const Branches extends readonly AvroSchema[]>(...branches: Branches): Branches {
  return branches
}

/**
 * Returns the union of null and a schema.
 *
 * @param type - The schema of what is not null.
 */
export function nullable<const Type extends AvroSchema>(type: Type): readonly ['null', Type] {
  return ['null', type]
}

/** Returns a timestamp, a `Date` in JavaScript. */
export function timestamp(): { readonly type: 'long'; readonly logicalType: 'timestamp-millis' } {
  return { type: 'long', logicalType: 'timestamp-millis' }
}

/** Returns a date, a string as `YYYY-MM-DD` in JavaScript. */
export function date(): { readonly type: 'int'; readonly logicalType: 'date' } {
  return { type: 'int', logicalType: 'date' }
}

/** Returns a UUID, a string in JavaScript. */
export function uuid(): { readonly type: 'string'; readonly logicalType: 'uuid' } {
  return { type: 'string', logicalType: 'uuid' }
}

/**
 * Returns a decimal, an exact string in JavaScript.
 *
 * @param precision - Digits in all, from 1 to 1000.
 * @param scale - Digits behind the point, from 0 to `precision`; default 0.
 */
export function decimal(
  precision: number,
  scale = 0,
): { readonly type: 'bytes'; readonly logicalType: 'decimal'; readonly precision: number; readonly scale: number } {
  return { type: 'bytes', logicalType: 'decimal', precision, scale }
}
