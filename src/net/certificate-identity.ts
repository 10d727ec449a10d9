/**
 * What the certificate of a peer says of it, after it was checked.
 *
 * An authority decides what is in a certificate, so names are texts of others: none with control characters is a name.
 */
import type { TLSSocket } from 'node:tls'

/** What a peer has proven with its certificate. */
export interface StreamIdentity {
  /** The common name of its subject; without one the first of `names`, and without those the fingerprint. */
  readonly name: string
  /** Its alternative names with their kinds: `DNS:worker-7.example`, `URI:spiffe://example/worker`, `IP Address:10.0.0.7`. */
  readonly names: readonly string[]
  /** The SHA-256 fingerprint of the certificate: pairs of hexadecimal digits with colons. */
  readonly fingerprint: string
  /** Its public key, the DER of RFC 5280 §4.1 SubjectPublicKeyInfo in base64: stays the same where a renewal keeps the key. */
  readonly publicKey: string
}

/** A kind and a value, which Node quotes as JSON where the value has characters that would be ambiguous. */
const alternativeName = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy
const unprintable = /[\p{Cc}\p{Cf}\u2028\u2029]/u

/** The identity of a peer; `undefined` if it has presented no certificate. */
export function identityOf(socket: TLSSocket): StreamIdentity | undefined {
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  const { fingerprint256: fingerprint, subjectAltName = '', publicKey } = certificate
  const common: unknown = certificate.toLegacyObject().subject?.CN
  const names = alternativeNames(subjectAltName)
  const name = isName(common) ? common : (names[0] ?? fingerprint)
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return Object.freeze({ name, names: Object.freeze(names), fingerprint, publicKey: key })
}

/** The alternative names of a certificate, as Node writes them. */
export function alternativeNames(text: string): string[] {
  return [...text.matchAll(alternativeName)]
    .map(([, kind = '', value = '']) => `${kind}:${value.startsWith('"') ? JSON.parse(value) : value}`)
    .filter(isName)
}

function isName(text: unknown): text is string {
  return typeof text === 'string' && text !== '' && !unprintable.test(text)
}
