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
import type { AvroProtocol, MethodShape } from './protocol-types.js'
import type { AvroField } from './schema-types.js'

/** Everything that inference needs: the protocol literal, the type of a long, and the other schemas' literals. */
export interface ServiceTypes<Protocol, Long, Needs> {
  /** The protocol as it was defined. */
  readonly protocol: Protocol
  /** What a long is. */
  readonly long: Long
  /** The schemas whose named types the service uses. */
  readonly needs: Needs
}

/** The general protocol in place of `any`, so that what is not known stays `unknown`. */
export type Known<Protocol> = 0 extends 1 & Protocol ? AvroProtocol : Protocol

type Messages<P> = P extends { readonly messages: infer Found } ? Found : { readonly [method: string]: unknown }

type Message<P, Method> = Method extends keyof Messages<P> ? Messages<P>[Method] : never

type Space<P> = P extends { readonly protocol: infer Name extends string }
  ? SpaceOf<FullName<Name, OwnSpace<P, ''>>>
  : ''

type TypesIn<P> = P extends { readonly types: infer Types extends readonly unknown[] } ? Types : readonly []

/** Whether some type of the protocol is no literal, so that its names say nothing. */
type HasOpenTypes<P> = [TypesIn<P>[number]] extends [never] ? false : IsOpen<TypesIn<P>[number]>

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

/** The names of the methods. */
export type MethodNamesIn<P> = keyof Messages<P> & string

/** The type of a request, to be written (`in`) or as it was read (`out`). */
export type RequestIn<T, Method, Mode extends 'in' | 'out'> =
  T extends ServiceTypes<infer P, infer Long, infer Needs>
    ? HasOpenTypes<P> extends true
      ? unknown
      : Message<P, Method> extends { readonly request: infer Fields extends readonly AvroField[] }
        ? string extends Fields[number]['name']
          ? unknown
          : RecordValue<Fields, Space<P>, AllDefinitions<P, Needs>, Options<Long, Mode>>
        : unknown
    : unknown

/** The type of a response; null for a one-way message. */
export type ResponseIn<T, Method, Mode extends 'in' | 'out'> =
  T extends ServiceTypes<infer P, infer Long, infer Needs>
    ? HasOpenTypes<P> extends true
      ? unknown
      : Message<P, Method> extends { readonly response: infer Response }
        ? IsOpen<Response> extends true
          ? unknown
          : Value<Response, Space<P>, AllDefinitions<P, Needs>, Options<Long, Mode>>
        : Message<P, Method> extends { readonly 'one-way': true }
          ? null
          : unknown
    : unknown

/** The names of the declared errors of a method, as they are written there. */
export type ErrorNamesIn<P, Method> =
  Message<P, Method> extends { readonly errors: infer Names extends readonly string[] }
    ? Names[number]
    : string extends MethodNamesIn<P>
      ? string
      : never

/** The type of the value of a declared error. */
export type ErrorValueIn<T, Name, Mode extends 'in' | 'out'> =
  T extends ServiceTypes<infer P, infer Long, infer Needs>
    ? string extends Name
      ? unknown
      : HasOpenTypes<P> extends true
        ? unknown
        : string extends MethodNamesIn<P>
          ? unknown
          : Value<Name, Space<P>, AllDefinitions<P, Needs>, Options<Long, Mode>>
    : unknown

/** The shape of a method. */
export type ShapeIn<P, Method> =
  Message<P, Method> extends infer M
    ? M extends { readonly 'one-way': true }
      ? 'one-way'
      : M extends { readonly 'x-stream': infer Stream extends 'server' | 'client' | 'duplex' }
        ? Stream
        : string extends MethodNamesIn<P>
          ? MethodShape
          : M extends { readonly request: unknown }
            ? 'unary'
            : MethodShape
    : never
