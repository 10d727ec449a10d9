/**
 * Type-level Avro protocols: the types of requests, responses and errors, inferred from the protocol literal.
 *
 * It follows the same rules as `parse-protocol.ts` does at run time. A protocol that is not a literal, such as one from a
 * file, has any method, and its values are `unknown`: never of a wrong type.
 */
import type {
  Definitions,
  FullName,
  InferOptions,
  IsOpen,
  OtherDefinitions,
  OwnSpace,
  RecordValue,
  SpaceOf,
  Value,
} from './infer.js'
import type { AvroMessage, AvroProtocol, MethodShape } from './protocol-types.js'
import type { AvroField } from './schema-types.js'

/** The types of a method. */
export interface MethodTypes {
  /** A request as the server reads it. */
  readonly request: unknown
  /** A request as the client writes it. */
  readonly requestInput: unknown
  /** A response as the client reads it. */
  readonly response: unknown
  /** A response as the server writes it. */
  readonly responseInput: unknown
  /** How the two sides talk. */
  readonly shape: MethodShape
  /** The values of the declared errors as they are read, by the names that the method gives them. */
  readonly errors: { readonly [errorName: string]: unknown }
  /** The values of the declared errors as they are written. */
  readonly errorInputs: { readonly [errorName: string]: unknown }
}

/** The types of the methods of a service, by name. */
export interface ServiceMethods {
  readonly [method: string]: MethodTypes
}

/**
 * The general protocol in place of `any`, so that what is not known stays `unknown`.
 *
 * @hidden
 */
export type ProtocolOf<Protocol> = 0 extends 1 & Protocol ? AvroProtocol : Protocol

/**
 * The types of the methods of a protocol.
 *
 * @hidden
 */
export type MethodsOf<P, Long, Needs> = {
  readonly [Method in keyof Messages<P> & string]: MethodOf<
    Messages<P>[Method],
    IsLoose<P>,
    Space<P>,
    AllDefinitions<P, Needs>,
    Long
  >
}

interface MethodOf<M, Loose, Space extends string, Known, Long> {
  readonly request: Request<M, Loose, Space, Known, Options<Long, 'out'>>
  readonly requestInput: Request<M, Loose, Space, Known, Options<Long, 'in'>>
  readonly response: Response<M, Loose, Space, Known, Options<Long, 'out'>>
  readonly responseInput: Response<M, Loose, Space, Known, Options<Long, 'in'>>
  readonly shape: Shape<M>
  readonly errors: Errors<M, Loose, Space, Known, Options<Long, 'out'>>
  readonly errorInputs: Errors<M, Loose, Space, Known, Options<Long, 'in'>>
}

type Messages<P> = P extends { readonly messages: infer Found } ? Found : never

type Space<P> = P extends { readonly protocol: infer Name extends string }
  ? SpaceOf<FullName<Name, OwnSpace<P, ''>>>
  : ''

type TypesIn<P> = P extends { readonly types: infer Types extends readonly unknown[] } ? Types : readonly []

/** Whether the protocol, or some type of it, is no literal: what a message names says nothing then. */
type IsLoose<P> = string extends keyof Messages<P>
  ? true
  : [TypesIn<P>[number]] extends [never]
    ? false
    : IsOpen<TypesIn<P>[number]>

type MessageDefinitions<M, In extends string> =
  | (M extends { readonly request: infer Fields extends readonly unknown[] }
      ? {
          [Index in keyof Fields]: Fields[Index] extends { readonly type: infer Type } ? Definitions<Type, In> : never
        }[number]
      : never)
  | (M extends { readonly response: infer Response } ? Definitions<Response, In> : never)

type AllDefinitions<P, Needs> =
  | Definitions<TypesIn<P>, Space<P>>
  | { [Method in keyof Messages<P>]: MessageDefinitions<Messages<P>[Method], Space<P>> }[keyof Messages<P>]
  | OtherDefinitions<Needs>

interface Options<Long, Mode extends 'in' | 'out'> extends InferOptions {
  long: Long extends number | bigint ? Long : number | bigint
  mode: Mode
}

type Request<M, Loose, Space extends string, Known, O extends InferOptions> = Loose extends true
  ? unknown
  : M extends { readonly request: infer Fields extends readonly AvroField[] }
    ? string extends Fields[number]['name']
      ? unknown
      : RecordValue<Fields, Space, Known, O>
    : unknown

type Response<M, Loose, Space extends string, Known, O extends InferOptions> = Loose extends true
  ? unknown
  : M extends { readonly response: infer Type }
    ? IsOpen<Type> extends true
      ? unknown
      : Value<Type, Space, Known, O>
    : M extends { readonly 'one-way': true }
      ? null
      : unknown

type ErrorNames<M, Loose> = M extends { readonly errors: infer Names extends readonly string[] }
  ? Names[number]
  : Loose extends true
    ? string
    : never

type Errors<M, Loose, Space extends string, Known, O extends InferOptions> = {
  readonly [Name in ErrorNames<M, Loose>]: Loose extends true
    ? unknown
    : string extends Name
      ? unknown
      : Value<Name, Space, Known, O>
}

type Shape<M> = AvroMessage extends M
  ? MethodShape
  : M extends { readonly 'one-way': true }
    ? 'one-way'
    : M extends { readonly 'x-stream': infer Stream extends 'server' | 'client' | 'duplex' }
      ? Stream
      : 'unary'
