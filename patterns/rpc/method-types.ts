/**
 * The types of what a client calls and a server implements, by the shape of each method.
 */
import type { InteropObservable, Observable, ReadableStreamLike } from 'rxjs'
import type {
  MethodNames,
  RequestInputOf,
  RequestOf,
  ResponseInputOf,
  ResponseOf,
  Service,
  ShapeOf,
} from '../../src/avro/index.js'
import type { CallClientStats, CallContext, CallOptions } from '../../src/call/index.js'
import type { Resource } from '../../src/resource/index.js'
import type { SendAllSource, Stream } from '../../src/stream/index.js'

/** The parameters of a call with one request; one without fields, or with defaults for all, may be left out. */
export type RequestParameters<Request> =
  Record<never, never> extends Request
    ? [request?: Request, options?: CallOptions]
    : [request: Request, options?: CallOptions]

/** The parameters of a call with a stream of requests: anything that has values to send, taken as fast as the server takes them. */
export type StreamParameters<Request> = [requests: SendAllSource<Request>, options?: CallOptions]

/** The parameters of a call. */
export type CallParameters<S extends Service, M extends MethodNames<S>> =
  ShapeOf<S, M> extends 'client' | 'duplex'
    ? StreamParameters<RequestInputOf<S, M>>
    : RequestParameters<RequestInputOf<S, M>>

/**
 * What a call returns: cold, each subscription is a call of its own. A one-way call has no value.
 *
 * The error of a call goes to `errors` of the client if its subscriber has no error callback.
 */
export type CallResult<S extends Service, M extends MethodNames<S>> =
  ShapeOf<S, M> extends 'server' | 'duplex'
    ? Stream<ResponseOf<S, M>>
    : ShapeOf<S, M> extends 'one-way'
      ? Observable<never>
      : Observable<ResponseOf<S, M>>

/** What a call by promise resolves with. */
export type PromisedResult<S extends Service, M extends MethodNames<S>> =
  ShapeOf<S, M> extends 'one-way' ? undefined : ResponseOf<S, M>

/** The methods with one response, or none: those that can be called by promise. */
export type PromisedNames<S extends Service> = {
  [M in MethodNames<S>]: ShapeOf<S, M> extends 'server' | 'duplex' ? never : M
}[MethodNames<S>]

/**
 * Every method of a service, by name: takes the request, or a stream of requests, and {@link CallOptions}.
 *
 * Each subscription to what it returns is a call.
 *
 * @throws RIVULET_INVALID_OPTION
 * @error An error that the method declares, as a `DeclaredError`; or a `RivuletError` whose `executed` says whether
 * the call may have run: RIVULET_DEADLINE_EXCEEDED, RIVULET_CANCELLED, RIVULET_UNAVAILABLE, RIVULET_OVERLOADED,
 * RIVULET_UNIMPLEMENTED, RIVULET_PERMISSION_DENIED, RIVULET_INCOMPATIBLE_SCHEMA, RIVULET_INVALID_MESSAGE,
 * RIVULET_MESSAGE_TOO_LARGE, RIVULET_INVALID_REQUEST, RIVULET_SOURCE_FAILED, RIVULET_DECODE_FAILED, RIVULET_INTERNAL,
 * RIVULET_UNKNOWN_ERROR, RIVULET_SERVER_CLOSING, RIVULET_UNKNOWN_OUTCOME, RIVULET_CLOSED
 */
export type RpcCalls<S extends Service> = {
  readonly [M in MethodNames<S>]: (...parameters: CallParameters<S, M>) => CallResult<S, M>
}

/**
 * Every method with one response, or none, by name; calling starts the call.
 *
 * @throws RIVULET_INVALID_OPTION
 * @error As of {@link RpcCalls}.
 */
export type RpcPromises<S extends Service> = {
  readonly [M in PromisedNames<S>]: (...parameters: CallParameters<S, M>) => Promise<PromisedResult<S, M>>
}

/** The counts of an {@link RpcClient}; the unit is calls. */
export interface RpcClientStats extends CallClientStats {}

/** What every client has beside the methods of its service. */
export interface RpcClientBase<S extends Service> extends Resource<RpcClientStats> {
  /** Every method of the service, also one whose name a member of the client has. */
  readonly calls: RpcCalls<S>
  /** The methods with one response, or none, as promises. */
  readonly promises: RpcPromises<S>
}

/** A client of a service: its methods, as far as no other member has their name, and those of every resource. */
export type RpcClient<S extends Service> = RpcClientBase<S> & Omit<RpcCalls<S>, keyof RpcClientBase<S>>

/** What a handler of a method with one response returns; of an observable, the first value is the response. */
export type Response<T> = T | PromiseLike<T> | Observable<T>

/** A stream of responses of a handler: taken as fast as the client takes them, unless it is an observable. */
export type ResponseSource<T> =
  | Iterable<T>
  | AsyncIterable<T>
  | ArrayLike<T>
  | ReadableStreamLike<T>
  | InteropObservable<T>
  | Observable<T>

/**
 * What a handler of a method with a stream of responses returns: the stream, or a promise of it.
 *
 * A promise of a single response is none: return `[response]`.
 */
export type Responses<T> = ResponseSource<T> | PromiseLike<ResponseSource<T>>

/** What handles the calls of a method. */
export type Handler<S extends Service, M extends MethodNames<S>> = {
  /** One request, one response. */
  unary: (request: RequestOf<S, M>, context: CallContext) => Response<ResponseInputOf<S, M>>
  /** One request, a stream of responses. */
  server: (request: RequestOf<S, M>, context: CallContext) => Responses<ResponseInputOf<S, M>>
  /** A stream of requests, one response. */
  client: (requests: Stream<RequestOf<S, M>>, context: CallContext) => Response<ResponseInputOf<S, M>>
  /** A stream of requests, a stream of responses. */
  duplex: (requests: Stream<RequestOf<S, M>>, context: CallContext) => Responses<ResponseInputOf<S, M>>
  /** One request that nothing answers. */
  'one-way': (request: RequestOf<S, M>, context: CallContext) => void | PromiseLike<void>
}[ShapeOf<S, M>]

/** A handler for each method of a service. */
export type Handlers<S extends Service> = { readonly [M in MethodNames<S>]: Handler<S, M> }
