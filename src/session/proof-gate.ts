/**
 * Between hello and welcome of an acceptor with security: it asks each connection for a proof, and lets those pass that give it.
 *
 * What a proof is worth is decided by the authenticator; which session a proven peer gets, by the acceptor.
 */
import { RivuletError } from '../errors/index.js'
import type { Hello } from '../wire/index.js'
import { Challenges } from './challenges.js'
import { proofCapability, readProof, refusalReason, writeChallenge } from './handshake.js'
import type { Authenticator, IdentityRefusal, PeerIdentity } from './identity-proof.js'

/** What the gate needs of its acceptor. */
export interface ProofGatePorts {
  now(): number
  transmit(peer: string, frame: Buffer): void
  refuse(peer: string, connection: number, reason: string, message: string): void
  report(error: RivuletError): void
  /** The hello of a connection is that of a proven key. */
  admit(peer: string, hello: Hello, identity: PeerIdentity): void
}

/** Asks for proofs. */
export class ProofGate {
  readonly #authenticator: Authenticator
  readonly #ports: ProofGatePorts
  readonly #challenges: Challenges

  constructor(authenticator: Authenticator, ports: ProofGatePorts) {
    this.#authenticator = authenticator
    this.#ports = ports
    this.#challenges = new Challenges(() => this.note('late-proof', undefined))
  }

  /** Notes a refusal. */
  note(reason: IdentityRefusal, identity: PeerIdentity | undefined): void {
    this.#authenticator.refused(reason, identity)
  }

  /** Whether a key may have no more sessions than so many. */
  isFull(sessions: number): boolean {
    return sessions >= this.#authenticator.maxSessionsPerKey
  }

  /** Whether a hello is that of the present challenge of its connection, once more. */
  isRepeated(peer: string, hello: Hello): boolean {
    return this.#challenges.isRepeated(peer, hello)
  }

  /** A connection says hello: it is asked for a proof. What it was asked before is forgotten. */
  hello(peer: string, hello: Hello): void {
    const { publicKey, proofMs } = this.#authenticator
    const { connection } = hello
    this.#challenges.take(peer)
    if (!hello.capabilities.includes(proofCapability)) {
      const message = 'this side admits only peers that prove their key: give the other side `security`'
      this.#refuse(peer, connection, 'no-proof', message)
      return
    }
    const challenge = { connection, nonce: this.#authenticator.nonce(), publicKey, extensions: {} }
    this.#challenges.add(peer, hello, challenge, this.#ports.now() + proofMs)
    this.#ports.transmit(peer, writeChallenge(challenge))
  }

  /** A connection sends a proof; throws RIVULET_BAD_FRAME. */
  proof(peer: string, frame: Buffer): void {
    const pending = this.#challenges.take(peer)
    const proof = readProof(frame)
    if (pending === undefined || pending.expiresAt <= this.#ports.now()) {
      this.note('late-proof', undefined)
      // a slow peer is no impostor: it may try again at once
      this.#ports.refuse(peer, proof.connection, refusalReason.reset, 'no challenge waits for this proof')
      return
    }
    const { hello, challenge } = pending
    const identity =
      proof.connection === hello.connection ? this.#authenticator.verify(hello, challenge, proof) : undefined
    if (identity) this.#ports.admit(peer, hello, identity)
    else this.#refuse(peer, hello.connection, 'wrong-proof', 'the proof is not that of a key that is admitted')
  }

  /** A connection sends link frames and has no session; returns whether that is since it has given no proof. */
  strayFrame(peer: string, connection: number): boolean {
    if (!this.#challenges.take(peer)) return false
    this.#refuse(peer, connection, 'frames-before-proof', 'a link frame came before the proof')
    return true
  }

  /** A connection is gone. */
  gone(peer: string): void {
    this.#challenges.take(peer)
  }

  /** Forgets challenges that were not answered in time. */
  tick(): void {
    this.#challenges.expire(this.#ports.now())
  }

  #refuse(peer: string, connection: number, reason: IdentityRefusal, message: string): void {
    this.note(reason, undefined)
    this.#ports.report(new RivuletError('RIVULET_UNAUTHENTICATED', message))
    this.#ports.refuse(peer, connection, refusalReason.unauthenticated, message)
  }
}
