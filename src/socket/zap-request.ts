/**
 * Requests and answers of ZAP, read and written: pure functions over the frames of a message (RFC 27/ZAP).
 *
 * libzmq alone sends requests, over the private context of a runtime; they are checked all the same, since what peers sent is
 * in them. Who is admitted is decided elsewhere: `zap-handler.ts`.
 */

/** The frames before the credentials: peer, delimiter, version, request id, domain, address, identity, mechanism. */
const headFrames = 8

const maxTextBytes = 255
const maxMechanismBytes = 20
const keyBytes = 32

const none = Buffer.alloc(0)
const version = Buffer.from('1.0')

/** A handshake that waits for an answer. */
export interface ZapRequest {
  /** The domain of the socket that asks. */
  readonly domain: string
  /** Where the peer is: an address of the network, or what the system says of a process. */
  readonly address: string
  readonly mechanism: 'CURVE' | 'NULL'
  /** The long-term public key of the peer, 32 bytes; `undefined` with NULL. */
  readonly publicKey: Buffer | undefined
}

/** How a handshake is answered. Never 300: libzmq would hold the connection until its handshake is late. */
export type ZapStatus = 200 | 400 | 500

/** Reads a request; `undefined` if it is malformed, or names a mechanism that no socket of Rivulet has. */
export function readZapRequest(parts: readonly Buffer[]): ZapRequest | undefined {
  if (parts.length < headFrames) return undefined
  const [peer, delimiter, asked, request, domain, address, identity, mechanism] = parts as readonly [
    ...Eight<Buffer>,
    ...Buffer[],
  ]
  if (peer.length === 0 || delimiter.length > 0 || !asked.equals(version)) return undefined
  if ([request, domain, address, identity].some(({ length }) => length > maxTextBytes)) return undefined
  if (request.length === 0 || domain.length === 0 || mechanism.length > maxMechanismBytes) return undefined
  const head = { domain: domain.toString('latin1'), address: address.toString('latin1') }
  const credentials = parts.slice(headFrames)
  const name = mechanism.toString('latin1')
  if (name === 'NULL' && credentials.length === 0) return { ...head, mechanism: name, publicKey: undefined }
  const [publicKey] = credentials
  if (name !== 'CURVE' || credentials.length !== 1 || publicKey?.length !== keyBytes) return undefined
  return { ...head, mechanism: name, publicKey }
}

type Eight<T> = readonly [T, T, T, T, T, T, T, T]

/**
 * The answer to a request, malformed or not.
 *
 * @param text - Says why, in a few words without a secret; the peer does not see it.
 */
export function zapAnswer(parts: readonly Buffer[], status: ZapStatus, text = ''): Buffer[] {
  const [peer = none, , , request = none] = parts
  return [peer, none, version, request, Buffer.from(String(status)), Buffer.from(text), none, none]
}
