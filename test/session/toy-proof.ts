/**
 * Proofs of identity for tests of machines: as cheap as a checksum, and safe only against those who keep to its rules.
 *
 * A secret is shared between two keys, and only who holds one of the two may compute it: tests that attack hold none. What
 * a proof covers is what the protocol says that it covers.
 */
import { crc32 } from 'node:zlib'
import type { PeerIdentity } from '../../src/security/index.js'
import type { Authenticator, IdentityProver, IdentityRefusal, Verdict } from '../../src/session/index.js'
import type { Challenge, Hello, Proof } from '../../src/wire/index.js'

/** A key pair by its name. */
export class ToyKey {
  readonly name: string
  /** 32 bytes. */
  readonly publicKey: Buffer

  constructor(name: string) {
    this.name = name
    this.publicKey = Buffer.alloc(32, name)
  }

  get text(): string {
    return this.publicKey.toString('latin1')
  }

  /** The code of what both sides have said, under the secret that this key shares with another. */
  code(other: Buffer, dialer: Buffer, acceptor: Buffer, hello: Hello, nonces: readonly Buffer[]): Buffer {
    const secret = Buffer.concat([this.publicKey, other].sort(Buffer.compare))
    const numbers = Buffer.from(`${hello.connection} ${hello.resume}`)
    let code = crc32(secret)
    for (const part of [dialer, acceptor, hello.session, numbers, ...nonces]) code = crc32(part, code)
    const bytes = Buffer.alloc(32)
    bytes.writeUInt32LE(code)
    return bytes
  }
}

/** The acceptor's side: admits the keys that it is given. */
export class ToyAuthenticator implements Authenticator {
  readonly key: ToyKey
  readonly admitted: Map<string, string>
  readonly proofMs: number
  maxSessionsPerKey = 100
  /** What was refused, in order. */
  readonly refusals: string[] = []
  readonly nonce: () => Buffer

  constructor(key: ToyKey, admitted: readonly ToyKey[], nonce: () => Buffer, proofMs = 2000) {
    this.key = key
    this.admitted = new Map(admitted.map(({ text, name }) => [text, name]))
    this.nonce = nonce
    this.proofMs = proofMs
  }

  get publicKey(): Buffer {
    return this.key.publicKey
  }

  verify(hello: Hello, challenge: Challenge, proof: Proof): Verdict | Promise<Verdict> {
    const publicKey = proof.publicKey.toString('latin1')
    const nonces = [challenge.nonce, proof.nonce]
    const mac = this.key.code(proof.publicKey, proof.publicKey, this.publicKey, hello, nonces)
    if (!mac.equals(proof.mac)) return 'wrong-proof'
    const name = this.admitted.get(publicKey)
    return name === undefined ? 'unknown-key' : { name, publicKey }
  }

  refused(reason: IdentityRefusal, identity: PeerIdentity | undefined): void {
    this.refusals.push(identity === undefined ? reason : `${reason} ${identity.name}`)
  }
}

/** The dialer's side: answers the acceptors that it is given. */
export class ToyProver implements IdentityProver {
  readonly key: ToyKey
  readonly #servers: readonly ToyKey[]
  readonly #nonce: () => Buffer

  constructor(key: ToyKey, servers: readonly ToyKey[], nonce: () => Buffer) {
    this.key = key
    this.#servers = servers
    this.#nonce = nonce
  }

  prove(hello: Hello, challenge: Challenge): Proof | undefined {
    if (!this.#servers.some(({ publicKey }) => publicKey.equals(challenge.publicKey))) return undefined
    const { publicKey } = this.key
    const nonce = this.#nonce()
    const mac = this.key.code(challenge.publicKey, publicKey, challenge.publicKey, hello, [challenge.nonce, nonce])
    return { connection: hello.connection, publicKey, nonce, mac, extensions: {} }
  }
}
