/**
 * The option `tls` of byte streams: what a caller may say, and its rules.
 *
 * No message contains a value of it, since it may be a secret in the wrong place. What is in certificates and files is for
 * `tls-material.ts` to check.
 */
import { resolve } from 'node:path'
import { RivuletError } from '../errors/index.js'
import { defaults, integer, unknownOption } from '../options/index.js'

/** Versions of TLS; older ones are not safe any more. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

/** Certificates, keys and authorities of one side, as PEM in texts and buffers, or in files that are read again when they change. */
interface TlsOptions {
  /**
   * The certificate of this side and those between it and its authority, in PEM. Only with `key`.
   * @defaultValue none
   */
  readonly cert?: string | Buffer
  /**
   * The private key of the certificate, in PEM.
   * @defaultValue none
   */
  readonly key?: string | Buffer
  /**
   * The authorities that certificates of the other side are checked against, in PEM, in place of those of Node.
   * @defaultValue the authorities of Node where this side connects, none where it binds
   */
  readonly ca?: string | Buffer
  /**
   * A file with what `cert` holds.
   * @defaultValue none
   */
  readonly certFile?: string
  /**
   * A file with what `key` holds; others must not be able to read it. It may be the same file.
   * @defaultValue none
   */
  readonly keyFile?: string
  /**
   * A file with what `ca` holds.
   * @defaultValue none
   */
  readonly caFile?: string
  /**
   * The passphrase that the key is encrypted with.
   * @defaultValue none
   */
  readonly passphrase?: string
  /**
   * The oldest version that this side agrees to.
   * @defaultValue `'TLSv1.2'`
   */
  readonly minVersion?: TlsVersion
  /**
   * The ciphers of this side, in the format of OpenSSL.
   * @defaultValue the ciphers of Node
   */
  readonly ciphers?: string
}

/** TLS of a listener: the options of `node:tls` that are of use here, and files. A certificate and its key are required. */
export interface TlsListenerOptions extends TlsOptions {
  /**
   * Whether clients must present a certificate, which `ca` or `caFile` must have signed: it is the `identity` of the
   * connection.
   * @defaultValue `false`
   */
  readonly requestCert?: boolean
  /**
   * How long a handshake may take, in milliseconds, 1 to 600,000.
   * @defaultValue `10_000`
   */
  readonly handshakeTimeoutMs?: number
}

/** TLS of a connecting side: the options of `node:tls` that are of use here, and files. */
export interface TlsConnectOptions extends TlsOptions {
  /**
   * The name that the certificate of the server must have.
   * @defaultValue the host of the endpoint
   */
  readonly servername?: string
}

/** Either, checked. Its values are not enumerable: it holds secrets. */
export interface ResolvedTls {
  readonly side: 'bind' | 'connect'
  /** PEM of this side that is in no file. */
  readonly inline: Readonly<Partial<Record<'cert' | 'key' | 'ca', Buffer>>>
  readonly paths: Readonly<Partial<Record<'cert' | 'key' | 'ca', string>>>
  readonly passphrase: string | undefined
  readonly minVersion: TlsVersion
  readonly ciphers: string | undefined
  readonly requestCert: boolean
  readonly handshakeTimeoutMs: number
  readonly servername: string | undefined
}

const roles = ['cert', 'key', 'ca'] as const
const common = [...roles, 'certFile', 'keyFile', 'caFile', 'passphrase', 'minVersion', 'ciphers']
const known = { bind: [...common, 'requestCert', 'handshakeTimeoutMs'], connect: [...common, 'servername'] }
const timeout = integer({ min: 1, max: 600_000, fallback: defaults.tlsHandshakeMs })

/** Why options of `node:tls` are left out. */
const reasons: Readonly<Record<string, string>> = {
  rejectUnauthorized: 'certificates are always checked: trust one with `ca`',
  checkServerIdentity: 'the name is always checked: say which one with `servername`',
  allow: 'it is for the patterns over ZeroMQ: here `ca` decides who is admitted',
  policy: 'it is for the patterns over ZeroMQ: decide by `connection.identity`',
}

/**
 * Checks the option `tls` of a factory.
 *
 * @param factory - The public function, for messages: `connectStream`.
 * @throws RIVULET_INVALID_OPTION
 */
export function resolveTls(factory: string, side: 'bind' | 'connect', options: unknown): ResolvedTls {
  const subject = `${factory}: tls`
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalid(`${subject} must be an object: { certFile, keyFile, caFile }, or the options of node:tls`)
  }
  for (const name of Object.keys(options)) {
    if (reasons[name] !== undefined) throw invalid(`${subject}.${name} must be left out: ${reasons[name]}`)
    if (!known[side].includes(name)) throw unknownOption(subject, name, known[side])
  }
  const given = { ...options } as Record<string, unknown>
  const text = (name: string) => checkedText(subject, name, given[name])
  const inline: Partial<Record<'cert' | 'key' | 'ca', Buffer>> = {}
  const paths: Partial<Record<'cert' | 'key' | 'ca', string>> = {}
  for (const role of roles) {
    const path = text(`${role}File`)
    if (path !== undefined && given[role] !== undefined) {
      throw invalid(`${subject} must have ${role} or ${role}File, not both`)
    }
    if (path !== undefined) paths[role] = resolve(path)
    else if (given[role] !== undefined) inline[role] = pem(`${subject}.${role}`, given[role])
  }
  const has = (role: (typeof roles)[number]) => inline[role] !== undefined || paths[role] !== undefined
  if (has('cert') !== has('key')) throw invalid(`${subject} must have a certificate and its key, or neither`)
  if (side === 'bind' && !has('cert')) {
    throw invalid(`${subject} must have cert and key, or certFile and keyFile, where the resource binds`)
  }
  const requestCert = checkedFlag(subject, 'requestCert', given.requestCert)
  if (side === 'bind' && requestCert !== has('ca')) {
    throw invalid(`${subject} must have requestCert: true and the authorities of clients, ca or caFile, or neither`)
  }
  const minVersion = given.minVersion ?? defaults.tlsMinVersion
  if (minVersion !== 'TLSv1.2' && minVersion !== 'TLSv1.3') {
    throw invalid(`${subject}.minVersion must be 'TLSv1.2' or 'TLSv1.3'`)
  }
  const handshakeTimeoutMs = given.handshakeTimeoutMs ?? defaults.tlsHandshakeMs
  if (!timeout.accepts(handshakeTimeoutMs)) throw invalid(`${subject}.handshakeTimeoutMs must be ${timeout.expects}`)
  return Object.freeze({
    side,
    inline,
    paths,
    passphrase: text('passphrase'),
    minVersion,
    ciphers: text('ciphers'),
    requestCert,
    handshakeTimeoutMs: handshakeTimeoutMs as number,
    servername: text('servername'),
  })
}

function checkedText(subject: string, name: string, value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'))) return value
  throw invalid(`${subject}.${name} must be a text that is not empty`)
}

function checkedFlag(subject: string, name: string, value: unknown): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? defaults.requestCert
  throw invalid(`${subject}.${name} must be true or false`)
}

/** A copy, so that what the caller does with its buffer changes nothing here. */
function pem(subject: string, value: unknown): Buffer {
  if ((typeof value === 'string' || value instanceof Uint8Array) && value.length > 0)
    return Buffer.from(value as string)
  throw invalid(`${subject} must be PEM, a text or a buffer; a file is ${subject}File`)
}

function invalid(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_OPTION', message)
}
