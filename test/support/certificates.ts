/**
 * Certificates for tests, made when they are needed: X.509 in DER (RFC 5280), signed with ECDSA over P-256.
 *
 * Node reads certificates and makes none. No key of these leaves the process but in files of a test.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** A certificate and its key, in PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** What a certificate says. */
export interface CertificateContent {
  /** The common name; no subject without one. */
  readonly name?: string
  /** Alternative names: `DNS:localhost`, `IP:127.0.0.1`, `URI:spiffe://example/alice`. */
  readonly names?: readonly string[]
  /** Hours from now until it is valid, and until it is valid no more. Default: an hour ago, and in an hour. */
  readonly hours?: readonly [from: number, to: number]
  /** What it may be used for. Default: everything. */
  readonly purpose?: 'server' | 'client'
}

const oids = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  basicConstraints: '2.5.29.19',
  alternativeNames: '2.5.29.17',
  extendedKeyUsage: '2.5.29.37',
  keyUsage: '2.5.29.15',
  subjectKey: '2.5.29.14',
  authorityKey: '2.5.29.35',
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
} as const

/** An authority, which signs certificates. */
export class Authority {
  readonly certificate: Certificate
  readonly #name: string
  readonly #key: KeyObject

  constructor(name = 'Test Authority') {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = name
    this.#key = privateKey
    this.certificate = certify({ name }, publicKey, privateKey, { name, key: privateKey }, true)
  }

  /** Its own certificate, in PEM: what a side gives as `ca`. */
  get ca(): string {
    return this.certificate.cert
  }

  /** A certificate that it has signed, with a new key. */
  issue(content: CertificateContent = {}): Certificate {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    return certify(content, publicKey, privateKey, { name: this.#name, key: this.#key }, false)
  }
}

/** A certificate that is signed with its own key. */
export function selfSigned(content: CertificateContent = {}): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return certify(content, publicKey, privateKey, { name: content.name ?? '', key: privateKey }, false)
}

function certify(
  { name = '', names = [], hours: [from, to] = [-1, 1], purpose }: CertificateContent,
  publicKey: KeyObject,
  privateKey: KeyObject,
  issuer: { readonly name: string; readonly key: KeyObject },
  isAuthority: boolean,
): Certificate {
  const algorithm = sequence(oid(oids.ecdsaWithSha256))
  const yes = der(1, Buffer.from([255]))
  const extensions = [
    isAuthority
      ? sequence(oid(oids.basicConstraints), yes, der(4, sequence(yes)))
      : extension(oids.basicConstraints, sequence()),
    extension(oids.subjectKey, der(4, keyId(publicKey))),
    extension(oids.authorityKey, sequence(der(0x80, keyId(createPublicKey(issuer.key))))),
  ]
  // signs certificates
  if (isAuthority) extensions.push(sequence(oid(oids.keyUsage), yes, der(4, der(3, Buffer.from([2, 4])))))
  if (names.length > 0) extensions.push(extension(oids.alternativeNames, sequence(...names.map(alternativeName))))
  if (purpose !== undefined) extensions.push(extension(oids.extendedKeyUsage, sequence(oid(oids[purpose]))))
  const body = sequence(
    der(0xa0, der(2, Buffer.from([2]))), // version 3
    der(2, Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    algorithm,
    subject(issuer.name),
    sequence(time(from), time(to)),
    subject(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = der(3, Buffer.concat([Buffer.from([0]), sign('sha256', body, issuer.key)]))
  const text = sequence(body, algorithm, signature).toString('base64').replace(/.{64}/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${text.trimEnd()}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest()
}

function subject(name: string): Buffer {
  if (name === '') return sequence()
  return sequence(der(0x31, sequence(oid(oids.commonName), der(12, Buffer.from(name)))))
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(oid(id), der(4, value))
}

function alternativeName(text: string): Buffer {
  const [kind, value] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
  if (kind === 'IP') return der(0x87, Buffer.from(value.split('.').map(Number)))
  return der(kind === 'DNS' ? 0x82 : kind === 'URI' ? 0x86 : 0x81, Buffer.from(value))
}

function time(hours: number): Buffer {
  const text = new Date(Date.now() + hours * 3_600_000).toISOString().replace(/[-:T]|\..*/g, '')
  return der(0x18, Buffer.from(`${text}Z`))
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 127]
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128)
    return groups
  })
  return der(6, Buffer.from([first * 40 + second, ...bytes]))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}
