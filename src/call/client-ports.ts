/** What a client of calls needs of its owner, and what it counts. */
import type { Clock } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'

/** What a client needs. */
export interface CallClientPorts {
  readonly clock: Clock
  /** How long a disconnected session keeps calls that another one can take, in milliseconds. */
  readonly failoverMs: number
  /** Names the resource, for messages. */
  name(): string
  /** Why no server is connected, if one has refused this side; to be appended to a message. */
  unreachable?(): string
  /** Takes what goes wrong and concerns no single call. */
  report(error: RivuletError): void
}

/** The calls of a client, by what became of them: `started` is the sum of all others but `sessions`. */
export interface CallClientStats {
  /** Calls that were made. */
  readonly started: number
  /** With a response, or a stream that completed. */
  readonly succeeded: number
  /** With an error, declared ones and cancellations included. */
  readonly failed: number
  /** On a session, and without an outcome. */
  readonly open: number
  /** Without a session. */
  readonly waiting: number
  /** Sessions that have not ended, those that are cut included. */
  readonly sessions: number
}
