/**
 * The options of clients and servers, and their rules; those of single calls are in `src/call/caller-options.ts`.
 */
import {
  countOrEndless,
  defaults,
  flag,
  instance,
  integer,
  milliseconds,
  required,
  signal,
} from '../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../src/socket/index.js'
import { type Implementation, isImplementation } from './implement.js'

/** Options that both sides of RPC take. */
interface RpcOptions extends SocketOptions {
  /**
   * The largest request or response, in bytes, 64 KiB to 256 MiB.
   * @defaultValue `16_777_216` (16 MiB)
   */
  readonly maxMessageBytes?: number
  /**
   * What may wait to be sent on one link, in bytes, 1 to 1 GiB, once for messages of up to 32 KiB and
   * once for larger ones.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * How long a disconnected link may be resumed, in milliseconds, 0 to an hour.
   *
   * Each side keeps its own time, and the shorter one ends the session: then idempotent calls are sent to the next
   * server, and the others end with RIVULET_UNKNOWN_OUTCOME. Less than the deadline of calls leaves time for that.
   *
   * @defaultValue `15_000`
   */
  readonly retentionMs?: number
}

/** Options of {@link createRpcServer}; it binds, and to nothing that other machines can reach unless `insecure` is true. */
export interface RpcServerOptions extends Omit<RpcOptions, 'connect'> {
  /** What the server does, from {@link implement}. */
  readonly services: readonly Implementation[]
  /**
   * Links at the same time, disconnected ones included, 1 to 65,536.
   * @defaultValue `1024`
   */
  readonly maxSessions?: number
  /**
   * Calls at the same time over all links, 1 to 1,000,000; more are refused as overloaded.
   * @defaultValue `65_536`
   */
  readonly maxConcurrentCalls?: number
  /**
   * Calls that one client may begin within a second: 1 or more, or `Infinity`; more are refused as overloaded.
   *
   * A client is a key over all its links where keys are known, otherwise a link.
   *
   * @defaultValue `Infinity`
   */
  readonly maxCallsPerSecond?: number
  /**
   * Calls that one client may cancel within a second: 1 or more, or `Infinity`.
   *
   * Beyond it, its next calls are refused as overloaded until the second has ended.
   *
   * @defaultValue `10_000`
   */
  readonly maxCancelsPerSecond?: number
}

/** Options of {@link createRpcClient}; it connects, or shares the links of another client. */
export interface RpcClientOptions extends Omit<RpcOptions, 'bind' | 'insecure'> {
  /**
   * Another {@link RpcClient} whose links are shared: then no other option is taken but `timeoutMs`, `waitForReady` and
   * `signal`.
   * @defaultValue none
   */
  readonly over?: object
  /**
   * How long a call with one response may take, also one with a stream of requests, in milliseconds, 0 or more;
   * `Infinity` for no limit.
   * @defaultValue `30_000`
   */
  readonly timeoutMs?: number
  /**
   * Whether calls wait until there is a server, as long as their deadline allows.
   * @defaultValue `true`
   */
  readonly waitForReady?: boolean
  /**
   * How long a disconnected link keeps its idempotent calls while another server takes calls, in milliseconds, 0 or
   * more; `Infinity` keeps them until the link is resumed or ends.
   *
   * The calls are sent to the other server. A stream that has begun cannot continue there, and ends with
   * RIVULET_UNKNOWN_OUTCOME. Calls that are not idempotent stay with their link, unless they were not sent.
   *
   * @defaultValue `1000`
   */
  readonly failoverMs?: number
}

const mebibyte = 1024 * 1024

const common = {
  ...socketRules,
  maxMessageBytes: integer({ min: 65_536, max: 256 * mebibyte, fallback: defaults.maxLinkMessageBytes }),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
  retentionMs: milliseconds({ max: 3_600_000, fallback: defaults.retentionMs }),
}

const endless = Number.POSITIVE_INFINITY

/** The rules of `RpcServerOptions`. */
export const serverRules = {
  ...common,
  services: instance('a list of implementations', isImplementations, required),
  maxSessions: integer({ min: 1, max: 65_536, fallback: defaults.maxSessions }),
  maxConcurrentCalls: integer({ min: 1, max: 1_000_000, fallback: defaults.maxConcurrentCalls }),
  maxCallsPerSecond: countOrEndless(defaults.maxCallsPerSecond),
  maxCancelsPerSecond: countOrEndless(defaults.maxCancelsPerSecond),
}

/** The rules of `RpcClientOptions`, `over` aside. */
export const clientRules = {
  ...common,
  timeoutMs: milliseconds({ max: endless, fallback: defaults.callTimeoutMs }),
  waitForReady: flag(defaults.waitForReady),
  failoverMs: milliseconds({ max: endless, fallback: defaults.failoverMs }),
}

/** The same for a client over another. */
export const sharedClientRules = {
  timeoutMs: clientRules.timeoutMs,
  waitForReady: clientRules.waitForReady,
  signal,
}

function isImplementations(value: unknown): value is readonly Implementation[] {
  return Array.isArray(value) && value.length > 0 && value.every(isImplementation)
}
