/**
 * `rivulet/avro`: schemas and services, their inferred types, and builders.
 *
 * It loads neither ZeroMQ nor RxJS nor a store. The codec underneath is internal: see `codec.ts` and `service-codec.ts`.
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
export type { DeclaredError } from './declared-error.js'
export { defineSchema } from './define-schema.js'
export { defineService } from './define-service.js'
export type { SchemaOptions } from './definition-input.js'
export type { InferIn, InferOut, UnknownAvroType } from './infer.js'
export type { MethodsOf, MethodTypes, ProtocolOf, ServiceMethods } from './infer-service.js'
export { isDeclaredError } from './is-declared-error.js'
export type {
  AvroCall,
  AvroMessage,
  AvroMessageParts,
  AvroOneWay,
  AvroProtocol,
  MethodShape,
} from './protocol-types.js'
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
export {
  type CarriedBy,
  type ErrorNames,
  type ErrorsOf,
  isService,
  type MethodNames,
  type MethodTypesOf,
  type RequestInputOf,
  type RequestOf,
  type ResponseInputOf,
  type ResponseOf,
  type Service,
  type ServiceTypes,
  type ShapeOf,
} from './service.js'
