/**
 * `rivulet/avro`: schemas, their inferred types, and builders.
 *
 * It loads neither ZeroMQ nor RxJS nor a store. The codec underneath is internal: see `codec.ts`.
 *
 * @module rivulet/avro
 */
export { type ErrorCode, type Issue, isRivuletError, RivuletError } from '../errors/index.js'
export {
  array,
  date,
  decimal,
  enumeration,
  type FieldSpec,
  type FieldsOf,
  fixed,
  map,
  nullable,
  record,
  timestamp,
  union,
  uuid,
} from './builders.js'
export { defineSchema } from './define-schema.js'
export type { SchemaOptions } from './definition-input.js'
export type { InferIn, InferOut, UnknownAvroType } from './infer.js'
export { type DecodeOptions, type Infer, type InferInput, isSchema, type Schema, type SchemaTypes } from './schema.js'
export type {
  AvroAnnotated,
  AvroArray,
  AvroDefinition,
  AvroEnum,
  AvroField,
  AvroFixed,
  AvroMap,
  AvroRecord,
  AvroSchema,
  PrimitiveName,
} from './schema-types.js'
