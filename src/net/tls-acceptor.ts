/**
 * TLS of a bound side, put around accepted connections.
 *
 * The server of `node:tls` inside listens nowhere: connections are handed to it, which is how its documentation lets others
 * accept for it. What it notifies of is matched to them by their addresses.
 */
import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { RivuletError } from '../errors/index.js'
import { identityOf } from './certificate-identity.js'
import type { AgreedSocket, StreamTls } from './stream-socket.js'
import { tlsFailure, tlsRefused } from './tls-failure.js'
import { TlsMaterial, type UsableTls } from './tls-material.js'
import type { ResolvedTls } from './tls-options.js'

/** A connection in its handshake. */
interface Handshake {
  readonly socket: Socket
  readonly resolve: (agreed: AgreedSocket) => void
  readonly reject: (error: RivuletError) => void
}

/** TLS of a bound side. */
export class TlsAcceptor implements StreamTls {
  readonly #subject: string
  readonly #material: TlsMaterial
  readonly #server: Server
  readonly #handshakes = new Map<string, Handshake>()
  /** Those whose connection has closed, in the order in which their failures follow. */
  readonly #closed: Handshake[] = []
  #used: UsableTls

  /**
   * @param subject - Names the caller, for messages: `createStreamListener`.
   * @throws RIVULET_INVALID_OPTION, RIVULET_TLS_FILE
   */
  constructor(subject: string, tls: ResolvedTls, report: (error: RivuletError) => void) {
    const { requestCert, handshakeTimeoutMs } = tls
    this.#subject = subject
    this.#material = new TlsMaterial(subject, tls, report)
    this.#used = this.#material.current()
    const settings = { requestCert, rejectUnauthorized: requestCert, handshakeTimeout: handshakeTimeoutMs }
    this.#server = createServer({ ...this.#used.options, ...settings })
    this.#server.on('secureConnection', (secured) => this.#agreed(secured))
    this.#server.on('tlsClientError', (cause, secured) => this.#failed(cause, secured))
  }

  secure(socket: Socket): Promise<AgreedSocket> {
    return new Promise((resolve, reject) => {
      const address = addressOf(socket)
      const handshake = { socket, resolve, reject }
      socket.on('error', () => {}) // `close` follows
      if (socket.destroyed || socket.remotePort === undefined || this.#handshakes.has(address)) {
        this.#refuse(handshake, tlsRefused(this.#subject, 'end of the connection'))
        return
      }
      this.#handshakes.set(address, handshake)
      socket.once('close', () => this.#lost(address, handshake))
      this.#renew()
      // a peer that leaves during its handshake is not waited for; afterwards each half is closed on its own
      socket.allowHalfOpen = false
      this.#server.emit('connection', socket)
    })
  }

  /** Ends the handshakes that have not succeeded. */
  close(): void {
    for (const { socket } of this.#handshakes.values()) socket.destroy()
  }

  /** Uses the newest certificate from now on. */
  #renew(): void {
    const usable = this.#material.current()
    if (usable === this.#used) return
    this.#used = usable
    this.#server.setSecureContext(usable.options)
  }

  #agreed(secured: TLSSocket): void {
    const handshake = this.#take(secured)
    if (handshake === undefined) {
      secured.destroy()
      return
    }
    secured.allowHalfOpen = true
    handshake.resolve({ socket: secured, identity: identityOf(secured) })
  }

  #failed(cause: Error, secured: TLSSocket): void {
    secured.on('error', () => {}) // this is it
    const handshake = this.#take(secured) ?? this.#closed.shift()
    secured.destroy()
    if (handshake === undefined) return
    const refusal: unknown = secured.authorizationError // Node declares an error, and gives its code
    const error = tlsFailure(this.#subject, cause, typeof refusal === 'string' ? refusal : '')
    this.#refuse(handshake, error)
  }

  #refuse({ socket, reject }: Handshake, error: RivuletError): void {
    socket.destroy()
    reject(error)
  }

  /** The connection has closed; why is notified next, by an event that does not tell which it was. */
  #lost(address: string, handshake: Handshake): void {
    if (this.#handshakes.get(address) !== handshake) return
    this.#handshakes.delete(address)
    this.#closed.push(handshake)
    setImmediate(() => {
      const at = this.#closed.indexOf(handshake)
      if (at < 0) return
      this.#closed.splice(at, 1)
      this.#refuse(handshake, tlsRefused(this.#subject, 'end of the connection'))
    })
  }

  #take(secured: TLSSocket): Handshake | undefined {
    const address = addressOf(secured)
    const handshake = this.#handshakes.get(address)
    this.#handshakes.delete(address)
    return handshake
  }
}

/** The addresses of both sides, which no other connection of this system has. */
function addressOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join()
}
