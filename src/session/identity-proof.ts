/**
 * The identity of a peer and how it is proven inside the handshake: the contract between links and security.
 *
 * No cryptography here: both sides of a link are given it, so that the machines stay pure.
 */
import type { PeerIdentity } from '../security/index.js'
import type { Challenge, Hello, Proof } from '../wire/index.js'

/** Why an acceptor refuses a handshake, or ends a session, for reasons of identity. */
export type IdentityRefusal =
  /** The dialer has no security: it does not say that it can prove a key. */
  | 'no-proof'
  /** No proof came in time, or one came that no challenge waits for. */
  | 'late-proof'
  /** A proof does not fit its challenge. */
  | 'wrong-proof'
  /** A key was proven and is not admitted. */
  | 'unknown-key'
  /** A key was proven, and nobody could decide whether it is admitted. */
  | 'unavailable'
  /** A proven key asked for the session of another key. */
  | 'foreign-session'
  /** A proven key has as many sessions as one key may have, or all keys together have as many as there may be. */
  | 'too-many-sessions'
  /** Link frames came before the proof. */
  | 'frames-before-proof'

/** Whose a proof is, or why it is refused. */
export type Verdict = PeerIdentity | IdentityRefusal

/** What an acceptor needs to know its peers. */
export interface Authenticator {
  /** The key of the acceptor, 32 bytes. */
  readonly publicKey: Buffer
  /** How long a challenge waits for its proof, in milliseconds. */
  readonly proofMs: number
  /** Sessions of one key at the same time, those that are cut included. */
  readonly maxSessionsPerKey: number
  /** Makes 32 random bytes, from a good source; never the same twice. */
  nonce(): Buffer
  /** Returns whose the proof is, or why it is refused, perhaps later; neither throws nor rejects. */
  verify(hello: Hello, challenge: Challenge, proof: Proof): Verdict | Promise<Verdict>
  /** Notes a refusal; the identity is given where it was proven. */
  refused(reason: IdentityRefusal, identity: PeerIdentity | undefined): void
}

/** What a dialer needs to prove its key. */
export interface IdentityProver {
  /**
   * Returns the proof; `undefined` if the challenge is of an acceptor that the dialer does not expect, and `'revoked'` if it is of
   * one whose key the dialer no longer admits. Never throws.
   */
  prove(hello: Hello, challenge: Challenge): Proof | 'revoked' | undefined
}
