/** What a handler knows of its call beside the request; everything is made when it is asked for. */
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
  /** When the caller gives up, on the clock of the runtime; infinity if never. Calls that the handler makes inherit it. */
  readonly deadline: number
  /** How long the caller still waits, in milliseconds; 0 if no more, infinity if for ever. */
  readonly remainingMs: number
  /** Who calls, as the session knows it. */
  readonly peer: unknown
  /** What the caller sent along. */
  readonly headers: CallHeaders
  /** The full name of the service. */
  readonly service: string
  /** The name of the method. */
  readonly method: string
}

const brand = Symbol.for('rivulet.call-context')

/** Tells whether a value is the context of a call, also one of another copy of the package. */
export function isCallContext(value: unknown): value is CallContext {
  return typeof value === 'object' && value !== null && brand in value
}

/** What a context shows of its call. */
export interface ContextSource {
  readonly signal: AbortSignal
  readonly draining: AbortSignal
  readonly deadline: number
  readonly headers: CallHeaders
  readonly method: { readonly service: string; readonly codec: { readonly name: string } }
  readonly server: { readonly peer: unknown; readonly connection: CallerConnection; now(): number }
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

  get deadline(): number {
    return this.#call.deadline
  }

  get remainingMs(): number {
    return Math.max(0, this.#call.deadline - this.#call.server.now())
  }

  get peer(): unknown {
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

  static {
    Object.defineProperty(LazyContext.prototype, brand, { value: true })
  }
}

/** Returns the connection that a call came over; `undefined` for a context that is not of a call of this copy. */
export function callerConnectionOf(context: CallContext): CallerConnection | undefined {
  return LazyContext.connectionOf(context)
}
