/**
 * What `defineService` returns, as an interface, the types of its methods, and how it is recognised across copies.
 *
 * The compiled codecs hang on the brand; only `serviceOf` takes them from there.
 */
import type { DeclaredError } from './declared-error.js'
import type { ServiceMethods } from './infer-service.js'

/** The brand of services: the same symbol in every copy of the package. */
export const serviceBrand: unique symbol = Symbol.for('rivulet.service') as never

/** The types that a service carries; there is no such value. */
export interface ServiceTypes<Methods> {
  /** Those of each method. */
  readonly methods: Methods
}

/**
 * A service: methods with the types of their requests, responses and errors, ready to be implemented and called.
 *
 * Make one with {@link defineService}, once for each protocol, when the program starts.
 */
export interface Service<Protocol = unknown, Methods extends ServiceMethods = ServiceMethods> {
  /** The types that the service carries; there is nothing to read here. */
  readonly [serviceBrand]: ServiceTypes<Methods>
  /** The full name. */
  readonly name: string
  /** The protocol as it was defined, deeply frozen, with its literal type. */
  readonly json: Protocol
  /** A hash of the protocol as peers are sent it, as 32 hexadecimal digits: the first 16 bytes of SHA-256. */
  readonly hash: string

  /**
   * Returns a declared error for a handler to throw; it carries a copy of the value, with defaults filled in.
   *
   * @param method - The method that declares the error.
   * @param errorName - The name of the error, as it is written in `errors` of the method.
   * @param value - What the error carries: a value of its schema.
   * @throws RivuletError `RIVULET_INVALID_MESSAGE`, with the path of each issue, if the value does not fit;
   * `RIVULET_INVALID_OPTION` for a method or error that is not declared.
   */
  error<Method extends keyof Methods & string, Name extends keyof Methods[Method]['errors'] & string>(
    method: Method,
    errorName: Name,
    value: Methods[Method]['errorInputs'][Name],
  ): DeclaredError<Name, Methods[Method]['errors'][Name]>
}

/**
 * The types of all methods of a service.
 *
 * @hidden
 */
export type CarriedBy<S extends Service> = S[typeof serviceBrand]['methods']

/** The names of the methods of a service. */
export type MethodNames<S extends Service> = keyof CarriedBy<S> & string

/** All types of a method of a service. */
export type MethodTypesOf<S extends Service, Method extends MethodNames<S>> = CarriedBy<S>[Method]

/** How the two sides of a method talk. */
export type ShapeOf<S extends Service, Method extends MethodNames<S>> = MethodTypesOf<S, Method>['shape']

/** The type of requests as the server reads them; for a stream of requests that of each item. */
export type RequestOf<S extends Service, Method extends MethodNames<S>> = MethodTypesOf<S, Method>['request']

/** The type of requests as the client writes them: fields with a default may be left out. */
export type RequestInputOf<S extends Service, Method extends MethodNames<S>> = MethodTypesOf<S, Method>['requestInput']

/** The type of responses as the client reads them; for a stream of responses that of each item. */
export type ResponseOf<S extends Service, Method extends MethodNames<S>> = MethodTypesOf<S, Method>['response']

/** The type of responses as the server writes them: fields with a default may be left out. */
export type ResponseInputOf<S extends Service, Method extends MethodNames<S>> = MethodTypesOf<
  S,
  Method
>['responseInput']

/** The names of the errors that a method declares, as they are written there. */
export type ErrorNames<S extends Service, Method extends MethodNames<S>> = keyof MethodTypesOf<S, Method>['errors'] &
  string

/** The errors that a method declares, as a union that `errorName` tells apart; `never` if there are none. */
export type ErrorsOf<
  S extends Service,
  Method extends MethodNames<S>,
  Name extends ErrorNames<S, Method> = ErrorNames<S, Method>,
> = Name extends string ? DeclaredError<Name, MethodTypesOf<S, Method>['errors'][Name]> : never

/**
 * Tells whether a value is a service of Rivulet, also one of another copy of the package.
 *
 * @param value - Any value.
 */
export function isService(value: unknown): value is Service {
  return typeof value === 'object' && value !== null && serviceBrand in value
}
