/**
 * Where a resource connects, as its option `connect` takes it: endpoints, or an observable of lists of them.
 *
 * What an observable emits is checked when it comes, by `endpoint-feed.ts`.
 */
import { Observable, type Observer, type Unsubscribable } from 'rxjs'
import type { Endpoint, EndpointInput } from '../discovery/index.js'
import type { Rule } from '../options/index.js'

/** An endpoint to connect to, resolved. */
export interface ConnectEndpoint {
  readonly address: string
  /** The keys that its server may have; none without security. */
  readonly serverKeys: readonly string[]
}

/** Where to connect: a list, or lists that follow each other and are not checked yet. */
export type ConnectOption = readonly Endpoint[] | Observable<unknown>

/** The rule of `connect`; the endpoints that it resolves to have their own keys alone. */
export const endpointInputs: Rule<ConnectOption> = {
  expects: 'an endpoint or a list of endpoints, each a text or { address, serverKey }, or an observable of lists',
  fallback: Object.freeze([]),
  accepts: (value) => isInput(value) || (Array.isArray(value) && value.every(isInput)) || isObservable(value),
  convert: (value) => {
    if (isObservable(value)) return asObservable(value)
    return Object.freeze((Array.isArray(value) ? value : [value]).map(asEndpoint))
  },
}

/** Tells whether endpoints come from an observable. */
export function isFollowed(connect: ConnectOption | readonly unknown[]): connect is Observable<unknown> {
  return !Array.isArray(connect)
}

/** Whether there is anything to connect to, now or later. */
export function connects(connect: ConnectOption | readonly unknown[]): boolean {
  return isFollowed(connect) || connect.length > 0
}

const known = new Set(['address', 'serverKey'])

/** Tells whether a value is an endpoint; its address is any text. */
export function isInput(value: unknown): value is EndpointInput {
  if (isText(value)) return true
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { address, serverKey } = value as Partial<Endpoint>
  const isKey = serverKey === undefined || isText(serverKey) || (Array.isArray(serverKey) && serverKey.every(isText))
  return isText(address) && isKey && Object.keys(value).every((name) => known.has(name))
}

/** An endpoint with its own keys. */
export function asEndpoint(input: EndpointInput): Endpoint {
  if (typeof input === 'string') return Object.freeze({ address: input })
  const { address, serverKey } = input
  return Object.freeze(serverKey === undefined ? { address } : { address, serverKey })
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** What can be subscribed to: an observable of any library. */
interface Subscribable {
  subscribe(observer: Partial<Observer<unknown>>): Unsubscribable
}

/** The method of observables of other libraries, where RxJS looks for it. */
const interop = (Symbol as { readonly observable?: symbol }).observable ?? '@@observable'

function isSubscribable(value: unknown): value is Subscribable {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Subscribable>).subscribe === 'function'
}

function isObservable(value: unknown): value is object {
  if (isSubscribable(value)) return true
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, interop) === 'function'
}

function asObservable(value: object): Observable<unknown> {
  if (value instanceof Observable) return value
  return new Observable((subscriber) => {
    const source = isSubscribable(value) ? value : (Reflect.get(value, interop) as () => Subscribable).call(value)
    return source.subscribe({
      next: (list) => subscriber.next(list),
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    })
  })
}
