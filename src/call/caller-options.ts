/**
 * The options of single calls: what a caller may say, its rules, and how it resolves.
 */
import { flag, instance, milliseconds, resolveOptions, signal } from '../options/index.js'
import { type CallContext, deadlineOf, isCallContext } from './call-context.js'
import { defaultCallOptions, defaultStreamOptions, type ResolvedCallOptions } from './call-options.js'
import { type CallHeaders, prepareHeaders } from './headers.js'

/** The options of one call. */
export interface CallOptions {
  /**
   * How long the call may take, in milliseconds, 0 or more; `Infinity` for no limit.
   * @defaultValue `timeoutMs` of the client for a call with one response, `Infinity` for one with a stream of responses
   */
  readonly timeoutMs?: number
  /**
   * The call that this one is made for: it is cancelled with it, and its deadline is no later.
   * @defaultValue none
   */
  readonly context?: CallContext
  /**
   * Cancels the call: it fails with RIVULET_CANCELLED.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
  /**
   * Texts for the handler by name, at most 64 and 16 KiB together.
   * @defaultValue none
   */
  readonly headers?: CallHeaders
  /**
   * Whether a second run does no harm: then the call is sent again if a session ends.
   * @defaultValue `x-idempotent` of the method in its protocol
   */
  readonly idempotent?: boolean
  /**
   * Whether the call waits until there is a server, as long as its deadline allows.
   * @defaultValue `waitForReady` of the client
   */
  readonly waitForReady?: boolean
}

const endless = Number.POSITIVE_INFINITY

const commonRules = {
  context: instance('the context of a call', isCallContext, undefined),
  signal,
  headers: instance('an object with texts', isObject, undefined),
  idempotent: { expects: 'true or false', fallback: undefined, accepts: isBoolean },
}

/** What a client says for all its calls. */
export interface CallDefaults {
  readonly timeoutMs: number
  readonly waitForReady: boolean
  /** Who calls, by its number among the callers of this client. Default: they are not told apart. */
  readonly caller?: number
}

/** Resolves the options of calls of one method. */
export class CallOptionsResolver {
  readonly #subject: string
  readonly #defaults: ResolvedCallOptions
  readonly #rules

  /**
   * @param subject - The method, for messages.
   */
  constructor(subject: string, isStream: boolean, { timeoutMs, waitForReady, caller = 0 }: CallDefaults) {
    this.#subject = subject
    this.#defaults = isStream
      ? Object.freeze({ ...defaultStreamOptions, waitForReady, caller })
      : Object.freeze({ ...defaultCallOptions, timeoutMs, waitForReady, caller })
    this.#rules = {
      ...commonRules,
      timeoutMs: milliseconds({ max: endless, fallback: this.#defaults.timeoutMs }),
      waitForReady: flag(waitForReady),
    }
  }

  /** @throws RIVULET_INVALID_OPTION */
  resolve(options: CallOptions | undefined): ResolvedCallOptions {
    if (options === undefined) return this.#defaults
    const resolved = resolveOptions(this.#subject, options, this.#rules)
    const { timeoutMs, waitForReady, context, headers, idempotent } = resolved
    return {
      timeoutMs,
      waitForReady,
      idempotent,
      deadline: context === undefined ? endless : deadlineOf(context),
      signal: bothOf(context?.signal, resolved.signal),
      headers: prepareHeaders(this.#subject, headers),
      caller: this.#defaults.caller,
    }
  }
}

function bothOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one !== undefined && other !== undefined ? AbortSignal.any([one, other]) : (one ?? other)
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
