/** Admits every peer that has a key: encryption, and an identity for each, without a list. */
import { type Admission, admit, type Decision } from './admission.js'
import { namelessIdentity, type PeerIdentity } from './allow-list.js'

/** Identities that are kept; computing one again costs a hash. */
const mostIdentities = 1024

/** Admits every key. */
export class AnyAdmission implements Admission {
  readonly #identities = new Map<string, PeerIdentity>()

  decide(publicKey: string): Decision {
    return admit(this.identityOf(publicKey))
  }

  identityOf(publicKey: string): PeerIdentity {
    const known = this.#identities.get(publicKey)
    if (known !== undefined) return known
    if (this.#identities.size >= mostIdentities) this.#identities.clear()
    const identity = namelessIdentity(publicKey)
    this.#identities.set(publicKey, identity)
    return identity
  }

  close(): void {}
}
