/**
 * The security of one socket that binds: its ZAP domain, its keys, what peers did wrong, and keys that are revoked.
 *
 * Who is admitted is decided by the guard of the resource; sessions of links are ended by the links.
 */
import type { Subscription } from 'rxjs'
import { errnoOf } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import type { KeyPair, SecurityGuard } from '../security/index.js'
import { admissionOf } from './admission.js'
import { bindWithCurve } from './curve.js'
import { type NativeSocket, securedZapDomain } from './native.js'
import type { SecuredDomain } from './secured-domain.js'

/** Why a handshake failed, by the code of the library; other codes are those of a peer that left or was too slow. */
const reasons: Readonly<Record<string, string>> = {
  ERR_ZMTP_MECHANISM_MISMATCH: 'mechanism',
  ERR_ZMTP_CRYPTOGRAPHIC: 'server-key', // the peer expects another one
  EFAULT: 'unavailable', // there was no ZAP handler
}

let domains = 0

/** The security of one bound socket. */
export class BoundSecurity {
  /** The ZAP domain of the socket. */
  readonly domain = `${securedZapDomain}.${domains++}`
  readonly #keyPair: KeyPair
  readonly #guard: SecurityGuard
  readonly #secured: SecuredDomain
  #revocations: Subscription | undefined

  /**
   * Answers handshakes for the domain from now on.
   *
   * @throws RIVULET_ADMISSION_UNAVAILABLE
   */
  constructor(runtime: Runtime, keyPair: KeyPair, guard: SecurityGuard, gateName: string | undefined) {
    this.#keyPair = keyPair
    this.#guard = guard
    this.#secured = admissionOf(runtime).secure(this.domain, guard, gateName)
  }

  /** Whether it may keep the process alive. */
  set referenced(on: boolean) {
    this.#secured.isReferenced = on
  }

  /** Makes the next `bind` a secured one. */
  prepare(socket: NativeSocket): void {
    bindWithCurve(socket, this.#keyPair)
  }

  /** Ends all connections whenever a key is revoked that may have one: one connection cannot be ended. */
  cutWhenRevoked(cut: () => void): void {
    this.#revocations = this.#guard.revoked.subscribe((publicKey) => {
      if (!this.#secured.mayHave(publicKey)) return
      this.#secured.forget()
      cut()
    })
  }

  /** A connection was refused by the library, for this reason. */
  refused(reason: unknown): void {
    // what the ZAP handler refused was noted there
    if (reason !== undefined && (reason as { status?: number }).status !== undefined) return
    const word = reason === undefined ? 'protocol' : (reasons[errnoOf(reason)] ?? 'incomplete')
    this.#guard.note({ kind: 'refused', reason: word })
  }

  /** Admits nobody any more. */
  close(): void {
    this.#revocations?.unsubscribe()
    this.#secured.close()
  }
}
