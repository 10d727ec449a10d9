/**
 * The options of byte streams: what a caller may say, its rules, and how it resolves.
 */
import type { TlsConnectOptions, TlsListenerOptions } from '../../../src/net/index.js'
import {
  defaults,
  flag,
  instance,
  integer,
  milliseconds,
  oneOf,
  type Resolved,
  required,
  resolveOptions,
  signal,
  texts,
} from '../../../src/options/index.js'
import { isRuntime, type Runtime } from '../../../src/runtime/index.js'
import { type OverflowPolicy, overflowPolicies } from '../../../src/stream/index.js'
import type { Framing } from './framing.js'
import { framingOf, messageRules, type StreamMessageOptions } from './typed-options.js'

/** Options of each connection, on both sides. */
export interface StreamOptions<In, Out = In> extends StreamMessageOptions<In, Out> {
  /**
   * What happens when the outbox of a connection is full: see {@link OverflowPolicy}.
   * @defaultValue `'block'`
   */
  readonly overflow?: OverflowPolicy
  /**
   * Messages that wait to be sent on a connection, in bytes, 1 to 1 GiB; one message more may be taken.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * How long a connection may be silent, in milliseconds, 0 or more; `Infinity` for no limit.
   *
   * Silent is one on which no byte arrives while this side reads, and none leaves. It is closed with RIVULET_TIMEOUT.
   *
   * @defaultValue `Infinity`
   */
  readonly idleTimeoutMs?: number
  /**
   * How long a frame may take from its first byte to its last, in milliseconds, 0 or more, while this side reads;
   * `Infinity` for no limit.
   * @defaultValue `60_000`
   */
  readonly frameTimeoutMs?: number
  /**
   * How long this side may be silent after the peer has closed its half and everything is consumed, in milliseconds, 0
   * or more; then this half is closed, too. `Infinity` for no limit.
   * @defaultValue `30_000`
   */
  readonly halfOpenTimeoutMs?: number
  /**
   * How long a TCP connection is silent before the system probes it, in milliseconds, 1000 or more.
   * @defaultValue `30_000`
   */
  readonly keepAliveMs?: number
  /**
   * The {@link Runtime} that the resource belongs to: it closes with it.
   * @defaultValue the runtime of this thread
   */
  readonly runtime?: Runtime
  /**
   * Before the resource is open, aborting rejects the factory; afterwards it closes the resource without draining.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

/** Options of {@link createStreamListener}. */
export interface StreamListenerOptions<In, Out = In> extends StreamOptions<In, Out> {
  /** Endpoints to bind: `tcp://127.0.0.1:*`, `ipc:///run/app.sock`. */
  readonly bind: string | readonly string[]
  /**
   * TLS: the certificate of this side, and whose certificates are admitted; for TCP alone.
   * @defaultValue none
   */
  readonly tls?: TlsListenerOptions
  /**
   * Allows binding where other machines can reach it, without TLS.
   * @defaultValue `false`
   */
  readonly insecure?: boolean
  /**
   * Connections at the same time, 1 to 1,000,000.
   * @defaultValue `1024`
   */
  readonly maxConnections?: number
  /**
   * What all connections may hold together, in bytes, 64 KiB to 1 TiB.
   *
   * Half of it is for messages that were not sent, a quarter for messages that were not consumed, a quarter for
   * incomplete frames.
   *
   * @defaultValue `268_435_456` (256 MiB)
   */
  readonly maxBufferedBytes?: number
  /**
   * How long a connection waits for a subscriber of `connections`, in milliseconds, 0 or more; then it is refused.
   * `Infinity` for no limit.
   * @defaultValue `5000`
   */
  readonly takeTimeoutMs?: number
  /**
   * How long a connection may take to send its first frame, in milliseconds, 0 or more, while somebody consumes its
   * messages; `Infinity` for no limit.
   * @defaultValue `60_000`
   */
  readonly firstFrameTimeoutMs?: number
}

/** Options of {@link connectStream}. */
export interface ConnectStreamOptions<In, Out = In> extends StreamOptions<In, Out> {
  /** The endpoint to connect to: `tcp://host:port`, `ipc:///run/app.sock`. */
  readonly connect: string
  /**
   * TLS: the authorities that servers are checked against, and the certificate of this side; for TCP alone.
   * @defaultValue none
   */
  readonly tls?: TlsConnectOptions
  /**
   * How long opening may take, in milliseconds, 0 or more: the name, the connection, TLS and handshake together.
   * `Infinity` for no limit.
   * @defaultValue `10_000`
   */
  readonly connectTimeoutMs?: number
  /**
   * How long the first frame of the server may take, in milliseconds, 0 or more, while somebody consumes its messages;
   * `Infinity` for no limit.
   * @defaultValue `Infinity`
   */
  readonly firstFrameTimeoutMs?: number
}

/** How long {@link reconnectStream} waits between two tries. */
export interface StreamBackoffOptions {
  /**
   * The first wait, in milliseconds, 1 to a day; up to as much is added at random to each.
   * @defaultValue `100`
   */
  readonly initialMs?: number
  /**
   * The longest wait, in milliseconds, 1 to a day.
   * @defaultValue `1000`
   */
  readonly maxMs?: number
  /**
   * How much longer each wait is than the one before, 1 to 100.
   * @defaultValue `2`
   */
  readonly factor?: number
}

/** Options of {@link reconnectStream}. */
export interface ReconnectStreamOptions<In, Out = In> extends ConnectStreamOptions<In, Out> {
  /**
   * The wait before the next try; it begins again behind a connection on which bytes have arrived.
   * @defaultValue the defaults of {@link StreamBackoffOptions}
   */
  readonly backoff?: StreamBackoffOptions
}

const mebibyte = 1024 * 1024
const dayMs = 86_400_000
const endless = Number.POSITIVE_INFINITY

/** The rule of an option that other patterns have. */
const leftOut = (reason: string) => instance(`left out: ${reason}`, (_value): _value is undefined => false, undefined)

/** The rule of the option itself; `resolveTls` checks what is in it. */
const tlsRule = instance(
  'an object: { certFile, keyFile, caFile }, or the options of node:tls',
  (value): value is object => typeof value === 'object' && value !== null && !Array.isArray(value),
  undefined,
)

const streamRules = {
  tls: tlsRule,
  security: leftOut('it is for the patterns over ZeroMQ, and byte streams have tls'),
  ...messageRules,
  overflow: oneOf(overflowPolicies, defaults.overflow),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
  idleTimeoutMs: milliseconds({ max: endless, fallback: defaults.idleTimeoutMs }),
  frameTimeoutMs: milliseconds({ max: endless, fallback: defaults.frameTimeoutMs }),
  halfOpenTimeoutMs: milliseconds({ max: endless, fallback: defaults.halfOpenTimeoutMs }),
  keepAliveMs: {
    expects: 'milliseconds, 1000 or more',
    fallback: defaults.keepAliveMs as number,
    accepts: (value: unknown) => typeof value === 'number' && value >= 1000,
  },
  runtime: instance('a runtime of createRuntime', isRuntime, undefined),
  signal,
}

/** The rules of `StreamListenerOptions`. */
const listenerRules = {
  ...streamRules,
  bind: texts('an endpoint or a list of endpoints'),
  insecure: flag(defaults.insecure),
  maxConnections: integer({ min: 1, max: 1_000_000, fallback: defaults.maxConnections }),
  maxBufferedBytes: integer({ min: 65_536, max: 2 ** 40, fallback: defaults.maxBufferedBytes }),
  takeTimeoutMs: milliseconds({ max: endless, fallback: defaults.takeTimeoutMs }),
  firstFrameTimeoutMs: milliseconds({ max: endless, fallback: defaults.firstFrameTimeoutMs }),
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** The rules of `ConnectStreamOptions`. */
const connectRules = {
  ...streamRules,
  connect: instance('an endpoint', isText, required),
  connectTimeoutMs: milliseconds({ max: endless, fallback: defaults.connectTimeoutMs }),
  firstFrameTimeoutMs: milliseconds({ max: endless, fallback: defaults.serverFrameTimeoutMs }),
}

const backoffRules = {
  initialMs: integer({ min: 1, max: dayMs, fallback: defaults.reconnectMs }),
  maxMs: integer({ min: 1, max: dayMs, fallback: defaults.reconnectMaxMs }),
  factor: {
    expects: 'a number from 1 to 100',
    fallback: defaults.backoffFactor as number,
    accepts: (value: unknown) => typeof value === 'number' && value >= 1 && value <= 100,
  },
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** The rules of `ReconnectStreamOptions`. */
const reconnectRules = { ...connectRules, backoff: instance('an object', isObject, undefined) }

/** Resolved options with the framing that they lead to, in place of what it was made of. */
type Framed<Options> = Omit<Options, 'framing' | 'schema' | 'maxMessageBytes'> & {
  /** That of typed streams is being loaded. */
  readonly framing: Framing<never, unknown> | Promise<Framing<never, unknown>>
}

/** `StreamListenerOptions`, resolved. */
export type ResolvedListenerOptions = Framed<Resolved<typeof listenerRules>>

/** `ConnectStreamOptions`, resolved. */
export type ResolvedConnectOptions = Framed<Resolved<typeof connectRules>>

/** `StreamBackoffOptions`, resolved. */
export type ReconnectBackoff = Resolved<typeof backoffRules>

/** `ReconnectStreamOptions`, resolved. */
export type ResolvedReconnectOptions = ResolvedConnectOptions & { readonly backoff: ReconnectBackoff }

/** Resolves the options of a listener. */
export function resolveListenerOptions(factory: string, options: unknown): ResolvedListenerOptions {
  return framed(factory, resolveOptions(factory, options, listenerRules))
}

/** Resolves the options of a client. */
export function resolveConnectOptions(factory: string, options: unknown): ResolvedConnectOptions {
  return framed(factory, resolveOptions(factory, options, connectRules))
}

/** Resolves the options of a client that connects again. */
export function resolveReconnectOptions(factory: string, options: unknown): ResolvedReconnectOptions {
  const resolved = framed(factory, resolveOptions(factory, options, reconnectRules))
  const backoff = resolveOptions(`${factory}: backoff`, resolved.backoff, backoffRules)
  return Object.freeze({ ...resolved, backoff })
}

function framed<Options extends Parameters<typeof framingOf>[1]>(factory: string, options: Options): Framed<Options> {
  const { schema, framing, maxMessageBytes, ...rest } = options
  return { ...rest, framing: framingOf(factory, { schema, framing, maxMessageBytes }) }
}
