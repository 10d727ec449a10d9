/**
 * Native sockets with the safe settings: what the measured facts of libzmq 4.3.5 ask for, in one place.
 *
 * Nothing here sends, receives or connects; a `Socket` owns what this makes.
 */
import { randomBytes } from 'node:crypto'
import { isMainThread } from 'node:worker_threads'
import * as zmq from 'zeromq'
import { errnoOf } from '../errors/index.js'
import { defaults } from '../options/index.js'
import type { Runtime } from '../runtime/index.js'
import { withoutWarning } from './late-options.js'
import { libraryContext } from './native-context.js'
import { uninterrupted, whenReleased } from './try-again.js'

/** The socket types in use. */
export type SocketKind = 'push' | 'pull' | 'xpub' | 'xsub' | 'router' | 'dealer'

/** What differs between sockets of one kind. */
export interface NativeSettings {
  readonly kind: SocketKind
  /** Outgoing frames that wait in the library for one peer. */
  readonly sendHighWaterMark: number
  /** Frames that wait in the library from one peer. */
  readonly receiveHighWaterMark: number
  /** Larger frames cut their connection, in bytes. */
  readonly maxFrameBytes: number
  /** What the system may hold for one connection, in bytes a side; `undefined` leaves it to the system. */
  readonly socketBufferBytes: number | undefined
  readonly ipv6: boolean
  /** Whether it accepts connections. Default: false. */
  readonly isBound?: boolean
  /** Distinguishes a bound socket from others where handshakes are held (`handshake-gate.ts`). */
  readonly gateName?: string
  /** The ZAP domain of a bound socket that admits only keys which its guard knows (`secured-domain.ts`). */
  readonly securedDomain?: string
}

/** What the rest of `src/socket` uses of a native socket. */
export interface NativeSocket {
  readonly closed: boolean
  readonly lastEndpoint: string | null
  readonly readable: boolean
  linger: number
  sendTimeout: number
  receiveTimeout: number
  bind(address: string): Promise<void>
  bindSync(address: string): void
  connect(address: string): void
  disconnect(address: string): void
  send(frame: Buffer | readonly Buffer[]): Promise<void>
  receive(): Promise<Buffer[]>
  close(): void
}

/** What the rest of `src/socket` uses of a native monitor. */
export interface NativeObserver {
  receive(): Promise<MonitorEvent | undefined>
}

/** One event of a monitor; `end` is the last. */
export interface MonitorEvent {
  readonly type: string
  readonly address?: string
  readonly error?: Error
}

/** How long one native `send` or `receive` waits, so that `unref` takes effect at last, in milliseconds. */
export const nativeWaitMs = 1000

/**
 * Whether a native operation may be pending: not in a worker thread.
 *
 * zeromq.js aborts the whole process if a thread ends, by `terminate()`, `process.exit()` or an uncaught error, while a
 * `send` or `receive` of it is pending (zeromq.js#411). In worker threads sockets are polled instead.
 */
export const mayPend = isMainThread

/** How often a socket is polled that must have no operation pending, in milliseconds. */
export const pollMs = mayPend ? 5 : 1

/**
 * How often a monitor is polled that must have no operation pending, in milliseconds: at first, and when nothing has come
 * for a while. Each poll makes a monitor, during which the end of a worker thread aborts the process; and one that is not
 * polled for long may become full, which stops the library.
 */
export const monitorPollMs = mayPend ? { first: 100, idle: 100 } : { first: 20, idle: 80 }

/** Options that zeromq.js has no name for, by libzmq's number. */
const option = {
  sendHighWaterMark: 23,
  xpubNoDrop: 69,
  enforceZapDomain: 93,
  inBatchBytes: 101,
  outBatchBytes: 102,
  disconnectMessage: 111,
  topicsCount: 116,
} as const

/**
 * What the library reads at once while it expects the head of a frame, in bytes; a body is read in one piece.
 *
 * Less than the last byte of a frame and the shortest PING. A library whose queue is full stops within what it has read;
 * if the peer resets the connection then, and the rest holds a PING, the answer aborts the process (`!_io_error` in
 * `stream_engine_base_t::out_event`, libzmq 4.3.5), with heartbeats and without. So no rest can hold one.
 */
const inBatchBytes = 7

/**
 * What the system holds of what one subscriber sends to a publisher, in bytes; Linux doubles it.
 *
 * With the system's own size the library found the next subscription whenever it had taken one in: one call took in up to
 * 800, with this size 22.
 */
const upstreamBufferBytes = 4096

const constructors = {
  push: zmq.Push,
  pull: zmq.Pull,
  xpub: zmq.XPublisher,
  xsub: zmq.XSubscriber,
  router: zmq.Router,
  dealer: zmq.Dealer,
}

/**
 * What a router reads from a peer that has gone, over every transport: the library puts it there itself.
 *
 * At random and never on a connection, since a peer that knew it could say that it has gone and stay.
 */
export const disconnectMessage = randomBytes(16)

/**
 * The ZAP domain of every socket (RFC 27/ZAP): with one, libzmq refuses peers below ZMTP 3.
 *
 * Without it, whatever does not greet as ZMTP 3 is taken for a ZMTP 1 peer, a line of HTTP too, and gets its share of
 * the messages, also from a side that connects. The domain alone decides (`session_base_t::zap_enabled`); a handler is bound
 * only while peers are refused (`admission.ts`), since it makes each handshake wait for the event loop.
 */
const zapDomain = 'rivulet'

/** The domain of sockets that accept connections, and how those begin of sockets with a gate. */
export const boundZapDomain = 'rivulet.bound'

/** How the domains of secured sockets begin: no socket without security has one of them. */
export const securedZapDomain = 'rivulet.secured'

/** Where libzmq looks for the handler of a context (RFC 27/ZAP). */
export const zapAddress = 'inproc://zeromq.zap.01'

/** Setters that exist in zeromq.js but are typed as protected. */
interface ByNumber {
  setBoolOption(option: number, value: boolean): void
  getInt32Option(option: number): number
  setInt32Option(option: number, value: number): void
  setStringOption(option: number, value: Buffer): void
}

/** Makes a native socket with every setting made and nothing bound; throws the native error. */
export function createNative(runtime: Runtime, settings: NativeSettings): NativeSocket {
  const { kind } = settings
  const socket = new constructors[kind]({ context: libraryContext(runtime) })
  const byNumber = socket as unknown as ByNumber
  Object.assign(socket, {
    linger: 0, // the default of −1 hangs the exit of a process whose peer is away
    ipv6: settings.ipv6,
    zapDomain: settings.securedDomain ?? (settings.isBound ? (settings.gateName ?? boundZapDomain) : zapDomain),
    maxMessageSize: settings.maxFrameBytes,
    handshakeInterval: defaults.handshakeMs, // also how long a connection whose greeting got lost hangs
    // at random, so that the clients of one server do not come back in step
    reconnectInterval: Math.round(defaults.reconnectMs * (1 + Math.random())),
    reconnectMaxInterval: defaults.reconnectMaxMs,
    ...liveness(kind),
  })
  // without it, a secured socket admits every key while no handler is bound
  if (settings.securedDomain !== undefined) byNumber.setBoolOption(option.enforceZapDomain, true)
  if (kind !== 'pull') {
    // a SUB or XSUB loses subscriptions beyond its mark without a word, so it has none
    byNumber.setInt32Option(option.sendHighWaterMark, kind === 'xsub' ? 0 : settings.sendHighWaterMark)
  }
  if (kind !== 'push') {
    const { receiveHighWaterMark } = settings
    Object.assign(socket, { receiveHighWaterMark, receiveTimeout: nativeWaitMs })
  }
  // without it, frames are taken for a peer that never comes
  if (kind === 'push') Object.assign(socket, { immediate: true, sendTimeout: mayPend ? nativeWaitMs : 0 })
  // with no wait, `send` is done when it returns, so that any number may follow each other
  if (kind === 'dealer')
    Object.assign(socket, { immediate: true, sendTimeout: 0, connectTimeout: defaults.handshakeMs })
  if (kind === 'router') {
    Object.assign(socket, { mandatory: true, sendTimeout: 0 })
    byNumber.setStringOption(option.disconnectMessage, disconnectMessage)
  }
  if (kind === 'xpub') {
    // immediate: otherwise what a bound subscriber had stays subscribed when its connection has ended, for good
    Object.assign(socket, { immediate: true, verbosity: 'allSubsUnsubs', receiveBufferSize: upstreamBufferBytes })
    byNumber.setBoolOption(option.xpubNoDrop, true)
  }
  byNumber.setInt32Option(option.inBatchBytes, inBatchBytes)
  const { socketBufferBytes } = settings
  if (socketBufferBytes !== undefined) {
    if (kind === 'push') Object.assign(socket, { sendBufferSize: socketBufferBytes })
    if (kind === 'pull') Object.assign(socket, { receiveBufferSize: socketBufferBytes })
    byNumber.setInt32Option(option.outBatchBytes, outBatchBytesFor(socketBufferBytes))
  }
  return socket as unknown as NativeSocket
}

/** Lets what a socket connects next have an IPv6 address. */
export function allowIpv6(socket: NativeSocket): void {
  withoutWarning(() => Object.assign(socket, { ipv6: true }))
}

/** Makes the socket that is asked about each handshake in the context of a runtime (RFC 27/ZAP). */
export function bindAuthenticator(runtime: Runtime): NativeSocket {
  const options = { context: libraryContext(runtime), linger: 0, sendTimeout: 0, receiveTimeout: nativeWaitMs }
  const socket = new zmq.Router(options) as unknown as NativeSocket
  try {
    uninterrupted(() => socket.bindSync(zapAddress))
  } catch (error) {
    socket.close()
    throw error
  }
  return socket
}

/**
 * How the system finds a dead connection: by probes while it is idle, and by a limit for bytes that are not acknowledged.
 *
 * No socket has ZMTP heartbeats. A library whose queue is full stops reading a connection: it answers no PING and sees no
 * PONG, and cuts a peer that is merely slow. Worse, when a peer resets such a connection, the next heartbeat aborts the
 * process (`!_io_error`, libzmq #4841), so that any peer that floods and resets could end a server.
 *
 * The limit also ends a connection whose peer has not read for so long. On links a peer always reads, since credit bounds
 * what comes; a subscriber that does not has lost frames long before. A worker may take its time, so a queue has no limit;
 * and it probes seldom, since what it sends to a producer that has closed comes back as a reset, and its library then drops
 * what it has not read. What the system cannot see, a proxy that swallows bytes, the sessions of links find out.
 */
function liveness(kind: SocketKind): object {
  const silenceMs = kind === 'pull' ? defaults.workerSilenceMs : defaults.silenceMs
  const probes = 5
  const keepAlive = {
    tcpKeepalive: 1,
    tcpKeepaliveCount: probes,
    tcpKeepaliveInterval: defaults.heartbeatMs / 1000,
    tcpKeepaliveIdle: (silenceMs - probes * defaults.heartbeatMs) / 1000,
  }
  if (kind === 'push' || kind === 'pull') return keepAlive
  const isLink = kind === 'router' || kind === 'dealer'
  return { ...keepAlive, tcpMaxRetransmitTimeout: isLink ? silenceMs : defaults.subscriberSilenceMs }
}

/** Lets a publisher's frames be dropped for the peers that are full, or makes them wait for all. */
export function dropForFullPeers(socket: NativeSocket, drop: boolean): void {
  const byNumber = socket as unknown as ByNumber
  withoutWarning(() => byNumber.setBoolOption(option.xpubNoDrop, !drop))
}

/** The prefixes in the trie of an XPUB, those of peers that have left included: libzmq 4.3.5 does not count these off. */
export function subscribedPrefixes(socket: NativeSocket): number {
  return (socket as unknown as ByNumber).getInt32Option(option.topicsCount)
}

/** How much the library itself gathers for one system call: 8 KiB at most. */
function outBatchBytesFor(socketBufferBytes: number): number {
  return Math.max(512, Math.min(8192, socketBufferBytes >> 3))
}

/**
 * Sockets whose monitor may have been made in part (`native-context.ts`). To close one, also on finalization, stops the thread
 * of the library that closes sockets, for good, and another monitor stops this thread: both wait until the last event is read.
 */
const unclosable = new Set<NativeSocket>()

/**
 * Starts a monitor of a socket; a monitor that ran before ends, and no event is lost between the two.
 *
 * Two native sockets must be left, or the socket is neither monitored nor collected any more.
 */
export function observe(socket: NativeSocket): NativeObserver {
  if (unclosable.has(socket)) throw new Error('the socket has half a monitor')
  try {
    return whenReleased(() => new zmq.Observer(socket as unknown as zmq.Socket) as NativeObserver)
  } catch (error) {
    if (errnoOf(error) !== 'EADDRINUSE') unclosable.add(socket)
    throw error
  }
}

/** What Linux gives a Unix-domain socket, in bytes a connection; libzmq does not set it. */
const ipcBufferBytes = 212_992

/**
 * What the systems and the libraries may hold of further frames on both sides of a connection, in bytes.
 *
 * Linux doubles what it is asked for. Within one process there is no connection.
 */
export function connectionBacklogBytes(endpoint: string, socketBufferBytes: number): number {
  if (endpoint.startsWith('inproc:')) return 0
  const systems = endpoint.startsWith('ipc:') ? ipcBufferBytes : 2 * 2 * socketBufferBytes
  return systems + 2 * outBatchBytesFor(socketBufferBytes)
}

/**
 * The frame size at which the library cuts a connection, in bytes.
 *
 * Far above the limit that is reported, since a cut says nothing of its reason: a frame between the two is counted.
 */
export function maxTransportFrameBytes(maxMessageBytes: number): number {
  return Math.max(4 * maxMessageBytes, 16 * 1024 * 1024)
}
