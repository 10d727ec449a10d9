/**
 * `implement`: a service with a handler for each of its methods, for a server to offer.
 */
import { isService, type Service } from '../../src/avro/index.js'
import { type ServiceCodec, serviceOf } from '../../src/avro/service-codec.js'
import { invalidOption } from '../../src/options/index.js'
import type { Handlers } from './method-types.js'

/** The brand of implementations: the same symbol in every copy of the package. */
const brand: unique symbol = Symbol.for('rivulet.implementation') as never

/** A function that handles calls, whatever its types. */
export type AnyHandler = (request: never, context: never) => unknown

/** A service that is implemented; there is nothing to read in it but its name. */
export interface Implementation {
  /** The full name of the service. */
  readonly name: string
  /**
   * What the server makes of it; for the package itself.
   *
   * @hidden
   */
  readonly [brand]: ImplementedService
}

/** What a server makes of an implementation. */
export interface ImplementedService {
  readonly codec: ServiceCodec
  readonly handlers: ReadonlyMap<string, AnyHandler>
}

/**
 * Implements a service: one handler for each method.
 *
 * A handler gets the request (for a client stream or duplex method: the stream of requests) and the context of the call.
 * With one response it returns a value, a promise, or an observable, whose first value counts. With a stream of
 * responses it returns an iterable, an async iterable or a stream of Rivulet, which are read as fast as the client reads; or any
 * observable, which cannot be paused: what the client has not taken waits in the outbox, and fails the call when that is
 * full. It may return a promise of any of these; a promise of a single response is refused. A stream of requests fails when the call ends before its last request, and reports that to `errors` of the server
 * if a subscriber has no error callback. A handler throws errors that its method declares; for any other the client gets
 * `RIVULET_INTERNAL`, and `errors` of the server the details.
 *
 * @param service - What `defineService` returned.
 * @param handlers - A function for each method, by its name.
 * @throws RivuletError `RIVULET_INVALID_OPTION` if a method has no handler, or a handler no method.
 * @example
 * ```ts
 * import { defineService } from 'rivulet/avro'
 * import { createRpcClient, createRpcServer, implement } from 'rivulet/rpc'
 *
 * const Calculator = defineService({
 *   protocol: 'Calculator',
 *   messages: {
 *     add: { request: [{ name: 'a', type: 'double' }, { name: 'b', type: 'double' }], response: 'double' },
 *   },
 * })
 *
 * await using server = await createRpcServer({
 *   bind: 'tcp://127.0.0.1:*',
 *   services: [implement(Calculator, { add: ({ a, b }) => a + b })],
 * })
 * await using calculator = await createRpcClient(Calculator, { connect: server.endpoint })
 * console.log(await calculator.promises.add({ a: 1, b: 2 })) // 3
 * ```
 */
export function implement<S extends Service>(service: S, handlers: Handlers<S>): Implementation {
  if (!isService(service)) throw invalidOption('implement', 'service', 'a service of defineService', service)
  const codec = serviceOf(service)
  const given = new Map(Object.entries(handlers) as [string, unknown][])
  for (const name of codec.methods.keys()) {
    if (typeof given.get(name) !== 'function') throw invalidOption('implement', name, 'a function', given.get(name))
  }
  for (const name of given.keys()) {
    if (!codec.methods.has(name)) throw invalidOption('implement', name, `a method of ${codec.name}`, name)
  }
  const implemented: ImplementedService = { codec, handlers: given as ReadonlyMap<string, AnyHandler> }
  return Object.freeze({ name: codec.name, [brand]: implemented })
}

/** Tells whether a value is an implementation, also one of another copy of the package. */
export function isImplementation(value: unknown): value is Implementation {
  return typeof value === 'object' && value !== null && brand in value
}

/** Returns what a server makes of an implementation. */
export function implementedBy(implementation: Implementation): ImplementedService {
  return implementation[brand]
}
