/**
 * The contract between a service and its callers and servers: the codecs of each method, and of a peer's version.
 *
 * Internal: `src/call` and the patterns use it through `serviceOf`; applications use `Service`. It knows nothing of calls.
 */
import type { ReadValue, ValueCodec } from './codec.js'
import type { DeclaredError } from './declared-error.js'
import type { MethodShape } from './protocol-types.js'
import { type Service, serviceBrand } from './service.js'

export type { DeclaredError } from './declared-error.js'
export type { MethodShape } from './protocol-types.js'

/** What a protocol compiles to. */
export interface ServiceCodec {
  /** The full name. */
  readonly name: string
  /** The first 16 bytes of SHA-256 over `text` as UTF-8, in hexadecimal digits. */
  readonly hash: string
  /** The protocol as JSON text, self-contained: named types of other schemas are among its types. */
  readonly text: string
  /** The methods by name. */
  readonly methods: ReadonlyMap<string, MethodCodec>
  /**
   * Compares with a peer's protocol, by name of the methods; whether the services have the same name does not matter.
   *
   * The text may come from an untrusted peer: time and memory are bounded. Cached by the text.
   *
   * @throws RivuletError `RIVULET_INVALID_SCHEMA` for a text that is no protocol, or beyond the limits.
   */
  against(remoteText: string): RemoteService
}

/** How the values of a method are written, and read as this side writes them. Code is generated at the first use. */
export interface MethodCodec {
  readonly name: string
  readonly shape: MethodShape
  /** Whether a second run does no harm. */
  readonly idempotent: boolean
  /** The parameters as a record; for a stream of requests, each item. */
  readonly request: ValueCodec<unknown, unknown>
  /** The response, null for a one-way method; for a stream of responses, each item. */
  readonly response: ValueCodec<unknown, unknown>
  /** The declared errors, also where there are none, since a newer server may have some. */
  readonly errors: ErrorCodec
}

/** What a declared error says. */
export interface ErrorValue {
  /** The name as the method declares it; `undefined` for the string that the specification allows beside. */
  readonly errorName: string | undefined
  readonly value: unknown
}

/**
 * How declared errors are written and read: the specification's union of string and the errors.
 *
 * A `DeclaredError` can be written as it is. `write` refuses what has no declared name.
 */
export interface ErrorCodec extends ValueCodec<ErrorValue, ErrorValue> {
  /** The declared names, in the order of the union after `string`. */
  readonly names: readonly string[]
  /** Returns the error to hand to the caller, for a name and value that were read. */
  make(errorName: string, value: unknown): DeclaredError
  /** Tells whether something thrown is a declared error of this method; one that cannot be inspected is none. */
  matches(error: unknown): error is DeclaredError
  /** Describes a declared error that does not belong to this method, for messages; `undefined` for all other values. */
  describeForeign(error: unknown): string | undefined
}

/** A peer's version of the service. */
export interface RemoteService {
  /** The full name that the peer gives it. */
  readonly name: string
  /** The methods that both sides have, by name; also those whose schemas do not go together. */
  readonly methods: ReadonlyMap<string, RemoteMethod>
}

/**
 * How what a peer wrote is read. Each side asks only for what it reads.
 *
 * Each function throws, every time in the same way, `RIVULET_INCOMPATIBLE_SCHEMA` (with `issues`, each with the field
 * path) if the schemas or the shapes do not go together, or `RIVULET_INVALID_SCHEMA` if the peer's message is not valid.
 * The result is worked out once.
 */
export interface RemoteMethod {
  readonly name: string
  requestReader(): ReadValue<unknown>
  responseReader(): ReadValue<unknown>
  errorReader(): ReadValue<ErrorValue>
}

/** Returns the codec of a service. */
export function serviceOf(service: Service): ServiceCodec {
  return service[serviceBrand] as unknown as ServiceCodec
}
