/**
 * Challenges of an acceptor that wait for their proof: one a connection, bounded in number and time, each used once.
 *
 * It decides nothing: what a proof is worth is decided by the authenticator, and what follows by the acceptor.
 */
import type { Challenge, Hello } from '../wire/index.js'
import { proofCapability } from './handshake.js'

/** Connections that may be between hello and proof; the one that has waited longest makes room. A proof takes one round trip. */
export const mostChallenges = 4096

/** A hello that waits for its proof. */
export interface PendingProof {
  /** Without what may be large and is not needed. */
  readonly hello: Hello
  readonly challenge: Challenge
  /** When it is forgotten. */
  readonly expiresAt: number
}

/** The challenges that were made and not answered. */
export class Challenges {
  /** By connection, the oldest in front. */
  readonly #pending = new Map<string, PendingProof>()
  readonly #expired: () => void

  /**
   * @param expired - Called for each challenge that is forgotten without an answer.
   */
  constructor(expired: () => void) {
    this.#expired = expired
  }

  /** The hello of a connection that waits for its proof. */
  helloOf(peer: string): Hello | undefined {
    return this.#pending.get(peer)?.hello
  }

  /** Remembers a challenge; that of an earlier hello on this connection is forgotten. */
  add(peer: string, hello: Hello, challenge: Challenge, expiresAt: number): void {
    // a copy, since the bytes of a hello belong to its frame, which may be large
    const session = Buffer.from(hello.session)
    const kept = { ...hello, session, capabilities: [proofCapability], extensions: {} }
    this.#pending.delete(peer)
    this.#pending.set(peer, { hello: kept, challenge, expiresAt })
    if (this.#pending.size <= mostChallenges) return
    const [oldest = ''] = this.#pending.keys()
    this.#pending.delete(oldest)
    this.#expired()
  }

  /** Takes the challenge of a connection: no other proof can answer it. */
  take(peer: string): PendingProof | undefined {
    const pending = this.#pending.get(peer)
    this.#pending.delete(peer)
    return pending
  }

  /** Forgets those whose time has passed. */
  expire(now: number): void {
    for (const [peer, { expiresAt }] of this.#pending) {
      if (expiresAt > now) return
      this.#pending.delete(peer)
      this.#expired()
    }
  }
}
