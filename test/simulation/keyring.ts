/** The keys of the processes of a secured simulation: each has one, proves it on its links, and knows those of the others. */
import type { PeerIdentity } from '../../src/security/index.js'
import { ToyAuthenticator, ToyKey, ToyProver } from '../session/toy-proof.js'

/** How long a dialer has for its proof, in milliseconds. */
const proofMs = 10_000

/** The keys of one run. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, ToyKey>
  #nonces = 0

  constructor(names: readonly string[]) {
    this.#keys = new Map(names.map((name) => [name, new ToyKey(name)]))
  }

  /** Who a process is. */
  identityOf(name: string): PeerIdentity {
    return { name, publicKey: this.#keyOf(name).text }
  }

  /** Asks the dialers of a process for their proofs. */
  authenticatorOf(name: string): ToyAuthenticator {
    return new ToyAuthenticator(this.#keyOf(name), [...this.#keys.values()], () => this.#nonce(), proofMs)
  }

  /** Proves the key of a process to one server. */
  proverOf(name: string, server: string): ToyProver {
    return new ToyProver(this.#keyOf(name), [this.#keyOf(server)], () => this.#nonce())
  }

  #keyOf(name: string): ToyKey {
    const key = this.#keys.get(name)
    if (key === undefined) throw new RangeError(`${name} has no key`)
    return key
  }

  #nonce(): Buffer {
    const nonce = Buffer.alloc(32)
    nonce.writeUInt32LE(++this.#nonces)
    return nonce
  }
}
