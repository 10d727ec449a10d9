/**
 * What one side needs for TLS: its certificate and key, and the authorities that it trusts; the newest that can be used.
 *
 * Content of files that cannot be used is reported, once, and the former content stays in use.
 */
import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { RivuletError } from '../errors/index.js'
import { type TlsContents, TlsFiles } from './tls-files.js'
import type { ResolvedTls } from './tls-options.js'

/** Content that can be used. */
export interface UsableTls {
  readonly options: SecureContextOptions
  readonly context: SecureContext
}

/** What one side needs for TLS. */
export class TlsMaterial {
  readonly #subject: string
  readonly #tls: ResolvedTls
  readonly #files: TlsFiles
  readonly #report: (error: RivuletError) => void
  #contents: TlsContents = {}
  #usable: UsableTls
  /** The last problem of the files, which is reported once. */
  #problem: string | undefined

  /**
   * @param subject - Names the caller, for messages: `createStreamListener`.
   * @param report - Takes what is wrong with files that have changed.
   * @throws RIVULET_INVALID_OPTION for PEM that cannot be used, RIVULET_TLS_FILE for files.
   */
  constructor(subject: string, tls: ResolvedTls, report: (error: RivuletError) => void) {
    this.#subject = subject
    this.#tls = tls
    this.#files = new TlsFiles(tls.paths)
    this.#report = report
    try {
      this.#contents = this.#files.read()
      this.#usable = this.#make(this.#contents)
    } catch (error) {
      const code = Object.keys(tls.paths).length > 0 ? 'RIVULET_TLS_FILE' : 'RIVULET_INVALID_OPTION'
      throw new RivuletError(code, `${subject}: tls: ${messageOf(error)}`, { cause: error })
    }
  }

  /** What the next connection uses. */
  current(): UsableTls {
    if (!this.#files.haveChanged()) return this.#usable
    try {
      const contents = this.#files.read()
      if (!isEqual(contents, this.#contents)) {
        this.#usable = this.#make(contents)
        this.#contents = contents
      }
      this.#problem = undefined
    } catch (error) {
      const problem = messageOf(error)
      if (problem !== this.#problem) {
        this.#problem = problem
        const message = `${this.#subject}: tls: ${problem}; the former content stays in use`
        this.#report(new RivuletError('RIVULET_TLS_FILE', message, { cause: error }))
      }
    }
    return this.#usable
  }

  /** @throws Error if OpenSSL cannot use it. */
  #make(contents: TlsContents): UsableTls {
    const { inline, passphrase, minVersion, ciphers } = this.#tls
    const all = { ...inline, ...contents }
    // OpenSSL takes no notice of an authority that it cannot read
    const ca = all.ca === undefined ? undefined : certificatesOf(all.ca)
    const options: SecureContextOptions = { ...all, ca, passphrase, minVersion, ciphers }
    return { options, context: createSecureContext(options) }
  }
}

/** The certificates of a text, each of its own. */
function certificatesOf(pem: Buffer): string[] {
  const found = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  if (found.length === 0) throw new Error('the authorities are no certificates in PEM')
  for (const one of found) new X509Certificate(one)
  return found
}

function isEqual(one: TlsContents, other: TlsContents): boolean {
  return (['cert', 'key', 'ca'] as const).every((role) => (one[role] ?? none).equals(other[role] ?? none))
}

const none = Buffer.alloc(0)

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
