/** How one call is made, with every option resolved; patterns resolve what their users pass, once for each method. */
import { defaults } from '../options/index.js'
import type { CallHeaders } from './headers.js'

/** The options of one call. */
export interface ResolvedCallOptions {
  /** How long the call may take, in milliseconds; infinity for no limit. */
  readonly timeoutMs: number
  /** A deadline on the clock that the call inherits, for example of the call that makes it; the earlier one holds. */
  readonly deadline: number
  /** Whether the call waits until there is a server; else it fails at once. */
  readonly waitForReady: boolean
  /** Whether a second run does no harm; `undefined` for what the method says. */
  readonly idempotent: boolean | undefined
  /** Cancels the call. */
  readonly signal: AbortSignal | undefined
  /** As `prepareHeaders` returns them. */
  readonly headers: CallHeaders | undefined
  /** Who calls, by its number among the callers of this client; 0 where they are not told apart. */
  readonly caller: number
}

/** The options of a call with one response for which its caller says nothing. */
export const defaultCallOptions: ResolvedCallOptions = Object.freeze({
  timeoutMs: defaults.callTimeoutMs,
  deadline: Number.POSITIVE_INFINITY,
  waitForReady: defaults.waitForReady,
  idempotent: undefined,
  signal: undefined,
  headers: undefined,
  caller: 0,
})

/** The same for a call with a stream of responses. */
export const defaultStreamOptions: ResolvedCallOptions = Object.freeze({
  ...defaultCallOptions,
  timeoutMs: defaults.streamTimeoutMs,
})
