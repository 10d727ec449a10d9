/**
 * The contract of what decides about keys: a list, or a function.
 */
import type { RivuletError } from '../errors/index.js'
import type { PeerIdentity } from './allow-list.js'

/** Whether a key is admitted: as whom, or why not. */
export type Decision =
  | { readonly admitted: true; readonly identity: PeerIdentity }
  | { readonly admitted: false; readonly reason: 'unknown-key' | 'unavailable' }

/** What decides about keys. */
export interface Admission {
  /** Decides; never rejects, and takes a bounded time. */
  decide(publicKey: string, address: string): Decision | Promise<Decision>
  /** The identity of a key that is admitted now; `undefined` if it is not, or if that is not known. */
  identityOf(publicKey: string): PeerIdentity | undefined
  /** Whether a key has left the list and is not back on it; a function is not asked about keys that this side dials. */
  isRevoked?(publicKey: string): boolean
  /** Whether a key is in use, where that can be known and matters. */
  isInUse?: ((publicKey: string) => boolean) | undefined
  /** Stops timers and ends subscriptions. */
  close(): void
}

/** What an admission needs of its guard. */
export interface AdmissionPorts {
  /** A key that was admitted is not any more, or by another name. */
  revoked(identity: PeerIdentity, reason: string): void
  report(error: RivuletError): void
}

/** The decision that admits a key. */
export function admit(identity: PeerIdentity): Decision {
  return { admitted: true, identity }
}

/** The decision about a key that is not admitted. */
export const unknownKey: Decision = Object.freeze({ admitted: false, reason: 'unknown-key' })

/** The decision where there is none. */
export const unavailable: Decision = Object.freeze({ admitted: false, reason: 'unavailable' })
