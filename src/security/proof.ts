/**
 * The proof of identity inside a link: a client shows that it has the secret key of the public key that it claims.
 *
 * HMAC-SHA256 under the X25519 secret that client and server share, over everything that names this one connection. A proof
 * for one server is worth nothing at another, since the shared secret and the server's key differ; one for an earlier
 * connection is worth nothing on a later one, since the nonces differ. When it is asked for is decided in `src/session`.
 */
import { createHmac, diffieHellman, type KeyObject, timingSafeEqual } from 'node:crypto'
import { type KeyPair, keyOf, malformedKey, publicKeyObject, secretKeyObject } from './key-pair.js'

/** What a proof is made of beside the keys. */
export interface ProofTranscript {
  /** The version of the protocol of links. */
  readonly version: number
  /** The random bytes of the client, in its PROOF. */
  readonly clientNonce: Uint8Array
  /** The random bytes of the server, in its CHALLENGE. */
  readonly serverNonce: Uint8Array
  /** The id of the session. */
  readonly session: Uint8Array
  /** The number of the connection in its session. */
  readonly connection: number
  /** Whether the session existed before. */
  readonly resume: boolean
}

/** The length of a proof, in bytes. */
export const proofBytes = 32

/** Names the purpose, so that no other use of the same keys yields the same bytes. */
const label = Buffer.from('rivulet link proof 1\0')
/** Shared secrets that one resource keeps; the oldest is computed again when it is needed. */
const mostSecrets = 1024

/** Makes and checks proofs with one key pair. */
export class Prover {
  /** The public key of this side. */
  readonly publicKey: string
  readonly #own: Buffer
  readonly #secretKey: KeyObject
  /** By the public key of the peer. */
  readonly #shared = new Map<string, Buffer>()

  /** @throws RIVULET_INVALID_OPTION if the pair is malformed. */
  constructor({ publicKey, secretKey }: KeyPair) {
    const own = keyOf(publicKey)
    const secret = keyOf(secretKey)
    if (own === undefined || secret === undefined) throw malformedKey('each key of a key pair')
    this.publicKey = publicKey
    this.#own = own
    this.#secretKey = secretKeyObject(secret)
  }

  /**
   * Makes the proof of a client for a server.
   *
   * @throws RIVULET_INVALID_OPTION if the server's key is malformed, or a point that X25519 refuses.
   */
  prove(serverKey: string, transcript: ProofTranscript): Buffer {
    const server = keyOf(serverKey)
    const secret = server && this.#secretWith(serverKey, server)
    if (server === undefined || secret === undefined) throw malformedKey('the server key')
    return compute(secret, this.#own, server, transcript)
  }

  /** Tells whether a client that claims a key has proved that it owns it; never throws, and takes constant time. */
  verify(clientKey: string, transcript: ProofTranscript, proof: Uint8Array): boolean {
    const client = keyOf(clientKey)
    if (client === undefined || proof.length !== proofBytes) return false
    const secret = this.#secretWith(clientKey, client)
    return secret !== undefined && timingSafeEqual(compute(secret, client, this.#own, transcript), proof)
  }

  /** The shared secret; `undefined` if the point is one that X25519 refuses (RFC 7748 §6.1). */
  #secretWith(peerKey: string, peer: Buffer): Buffer | undefined {
    const known = this.#shared.get(peerKey)
    if (known !== undefined) return known
    let secret: Buffer
    try {
      secret = diffieHellman({ privateKey: this.#secretKey, publicKey: publicKeyObject(peer) })
    } catch {
      return undefined
    }
    for (const oldest of this.#shared.keys()) {
      if (this.#shared.size < mostSecrets) break
      this.#shared.delete(oldest)
    }
    this.#shared.set(peerKey, secret)
    return secret
  }
}

/** Each part has a fixed width or its length in front, so that no two transcripts have the same bytes. */
function compute(secret: Buffer, client: Buffer, server: Buffer, transcript: ProofTranscript): Buffer {
  const { version, clientNonce, serverNonce, session, connection, resume } = transcript
  const numbers = Buffer.alloc(13)
  numbers.writeUInt32BE(version, 0)
  numbers.writeBigInt64BE(BigInt(connection), 4)
  numbers.writeUInt8(resume ? 1 : 0, 12)
  const mac = createHmac('sha256', secret).update(label).update(numbers).update(client).update(server)
  for (const part of [clientNonce, serverNonce, session]) mac.update(lengthOf(part)).update(part)
  return mac.digest()
}

function lengthOf(part: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(part.length)
  return length
}
