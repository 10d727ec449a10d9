/**
 * The bounds on the work of a server, and what a call that is beyond them is refused with.
 *
 * The numbers that hold by default are in `host.ts`.
 */
import type { ErrorCode } from '../errors/index.js'

/** The bounds on the work of a server. */
export interface CallLimits {
  /** Handlers at work at once, over all clients; more calls are shed. */
  readonly maxConcurrentCalls: number
  /** Services that one client may have announced on a session at the same time. */
  readonly maxBindings: number
  /** Calls that one client may have open at once. */
  readonly maxOpenCallsPerPeer: number
  /**
   * What the streams of requests of one client may hold before they are consumed, in bytes, and so may outcomes that it
   * does not read; a single one may be larger.
   */
  readonly backlogBytes: number
  /** Calls that one client may begin within a second; of one key over all its sessions, where keys are known. */
  readonly maxCallsPerSecond: number
  /** Calls that it may cancel within a second before it may begin no more until the second has ended. */
  readonly maxCancelsPerSecond: number
}

/** Why no call is taken now. */
export interface AdmissionRefusal {
  readonly code: ErrorCode
  readonly message: string
  /** The limit that the client alone has reached, in one stable word. */
  readonly limit?: string | undefined
}
