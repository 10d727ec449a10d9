/**
 * The options of RPC: what a caller may say, its rules, and how it resolves.
 */
import type { CallContext, CallHeaders, ResolvedCallOptions } from '../../src/call/index.js'
import { defaultCallOptions, defaultStreamOptions, isCallContext, prepareHeaders } from '../../src/call/index.js'
import {
  defaults,
  flag,
  instance,
  integer,
  milliseconds,
  required,
  resolveOptions,
  signal,
} from '../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../src/socket/index.js'
import { type Implementation, isImplementation } from './implement.js'

/** Options that both sides of RPC take. */
interface RpcOptions extends SocketOptions {
  /** The largest request or response, in bytes, 64 KiB to 256 MiB. Default: 16 MiB. */
  readonly maxMessageBytes?: number
  /** What may wait to leave on one link, in bytes, 1 to 1 GiB. Default: 8 MiB. */
  readonly outboxBytes?: number
}

/** Options of `createRpcServer`; it binds, and to nothing that other machines can reach unless `insecure` is true. */
export interface RpcServerOptions extends Omit<RpcOptions, 'connect'> {
  /** What the server does, from `implement`. */
  readonly services: readonly Implementation[]
  /** Links at the same time, those that are cut included, 1 to 65536. Default: 1024. */
  readonly maxSessions?: number
  /** Calls at the same time over all links; more are refused as overloaded. 1 to 1,000,000. Default: 65536. */
  readonly maxConcurrentCalls?: number
}

/** Options of `createRpcClient`; it connects, or shares the links of another client. */
export interface RpcClientOptions extends Omit<RpcOptions, 'bind' | 'insecure'> {
  /** Another client whose links are shared: then no other option is taken but `timeoutMs`, `waitForReady` and `signal`. */
  readonly over?: object
  /** How long a call with one response may take, in milliseconds, 0 or more; infinite for no limit. Default: 30,000. */
  readonly timeoutMs?: number
  /** Whether calls wait until there is a server, as long as their deadline allows. Default: true. */
  readonly waitForReady?: boolean
}

/** The options of one call. */
export interface CallOptions {
  /**
   * How long the call may take, in milliseconds, 0 or more; infinite for no limit.
   *
   * Default: that of the client for a call with one response, none for one with a stream of them.
   */
  readonly timeoutMs?: number
  /** The call that this one is made for: it is cancelled with it, and its deadline is no later. */
  readonly context?: CallContext
  /** Cancels the call. */
  readonly signal?: AbortSignal
  /** Texts for the handler, at most 64 and 16 KiB together. Default: none. */
  readonly headers?: CallHeaders
  /** Whether a second run does no harm: then the call is sent again if a session ends. Default: what the method says. */
  readonly idempotent?: boolean
  /** Whether the call waits until there is a server, as long as its deadline allows. Default: that of the client. */
  readonly waitForReady?: boolean
}

const mebibyte = 1024 * 1024

const common = {
  ...socketRules,
  maxMessageBytes: integer({ min: 65_536, max: 256 * mebibyte, fallback: defaults.maxLinkMessageBytes }),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
}

const endless = Number.POSITIVE_INFINITY

/** The rules of `RpcServerOptions`. */
export const serverRules = {
  ...common,
  services: instance('a list of implementations', isImplementations, required),
  maxSessions: integer({ min: 1, max: 65_536, fallback: defaults.maxSessions }),
  maxConcurrentCalls: integer({ min: 1, max: 1_000_000, fallback: defaults.maxConcurrentCalls }),
}

/** The rules of `RpcClientOptions`, `over` aside. */
export const clientRules = {
  ...common,
  timeoutMs: milliseconds({ max: endless, fallback: defaults.callTimeoutMs }),
  waitForReady: flag(true),
}

/** The same for a client over another. */
export const sharedClientRules = {
  timeoutMs: clientRules.timeoutMs,
  waitForReady: clientRules.waitForReady,
  signal,
}

const callRules = {
  timeoutMs: milliseconds({ max: endless, fallback: endless }),
  context: instance('the context of a call', isCallContext, undefined),
  signal,
  headers: instance('an object with texts', isObject, undefined),
  idempotent: { expects: 'true or false', fallback: undefined, accepts: isBoolean },
  waitForReady: flag(true),
}

/** What a client says for all its calls. */
export interface CallDefaults {
  readonly timeoutMs: number
  readonly waitForReady: boolean
}

/** Resolves the options of calls of one method. */
export class CallOptionsResolver {
  readonly #subject: string
  readonly #unsaid: ResolvedCallOptions

  /**
   * @param subject - The method, for messages.
   */
  constructor(subject: string, isStream: boolean, { timeoutMs, waitForReady }: CallDefaults) {
    this.#subject = subject
    this.#unsaid = isStream
      ? Object.freeze({ ...defaultStreamOptions, waitForReady })
      : Object.freeze({ ...defaultCallOptions, timeoutMs, waitForReady })
  }

  /** @throws RIVULET_INVALID_OPTION */
  resolve(options: CallOptions | undefined): ResolvedCallOptions {
    if (options === undefined) return this.#unsaid
    const resolved = resolveOptions(this.#subject, options, callRules)
    const { context, headers, idempotent } = resolved
    const { timeoutMs, waitForReady } = { ...this.#unsaid, ...options }
    return {
      timeoutMs,
      waitForReady,
      idempotent,
      deadline: context?.deadline ?? endless,
      signal: bothOf(context?.signal, resolved.signal),
      headers: prepareHeaders(this.#subject, headers),
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

function isImplementations(value: unknown): value is readonly Implementation[] {
  return Array.isArray(value) && value.length > 0 && value.every(isImplementation)
}
