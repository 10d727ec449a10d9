/** TLS of a connecting side, put around connections that are open. */
import { isIP, type Socket } from 'node:net'
import { connect } from 'node:tls'
import { RivuletError } from '../errors/index.js'
import { identityOf } from './certificate-identity.js'
import type { AgreedSocket, StreamTls } from './stream-socket.js'
import { tlsFailure, tlsRefused } from './tls-failure.js'
import { TlsMaterial } from './tls-material.js'
import type { ResolvedTls } from './tls-options.js'

/** TLS of a connecting side. */
export class TlsDialer implements StreamTls {
  readonly #subject: string
  readonly #material: TlsMaterial
  readonly #servername: string | undefined
  /** Whether this side has a certificate, which a server may refuse. */
  readonly #isKnown: boolean

  /**
   * @param subject - Names the caller, for messages: `connectStream`.
   * @throws RIVULET_INVALID_OPTION, RIVULET_TLS_FILE
   */
  constructor(subject: string, tls: ResolvedTls, report: (error: RivuletError) => void) {
    this.#subject = subject
    this.#material = new TlsMaterial(subject, tls, report)
    this.#servername = tls.servername
    this.#isKnown = tls.inline.cert !== undefined || tls.paths.cert !== undefined
  }

  secure(socket: Socket, host: string | undefined): Promise<AgreedSocket> {
    const name = this.#servername ?? host ?? ''
    const { context } = this.#material.current()
    return new Promise((resolve, reject) => {
      // RFC 6066 §3: an address is no name of a server
      const sni = isIP(name) === 0 ? name : ''
      const secured = connect({ socket, secureContext: context, servername: sni, host: name })
      const failed = (cause: Error) => {
        settle()
        secured.on('error', () => {}) // it has failed already
        secured.destroy()
        reject(tlsFailure(`${this.#subject}: ${name}`, cause))
      }
      const closed = () => failed(new RivuletError('RIVULET_TLS_REFUSED', 'the connection was closed'))
      const settle = () => {
        secured.off('error', failed)
        secured.off('close', closed)
      }
      secured.on('error', failed)
      secured.once('close', closed)
      secured.once('secureConnect', () => {
        settle()
        resolve({ socket: secured, identity: identityOf(secured), ...this.#verdict(secured, name) })
      })
    })
  }

  /**
   * In TLS 1.3 a server checks the certificate of a client when the handshake of the client is done, and Node says nothing
   * when it refuses one: the connection ends before the tickets that follow a handshake on which both sides agreed.
   */
  #verdict(secured: ReturnType<typeof connect>, name: string): Pick<AgreedSocket, 'refusal'> {
    if (!this.#isKnown || secured.getProtocol() !== 'TLSv1.3') return {}
    let isAgreed = false
    secured.once('session', () => {
      isAgreed = true
    })
    return { refusal: () => (isAgreed ? undefined : tlsRefused(`${this.#subject}: ${name}`, 'end of the connection')) }
  }
}
