/**
 * One connection of byte streams: what is read, what is written, and how it ends.
 *
 * It moves bytes. Messages, buffers that wait, limits and timeouts are those of its user.
 */
import type { Socket } from 'node:net'
import { errnoOf, isRivuletError, RivuletError } from '../errors/index.js'
import type { StreamIdentity } from './certificate-identity.js'
import { isTlsFailure, tlsFailure } from './tls-failure.js'

/** Notifications of a connection. */
export interface StreamSocketPorts {
  /** Bytes arrived, which belong to the receiver of the call. */
  received(chunk: Buffer): void
  /** The peer has closed its half: no more bytes arrive. */
  ended(): void
  /** The connection is closed; with an error unless both sides have closed their halves, or this side has destroyed it. */
  closed(error: RivuletError | undefined): void
}

/** A connection on which both sides have agreed, with TLS where that is used. */
export interface AgreedSocket {
  readonly socket: Socket
  readonly identity: StreamIdentity | undefined
  /** Asked when the connection has ended before anything was received: how the peer has refused this side, if it has. */
  refusal?(): RivuletError | undefined
}

/** How TLS is put around a connection, of either side. */
export interface StreamTls {
  /**
   * Agrees with the peer; the socket is destroyed if that fails.
   *
   * @param host - The name that this side has connected to; `undefined` for an accepted connection.
   * @error RivuletError if the peer is refused, or refuses this side.
   */
  secure(socket: Socket, host: string | undefined): Promise<AgreedSocket>
  /** Ends what has not succeeded, of a side that accepts. */
  close?(): void
}

/** Codes of the system that say that an open connection was cut. */
const cuts: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED'])

/** An open connection; it reads nothing before it is asked to. */
export class StreamSocket {
  /** The endpoint of the peer; the empty text where it has none, as clients of Unix-domain sockets. */
  readonly remote: string
  /** The endpoint of this side. */
  readonly local: string
  readonly identity: StreamIdentity | undefined
  readonly #socket: Socket
  readonly #refusal: () => RivuletError | undefined
  #hasReceived = false
  #ports: StreamSocketPorts | undefined
  #error: Error | undefined
  #isDestroyed = false
  /** Whether this half was closed, or is about to be. */
  #isEnded = false

  /** @param path - The endpoint of a Unix-domain socket, which the system does not tell. */
  constructor({ socket, identity, refusal }: AgreedSocket, path: string, side: 'bind' | 'connect') {
    const { remoteAddress, remotePort, localAddress, localPort } = socket
    this.remote = path === '' ? tcpEndpoint(remoteAddress, remotePort) : side === 'connect' ? path : ''
    this.local = path === '' ? tcpEndpoint(localAddress, localPort) : side === 'bind' ? path : ''
    this.identity = identity
    this.#socket = socket
    this.#refusal = () => (this.#hasReceived ? undefined : refusal?.())
    socket.pause()
    socket.setNoDelay(true) // what one turn produces leaves in one write
    socket.on('error', (error) => {
      this.#error = error
      socket.destroy() // an alert of TLS leaves it open
    })
    socket.once('close', () => this.#closed())
  }

  /** Notifies a user from now on; of what has happened before, at once. */
  attach(ports: StreamSocketPorts): void {
    const socket = this.#socket
    this.#ports = ports
    if (socket.closed) {
      this.#closed()
      return
    }
    socket.on('end', () => this.#ended())
    socket.on('data', (chunk: Buffer) => {
      this.#hasReceived = true
      ports.received(chunk)
    })
    socket.pause() // a listener of `data` starts the reading
    // TLS reads ahead
    if (socket.readableEnded) this.#ended()
  }

  /** Reads, or stops; what had been read is handed out with the next start. */
  read(on: boolean): void {
    if (on === !this.#socket.isPaused()) return
    if (on) this.#socket.resume()
    else this.#socket.pause()
  }

  /** Bytes that were read and not handed out. */
  get unread(): number {
    return this.#socket.readableLength
  }

  /** Hands bytes to the system in one call where it can; `done` when it has taken them all, never if it does not. */
  write(parts: readonly Buffer[], done: () => void): void {
    const socket = this.#socket
    const last = parts.length - 1
    const taken = (error?: Error | null) => {
      if (!error) done()
    }
    if (last > 0) socket.cork()
    for (let at = 0; at < last; at++) socket.write(parts[at] as Buffer)
    socket.write(parts[last] as Buffer, taken)
    if (last > 0) socket.uncork()
  }

  /** Closes this half behind what was written. */
  end(): void {
    this.#isEnded = true
    this.#socket.end()
  }

  /** Closes both halves behind what was written; what arrives from now on makes the system cut the connection. */
  close(): void {
    this.#isDestroyed = this.#isEnded = true
    this.#socket.destroySoon()
  }

  /** Closes both halves at once, so that the peer sees a failure and no end, where the transport distinguishes the two. */
  destroy(): void {
    this.#isDestroyed = true
    const socket = this.#socket
    // the system resets no connection whose half is closed, and Node.js would never close it; below TLS a reset may crash Node.js
    const isPlain = !(socket as Socket & { readonly encrypted?: boolean }).encrypted
    if (this.remote.startsWith('tcp:') && isPlain && !this.#isEnded && !socket.destroyed) socket.resetAndDestroy()
    else socket.destroy()
  }

  /** Has the system probe a connection that is silent for so long, in milliseconds; infinity for never. */
  keepAlive(afterMs: number): void {
    if (Number.isFinite(afterMs)) this.#socket.setKeepAlive(true, afterMs)
  }

  /** Keeps the process alive while it is open, which is the default. */
  ref(): void {
    this.#socket.ref()
  }

  /** Lets the process exit although it is open. */
  unref(): void {
    this.#socket.unref()
  }

  #ended(): void {
    this.#error ??= this.#refusal()
    if (this.#error === undefined) this.#ports?.ended()
    else this.#socket.destroy()
  }

  #closed(): void {
    const ports = this.#ports
    this.#ports = undefined
    const error = this.#isDestroyed ? undefined : this.#error
    // an alert of the peer is the reason, and a reset is none
    const reason = error === undefined || isTlsFailure(error) ? error : (this.#refusal() ?? error)
    ports?.closed(reason && cut(reason))
  }
}

/** The error for a connection that was cut. */
function cut(cause: Error): RivuletError {
  if (isRivuletError(cause)) return cause
  if (isTlsFailure(cause)) return tlsFailure('the connection was cut', cause)
  const code = cuts.has(errnoOf(cause)) ? 'RIVULET_CONNECTION_LOST' : 'RIVULET_TRANSPORT_FAILED'
  return new RivuletError(code, `the connection was cut: ${cause.message}`, { cause })
}

function tcpEndpoint(host = '', port = 0): string {
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
}
