/**
 * Between hello and welcome of an acceptor with security: it asks each connection for a proof, and lets those pass that give it.
 *
 * What a proof is worth is decided by the authenticator; which session a proven peer gets, by the acceptor.
 */
import { RivuletError } from '../errors/index.js'
import type { PeerIdentity } from '../security/index.js'
import type { Hello } from '../wire/index.js'
import { Challenges, mostChallenges } from './challenges.js'
import { proofCapability, readProof, refusalReason, writeChallenge } from './handshake.js'
import type { Authenticator, IdentityRefusal, Verdict } from './identity-proof.js'

/** What the gate needs of its acceptor. */
export interface ProofGatePorts {
  now(): number
  transmit(peer: string, frame: Buffer): void
  refuse(peer: string, connection: number, reason: string, message: string): void
  report(error: RivuletError): void
  /** The hello of a connection is that of a proven key. */
  admit(peer: string, hello: Hello, identity: PeerIdentity): unknown
}

/** Asks for proofs. */
export class ProofGate {
  readonly #authenticator: Authenticator
  readonly #ports: ProofGatePorts
  readonly #challenges: Challenges
  /** Hellos whose proofs are being judged, by connection. */
  readonly #undecided = new Map<string, Hello>()

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
    return isSame(this.#challenges.helloOf(peer) ?? this.#undecided.get(peer), hello)
  }

  /** A connection says hello: it is asked for a proof. What it was asked before is forgotten. */
  hello(peer: string, hello: Hello): void {
    const { publicKey, proofMs } = this.#authenticator
    const { connection } = hello
    this.gone(peer)
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
    if (proof.connection !== hello.connection) {
      this.#judge(peer, hello, 'wrong-proof')
      return
    }
    const verdict = this.#authenticator.verify(hello, challenge, proof)
    if (verdict instanceof Promise && this.#undecided.size >= mostChallenges) this.#judge(peer, hello, 'unavailable')
    else if (verdict instanceof Promise) void this.#await(peer, hello, verdict)
    else this.#judge(peer, hello, verdict)
  }

  /** Nothing else of the connection is looked at until its proof is judged; another hello takes its place. */
  async #await(peer: string, hello: Hello, later: Promise<Verdict>): Promise<void> {
    this.#undecided.set(peer, hello)
    const verdict = await later
    if (this.#undecided.get(peer) !== hello) return
    this.#undecided.delete(peer)
    try {
      this.#judge(peer, hello, verdict)
    } catch (error) {
      this.#ports.report(error as RivuletError)
    }
  }

  #judge(peer: string, hello: Hello, verdict: Verdict): void {
    if (typeof verdict !== 'string') {
      this.#ports.admit(peer, hello, verdict)
    } else if (verdict === 'unavailable') {
      this.note(verdict, undefined)
      const message = 'the other side cannot decide now whether the key of this side is admitted'
      this.#ports.refuse(peer, hello.connection, refusalReason.admissionUnavailable, message)
    } else {
      this.#refuse(peer, hello.connection, verdict, 'the proof is not that of a key that is admitted')
    }
  }

  /** A connection sends link frames and has no session; returns whether that is since it has given no proof. */
  strayFrame(peer: string, connection: number): boolean {
    if (!this.#challenges.take(peer) && !this.#undecided.delete(peer)) return false
    this.#refuse(peer, connection, 'frames-before-proof', 'a link frame came before the proof')
    return true
  }

  /** A connection is gone. */
  gone(peer: string): void {
    this.#challenges.take(peer)
    this.#undecided.delete(peer)
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

/** Whether a hello is one that has come before. */
function isSame(former: Hello | undefined, { session, connection }: Hello): boolean {
  return former?.session.equals(session) === true && connection <= former.connection
}
