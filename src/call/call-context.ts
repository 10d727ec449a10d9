/** What a handler knows of its call beside the request; everything is made when it is asked for. */
import type { Clock } from '../clock/index.js'
import type { PeerInfo } from '../session/index.js'
import type { CallerConnection } from './caller-connection.js'
import type { CallHeaders } from './headers.js'

/** What a handler is given. */
export interface CallContext {
  /** Aborts when nobody waits for the outcome any more: cancelled, too late, or the client is gone. */
  readonly signal: AbortSignal
  /**
   * Aborts when the server begins to close: a handler that has no end of its own should end now, and any may throw the
   * `reason`, which tells its caller RIVULET_SERVER_CLOSING. Handlers that do neither are stopped when `close` has waited
   * for long enough.
   */
  readonly draining: AbortSignal
  /** When the caller gives up, by the clock of the server; `undefined` if never. Calls with this context inherit it. */
  readonly deadline: Date | undefined
  /** How long the caller still waits, in milliseconds; 0 after the deadline, infinity without one. */
  readonly remainingMs: number
  /** Who calls, as the session knows it. */
  readonly peer: PeerInfo
  /** What the caller sent along. */
  readonly headers: CallHeaders
  /** The full name of the service. */
  readonly service: string
  /** The name of the method. */
  readonly method: string
}

/** The last time that a Date has, in milliseconds from 1970: ECMAScript 21.4.1.1. */
const lastTimeMs = 8.64e15

/** The brand of contexts, also of another copy of the package; its value is the deadline on the clock that never goes back. */
const brand: unique symbol = Symbol.for('rivulet.call-context') as never

/** Tells whether a value is the context of a call, also one of another copy of the package. */
export function isCallContext(value: unknown): value is CallContext {
  return typeof value === 'object' && value !== null && brand in value
}

/** Returns the deadline of a context on the clock that never goes back; infinity if there is none. */
export function deadlineOf(context: CallContext): number {
  return (context as CallContext & { readonly [brand]: number })[brand]
}

/** What a context shows of its call. */
export interface ContextSource {
  readonly signal: AbortSignal
  readonly draining: AbortSignal
  readonly deadline: number
  readonly headers: CallHeaders
  /** The number of the caller, where its side says one; else 0. */
  readonly caller: number
  readonly method: { readonly service: string; readonly codec: { readonly name: string } }
  readonly server: { readonly peer: PeerInfo; readonly connection: CallerConnection; readonly clock: Clock }
}

/** The context of one call: one pointer, since most handlers never look at it. */
export class LazyContext implements CallContext {
  readonly #call: ContextSource

  constructor(call: ContextSource) {
    this.#call = call
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }

  get draining(): AbortSignal {
    return this.#call.draining
  }

  get [brand](): number {
    return this.#call.deadline
  }

  get deadline(): Date | undefined {
    const { deadline, server } = this.#call
    if (deadline === Number.POSITIVE_INFINITY) return undefined
    return new Date(Math.min(lastTimeMs, server.clock.wallNow() + deadline - server.clock.now()))
  }

  get remainingMs(): number {
    return Math.max(0, this.#call.deadline - this.#call.server.clock.now())
  }

  get peer(): PeerInfo {
    return this.#call.server.peer
  }

  get headers(): CallHeaders {
    return this.#call.headers
  }

  get service(): string {
    return this.#call.method.service
  }

  get method(): string {
    return this.#call.method.codec.name
  }

  /** The connection that the call came over: for patterns, and not for what users are given. */
  static connectionOf(context: CallContext): CallerConnection | undefined {
    return context instanceof LazyContext ? context.#call.server.connection : undefined
  }
}

/** Returns the connection that a call came over; `undefined` for a context that is not of a call of this copy. */
export function callerConnectionOf(context: CallContext): CallerConnection | undefined {
  return LazyContext.connectionOf(context)
}
