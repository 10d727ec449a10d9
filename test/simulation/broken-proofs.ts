/**
 * Sides of secured links that are broken on purpose, each in one way that an impostor can use.
 */
import { ToyAuthenticator, ToyKey, ToyProver } from '../session/toy-proof.js'
import { type BrokenMachine, replace } from './broken-machines.js'
import { SimulatedSecurity } from './session-security.js'

/** Proofs that are worth less than they seem. */
export const brokenProofs: readonly BrokenMachine[] = [
  {
    name: 'welcomes a hello without a proof',
    breakIt: () => replace(SimulatedSecurity.prototype, 'authenticatorOf', () => () => undefined as never),
  },
  {
    name: 'takes any proof for that of the key that it names',
    breakIt: () =>
      replace(
        ToyAuthenticator.prototype,
        'verify',
        () =>
          function (this: ToyAuthenticator, _hello, _challenge, proof) {
            const publicKey = proof.publicKey.toString('latin1')
            return { name: this.admitted.get(publicKey) ?? '', publicKey }
          },
      ),
  },
  {
    name: 'accepts an old nonce',
    breakIt() {
      const given: Buffer[] = []
      return replace(
        ToyAuthenticator.prototype,
        'verify',
        (verify) =>
          function (this: ToyAuthenticator, hello, challenge, proof) {
            given.push(challenge.nonce)
            const tried = given.map((nonce) => verify.call(this, hello, { ...challenge, nonce }, proof))
            return tried.find((verdict) => typeof verdict !== 'string') ?? 'wrong-proof'
          },
      )
    },
  },
  {
    name: 'does not bind sessions to their keys',
    breakIt: () =>
      replace(
        ToyAuthenticator.prototype,
        'verify',
        (verify) =>
          function (this: ToyAuthenticator, ...args) {
            const verdict = verify.apply(this, args)
            return typeof verdict === 'string' ? verdict : { ...verdict, publicKey: 'that of all' }
          },
      ),
  },
  {
    name: 'answers the challenge of any server',
    breakIt: () =>
      replace(
        SimulatedSecurity.prototype,
        'proverOf',
        () =>
          function (this: SimulatedSecurity, dialer) {
            const servers = ['acc0', 'acc1', 'eve'].map((name) => new ToyKey(name))
            return new ToyProver(this.keyOf(dialer), servers, () => this.nonce())
          },
      ),
  },
  {
    name: 'compares a proof with another key than that which it names',
    breakIt: () =>
      replace(
        ToyAuthenticator.prototype,
        'verify',
        (verify) =>
          function (this: ToyAuthenticator, hello, challenge, proof) {
            const verdict = verify.call(this, hello, challenge, proof)
            if (verdict !== 'wrong-proof') return verdict
            // the code is that of some admitted key, and the identity that of the key that the proof names
            for (const key of [...this.admitted.keys()].map((text) => Buffer.from(text, 'latin1'))) {
              const nonces = [challenge.nonce, proof.nonce]
              if (!this.key.code(key, key, this.publicKey, hello, nonces).equals(proof.mac)) continue
              const publicKey = proof.publicKey.toString('latin1')
              return { name: this.admitted.get(publicKey) ?? '', publicKey }
            }
            return verdict
          },
      ),
  },
]
