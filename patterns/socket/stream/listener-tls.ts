/**
 * TLS of a listener, with what it has observed: admitted and refused connections.
 *
 * Handshakes and certificates are those of `src/net`.
 */
import type { RivuletError } from '../../../src/errors/index.js'
import type { StreamSocket } from '../../../src/net/index.js'
import { resolveTls, TlsAcceptor } from '../../../src/net/tls.js'
import type { ResourceScope } from '../../../src/resource/index.js'
import { SecurityEvents } from '../../../src/security/index.js'

/** TLS of a listener. */
export class ListenerTls {
  readonly acceptor: TlsAcceptor
  readonly #events: SecurityEvents

  /**
   * @param factory - The public function, for messages: `createStreamListener`.
   * @throws RIVULET_INVALID_OPTION, RIVULET_TLS_FILE
   */
  constructor(factory: string, options: object, scope: ResourceScope) {
    this.acceptor = new TlsAcceptor(factory, resolveTls(factory, 'bind', options), (error) => scope.report(error))
    this.#events = new SecurityEvents(() => scope.name(), scope.runtime.clock)
  }

  get events(): SecurityEvents['observable'] {
    return this.#events.observable
  }

  /** A peer has agreed; with a certificate, its identity is known. */
  admitted({ identity, remote }: StreamSocket): void {
    const address = remote.replace(/^tcp:\/\/\[?(.+?)\]?:\d+$/, '$1')
    if (identity === undefined) this.#events.note({ kind: 'admitted', reason: 'tls', address })
    else this.#events.note({ kind: 'admitted', reason: 'certificate', identity, address })
  }

  /** A handshake has failed; the reason is the code of its error. */
  refused({ code }: RivuletError, address: string): void {
    const reason = code.replace('RIVULET_', '').toLowerCase().replaceAll('_', '-')
    this.#events.note({ kind: 'refused', reason, address })
  }

  /** There are as many connections as there may be. */
  limited(): void {
    this.#events.note({ kind: 'limit', reason: 'connections' })
  }

  close(): void {
    this.#events.close()
  }
}
