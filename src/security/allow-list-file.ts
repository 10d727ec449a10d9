/**
 * An allow list in a file, which is followed: who changes the file admits and revokes.
 *
 * The file is looked at several times a second, which works on every file system, for links, and for files that are replaced by
 * others. What is no list is reported, and the last good list holds.
 */
import { Observable, type Subscriber } from 'rxjs'
import { type Clock, systemClock, type Timer } from '../clock/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { ErrorReports } from '../observe/index.js'
import { defaults } from '../options/index.js'
import { type AllowList, admittedKeys } from './allow-list.js'
import { checkedPath, fileFault, openForReading, readText } from './private-file.js'

const mostFileBytes = 16_777_216
/** A file may change again within this time without a change of its times, in milliseconds. */
const racyMs = 2000n

/**
 * Follows an allow list in a file: JSON, the names with their key or keys.
 *
 * Emits the list when it is read, and again within a second of each change; the option `allow` of a resource takes it. What
 * holds no list, is missing, or can be changed by group or others, is reported in `errors` of the resource, and the last good
 * list holds: write `{}` to admit nobody. Several keys of one name are a list of texts.
 *
 * Lifetime: cold; each subscriber reads the file until it unsubscribes. It never completes, never fails, and does not keep the
 * process alive.
 *
 * @param path - The file, at most 16 MiB; a relative path is one of the working directory.
 * @throws RIVULET_INVALID_OPTION if the path is none.
 * @example
 * ```ts compile-only
 * import { allowListFile, loadKeyPair, type SecurityOptions } from 'rivulet/security'
 *
 * // allowed.json: { "alice": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" }
 * const allow = allowListFile('allowed.json')
 * const security: SecurityOptions = { keyPair: await loadKeyPair('server.key'), allow }
 * ```
 */
export function allowListFile(path: string): Observable<AllowList> {
  return new AllowListFile(checkedPath('allowListFile', path))
}

/** The observable of a file, with what goes wrong. */
export class AllowListFile extends Observable<AllowList> {
  readonly #reports: ErrorReports

  constructor(path: string, clock: Clock = systemClock) {
    super((subscriber) => {
      const follower = new Follower(path, clock, subscriber, (error) => this.#reports.report(error))
      void follower.look()
      return () => follower.stop()
    })
    this.#reports = new ErrorReports(() => `allowListFile ${path}`, clock)
  }

  /** Errors of the file; those that nobody observes become warnings of the process. */
  get errors(): Observable<RivuletError> {
    return this.#reports.observable
  }
}

/** Looks at the file for one subscriber. */
class Follower {
  readonly #path: string
  readonly #clock: Clock
  readonly #subscriber: Subscriber<AllowList>
  readonly #report: (error: RivuletError) => void
  #timer: Timer | undefined
  #isStopped = false
  /** What was read, and the times and size that the file had then. */
  #text: string | undefined
  #version: string | undefined
  /** The last problem, which is reported once. */
  #problem: string | undefined

  constructor(path: string, clock: Clock, subscriber: Subscriber<AllowList>, report: (error: RivuletError) => void) {
    this.#path = path
    this.#clock = clock
    this.#subscriber = subscriber
    this.#report = report
  }

  /** Looks at the file now and then; never rejects. */
  async look(): Promise<void> {
    try {
      const text = await this.#read()
      if (this.#isStopped) return
      if (text !== undefined && text !== this.#text) {
        const list = this.#parse(text)
        this.#text = text
        this.#subscriber.next(list)
      }
      if (text !== undefined) this.#problem = undefined
    } catch (error) {
      if (this.#isStopped) return
      this.#fail(error)
    }
    this.#timer = this.#clock.setTimer(() => void this.look(), defaults.allowListFileMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** The text of the file; `undefined` if it is as it was. */
  async #read(): Promise<string | undefined> {
    const file = await openForReading(this.#path)
    try {
      const fault = fileFault(await file.stat(), 'list')
      if (fault !== undefined) throw this.#error(fault)
      const { dev, ino, size, mtimeMs, mtimeNs, ctimeNs } = await file.stat({ bigint: true })
      const version = [dev, ino, size, mtimeNs, ctimeNs].join()
      const isSettled = BigInt(Math.trunc(this.#clock.wallNow())) - mtimeMs > racyMs
      if (version === this.#version && isSettled) return undefined
      const text = await readText(file, mostFileBytes)
      this.#version = version
      return text
    } finally {
      await file.close()
    }
  }

  #parse(text: string): AllowList {
    let list: unknown
    try {
      list = JSON.parse(text)
    } catch {
      // the error of the parser quotes the text
      throw this.#error('is not JSON')
    }
    if (Array.isArray(list)) throw this.#error('must hold names with their keys, not a list')
    admittedKeys(`allowListFile: ${this.#path}`, list)
    return list as AllowList
  }

  #fail(error: unknown): void {
    const failure = isRivuletError(error) ? error : this.#error('cannot be read', error)
    const problem = `${failure.message} ${(failure.cause as Error | undefined)?.message ?? ''}`
    // what is no list is read again, in case that it was being written
    this.#version = undefined
    if (problem === this.#problem) return
    this.#problem = problem
    this.#report(
      new RivuletError('RIVULET_KEY_FILE', `${failure.message}; the last good list holds`, { cause: failure.cause }),
    )
  }

  #error(problem: string, cause?: unknown): RivuletError {
    return new RivuletError('RIVULET_KEY_FILE', `allowListFile: ${this.#path} ${problem}`, { cause })
  }
}
