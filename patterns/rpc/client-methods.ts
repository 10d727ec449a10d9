/**
 * The methods of a client: for each method of a service a function that makes calls, and one that makes promises.
 */
import type { Observable } from 'rxjs'
import {
  type CallDefaults,
  type CallOptions,
  CallOptionsResolver,
  type ClientCall,
  type ClientMethod,
  type ClientService,
  type ResolvedCallOptions,
  unhandledError,
} from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { FallibleObservable, failSubscriber, type Stream, teardownFailed } from '../../src/stream/index.js'
import { ColdStream } from './cold-stream.js'

/** What starts calls: the calls of a client, or a share of them. */
export interface CallStarter {
  call(method: ClientMethod, request: unknown, options: ResolvedCallOptions): Promise<unknown>
  start(
    method: ClientMethod,
    request: unknown,
    options: ResolvedCallOptions,
    onValue: (value: unknown) => void,
    onError: (error: Error) => void,
  ): ClientCall
  stream(method: ClientMethod, request: unknown, options: ResolvedCallOptions): ClientCall
  /** Takes what goes wrong and concerns no single call. */
  report(error: RivuletError): void
}

/** A function that makes calls of a method, whatever its types. */
export type AnyCall<Result> = (request?: unknown, options?: CallOptions) => Result

/** The functions of a client; the objects have no prototype, so that a method may have any name. */
export interface ClientMethods {
  readonly calls: Readonly<Record<string, AnyCall<Observable<unknown>>>>
  readonly promises: Readonly<Record<string, AnyCall<Promise<unknown>>>>
}

/** What stands for a request without fields that was left out. */
const emptyRequest = Object.freeze({})

/** Makes the functions for every method of a service. */
export function clientMethods(service: ClientService, starter: CallStarter, defaults: CallDefaults): ClientMethods {
  const calls: Record<string, AnyCall<Observable<unknown>>> = Object.create(null)
  const promises: Record<string, AnyCall<Promise<unknown>>> = Object.create(null)
  for (const [name, method] of service.methods) {
    const resolver = new CallOptionsResolver(method.label, method.streamsResponses, defaults)
    calls[name] = method.streamsResponses ? streamCall(method, starter, resolver) : valueCall(method, starter, resolver)
    if (!method.streamsResponses) promises[name] = promiseCall(method, starter, resolver)
  }
  return { calls: Object.freeze(calls), promises: Object.freeze(promises) }
}

function valueCall(
  method: ClientMethod,
  starter: CallStarter,
  resolver: CallOptionsResolver,
): AnyCall<Observable<unknown>> {
  const unhandled = (error: Error) => starter.report(unhandledError(`a call of ${method.label}`, error))
  return (request = emptyRequest, options) => {
    const resolved = resolver.resolve(options)
    return new FallibleObservable((subscriber) => {
      const call = starter.start(
        method,
        request,
        resolved,
        (value) => {
          try {
            if (!method.oneWay) subscriber.next(value)
            subscriber.complete()
          } catch (cause) {
            starter.report(teardownFailed(cause))
          }
        },
        (error) => {
          try {
            failSubscriber(subscriber, error, unhandled)
          } catch (cause) {
            starter.report(teardownFailed(cause))
          }
        },
      )
      return () => call.cancel()
    })
  }
}

function streamCall(
  method: ClientMethod,
  starter: CallStarter,
  resolver: CallOptionsResolver,
): AnyCall<Observable<unknown>> {
  return (request = emptyRequest, options) => {
    const resolved = resolver.resolve(options)
    return new ColdStream(() => starter.stream(method, request, resolved).responses as Stream<unknown>)
  }
}

function promiseCall(
  method: ClientMethod,
  starter: CallStarter,
  resolver: CallOptionsResolver,
): AnyCall<Promise<unknown>> {
  return (request = emptyRequest, options) => starter.call(method, request, resolver.resolve(options))
}
