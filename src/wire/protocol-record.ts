/**
 * What the records of the protocol have in common: their namespace, and fields that may be left out.
 */
import { type AvroSchema, array, type FieldSpec, map, nullable, record } from '../avro/index.js'

/** The namespace of the protocol. */
export const namespace = 'rivulet.protocol'

/** Returns a record that ends in `extensions`, as every header of the protocol does; a reader ignores keys that it does not know. */
export function protocolRecord<const Name extends string, const Fields extends { readonly [name: string]: FieldSpec }>(
  name: Name,
  fields: Fields,
) {
  const extensions = { schema: map('bytes'), default: {} } as const
  return { ...record(name, { ...fields, extensions }), namespace } as const
}

/** Returns a field that may be left out. */
export function optional<const Type extends AvroSchema>(type: Type) {
  return { schema: nullable(type), default: null } as const
}

/** Returns a field of any number of items, which may be left out. */
export function items<const Items extends AvroSchema>(of: Items) {
  return { schema: array(of), default: [] } as const
}
