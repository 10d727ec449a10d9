/**
 * The ZAP domain of one secured socket: who asks the guard, and which keys may have a connection.
 *
 * It knows nothing of sockets; `zap-handler.ts` answers with it, and its owner cuts by it when a key is revoked.
 */
import { type Decision, type SecurityGuard, z85Encode } from '../security/index.js'
import type { ZapRequest } from './zap-request.js'

/** Keys that are remembered as admitted; beyond them, any key may have a connection. */
const maxAdmitted = 10_000

/** How a domain tells its handler what happens to it. */
export interface SecuredDomainPorts {
  changed(): void
  closed(): void
}

/** A domain, from before its socket binds until that is closed. */
export class SecuredDomain {
  /** The gate that holds what the guard admits. */
  readonly gateName: string | undefined
  readonly #guard: SecurityGuard
  readonly #ports: SecuredDomainPorts
  readonly #admitted = new Set<string>()
  #isReferenced = true
  #isClosed = false

  constructor(guard: SecurityGuard, gateName: string | undefined, ports: SecuredDomainPorts) {
    this.gateName = gateName
    this.#guard = guard
    this.#ports = ports
  }

  /** Whether it may keep the process alive. */
  get isReferenced(): boolean {
    return this.#isReferenced
  }

  set isReferenced(on: boolean) {
    this.#isReferenced = on
    this.#ports.changed()
  }

  /** Whether a connection of a key may have been admitted since `forget`. */
  mayHave(publicKey: string): boolean {
    return this.#admitted.has(publicKey) || this.#admitted.size >= maxAdmitted
  }

  /** All connections were ended. */
  forget(): void {
    this.#admitted.clear()
  }

  /** Asks the guard, which never throws or rejects. */
  decide({ publicKey, address }: ZapRequest): Decision | Promise<Decision> {
    if (publicKey === undefined || this.#isClosed) return { admitted: false, reason: 'unavailable' }
    return this.#guard.decide(z85Encode(publicKey), address)
  }

  /** A connection is about to be admitted; returns whether its key still is. */
  admit({ publicKey, address }: ZapRequest): boolean {
    const key = z85Encode(publicKey as Buffer)
    const identity = this.#isClosed ? undefined : this.#guard.identityOf(key)
    if (identity === undefined) return false
    if (this.#admitted.size < maxAdmitted) this.#admitted.add(key)
    this.#guard.note({ kind: 'admitted', reason: 'key', identity, address })
    return true
  }

  /** A peer is refused. */
  refused(reason: string, address: string): void {
    this.#guard.note({ kind: 'refused', reason, address })
  }

  /** A peer is refused, whatever its key, since there is too much of something. */
  limited(reason: string, address: string): void {
    this.#guard.note({ kind: 'limit', reason, address })
  }

  /** Admits nobody any more. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#ports.closed()
  }
}
