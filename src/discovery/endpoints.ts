/**
 * Endpoints to connect to, as users give them: a list that is fixed, or one that changes.
 *
 * It opens nothing and checks nothing: the rule of the option `connect` is in `src/socket`.
 */
import type { Observable } from 'rxjs'

/** An endpoint to connect to, with the key of the server that answers there. */
export interface Endpoint {
  /** `tcp://host:port`, `ipc://path` or `inproc://name`. */
  readonly address: string
  /** The public key of the server, or several while it changes; instead of `serverKey` of `security`. */
  readonly serverKey?: string | readonly string[]
}

/** An endpoint to connect to: an address, or one with the key of its server. */
export type EndpointInput = string | Endpoint

/** Where to connect: an endpoint, a list of them, or an observable of lists, each of which replaces the one before. */
export type Endpoints = EndpointInput | readonly EndpointInput[] | Observable<readonly EndpointInput[]>
