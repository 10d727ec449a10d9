/**
 * The proof of identity of links: the keys of a resource and its guard, as the machines of `src/session` ask for them.
 *
 * It decides nothing: whom a key belongs to is decided by the guard, and when a proof is asked for, by the acceptor.
 */
import { randomBytes } from 'node:crypto'
import { defaults } from '../options/index.js'
import { type Decision, type KeyPair, Prover, type SecurityGuard, z85Decode, z85Encode } from '../security/index.js'
import { type Authenticator, type IdentityProver, linkVersion, type Verdict } from '../session/index.js'

type Hello = Parameters<IdentityProver['prove']>[0]

/** Bytes of a nonce. */
const nonceBytes = 32

// keys of options are checked: they are Z85

/**
 * How the accepting side of links knows its peers.
 *
 * @param maxSessions - Sessions of all keys: one alone takes half of them at most, so that others find room.
 */
export function authenticatorOf(guard: SecurityGuard, maxSessions: number): Authenticator {
  const prover = new Prover(guard.keyPair)
  return {
    publicKey: z85Decode(guard.keyPair.publicKey) as Buffer,
    proofMs: defaults.proofMs,
    maxSessionsPerKey: Math.min(defaults.maxKeySessions, Math.ceil(maxSessions / 2)),
    nonce: () => randomBytes(nonceBytes),
    verify(hello, challenge, proof) {
      const publicKey = z85Encode(proof.publicKey)
      // first, so that nobody is asked about a key that its owner has not shown
      if (!prover.verify(publicKey, transcriptOf(hello, challenge.nonce, proof.nonce), proof.mac)) return 'wrong-proof'
      const known = guard.identityOf(publicKey)
      if (known !== undefined) return known
      const decision = guard.decide(publicKey, '')
      return decision instanceof Promise ? decision.then(verdictOf) : verdictOf(decision)
    },
    refused(reason, identity) {
      const kind = reason === 'too-many-sessions' ? 'limit' : 'refused'
      guard.note({ kind, reason, ...(identity && { identity }) })
    },
  }
}

/**
 * How the connecting side of a link proves its key to the servers that it expects.
 *
 * @param connectedTo - Returns the key by which CURVE knows the server of the present connection: then the proof is for that
 * one alone. Another one of `serverKeys`, to which it could be relayed, may be another server.
 * @param isRevoked - Whether a key has left the allow list of this side: nothing is proven to its owner.
 */
export function proverOf(
  keyPair: KeyPair,
  serverKeys: readonly string[],
  connectedTo: () => string | undefined,
  isRevoked: (serverKey: string) => boolean = () => false,
): IdentityProver {
  const prover = new Prover(keyPair)
  const publicKey = z85Decode(keyPair.publicKey) as Buffer
  return {
    prove(hello, challenge) {
      const serverKey = z85Encode(challenge.publicKey)
      const connected = connectedTo()
      if (connected === undefined ? !serverKeys.includes(serverKey) : serverKey !== connected) return undefined
      if (isRevoked(serverKey)) return 'revoked'
      const nonce = randomBytes(nonceBytes)
      const mac = prover.prove(serverKey, transcriptOf(hello, challenge.nonce, nonce))
      return { connection: hello.connection, publicKey, nonce, mac, extensions: {} }
    },
  }
}

function transcriptOf({ session, connection, resume }: Hello, serverNonce: Buffer, clientNonce: Buffer) {
  return { version: linkVersion, clientNonce, serverNonce, session, connection, resume }
}

function verdictOf(decision: Decision): Verdict {
  return decision.admitted ? decision.identity : decision.reason
}
