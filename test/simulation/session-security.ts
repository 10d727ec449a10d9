/**
 * What a secured simulation of sessions has beside a plain one: keys, cheap proofs, and what an eavesdropper has heard.
 *
 * The promise: a session that begins on a connection is that of the process that made the connection.
 */
import type { PeerIdentity } from '../../src/security/index.js'
import { frameKind } from '../../src/wire/prelude.js'
import { ToyAuthenticator, ToyKey, ToyProver } from '../session/toy-proof.js'
import type { SessionOracle } from './session-oracle.js'

/** The admitted peer that would be another. */
export const impostor = 'eve'

/** Frames of each kind that an eavesdropper remembers. */
const mostHeard = 40

/** A hello of an honest dialer, and the proof that followed. */
export interface Heard {
  readonly who: string
  readonly hello: Buffer
  proof: Buffer | undefined
}

/** The security of one run. */
export class SimulatedSecurity {
  readonly heard: Heard[] = []
  readonly linkFrames: Buffer[] = []
  readonly #keys = new Map<string, ToyKey>()
  readonly #admitted: readonly string[]
  readonly #proofMs: number
  readonly #oracle: SessionOracle
  #nonces = 0

  /** @param dialers - The names of those who are admitted; the impostor is one more. */
  constructor(dialers: readonly string[], proofMs: number, oracle: SessionOracle) {
    this.#oracle = oracle
    this.#admitted = [...dialers, impostor]
    this.#proofMs = proofMs
  }

  /** The key of a process. */
  keyOf(who: string): ToyKey {
    const known = this.#keys.get(who) ?? new ToyKey(who)
    this.#keys.set(who, known)
    return known
  }

  authenticatorOf(acceptor: string): ToyAuthenticator {
    const admitted = this.#admitted.map((who) => this.keyOf(who))
    return new ToyAuthenticator(this.keyOf(acceptor), admitted, () => this.nonce(), this.#proofMs)
  }

  /** The proofs of a dialer for one that it takes for its server. */
  proverOf(dialer: string, server: string): ToyProver {
    return new ToyProver(this.keyOf(dialer), [this.keyOf(server)], () => this.nonce())
  }

  nonce(): Buffer {
    const nonce = Buffer.alloc(32)
    nonce.writeUInt32LE(++this.#nonces)
    return nonce
  }

  /** A frame leaves an honest dialer, and is overheard. */
  hear(who: string, kind: number, frame: Buffer): void {
    if (kind === frameKind.hello) this.heard.push({ who, hello: frame, proof: undefined })
    else if (kind === frameKind.link) this.linkFrames.push(frame)
    else {
      const last = this.heard.findLast((one) => one.who === who)
      if (last) last.proof = frame
    }
    if (this.heard.length > mostHeard) this.heard.shift()
    if (this.linkFrames.length > mostHeard) this.linkFrames.shift()
  }

  /** A session begins on a connection. */
  begins(connection: string, identity: PeerIdentity | undefined): void {
    const [who] = connection.split('#')
    if (identity?.name === who) return
    this.#oracle.fail(`a session of ${identity?.name ?? 'nobody'} begins on a connection of ${who}`)
  }

  /** An acceptor sends a frame: the impostor, which asks for the sessions of others only, gets none of a session. */
  sends(connection: string, kind: number): void {
    if (!connection.startsWith(`${impostor}#`) || (kind !== frameKind.welcome && kind !== frameKind.link)) return
    this.#oracle.fail(`a frame of kind ${kind} of another's session goes to ${impostor}`)
  }
}
