/**
 * A file that is followed: its content is emitted when it is read, and again after each change.
 *
 * The file is looked at several times a second, which works on every file system, for links, and for files that are replaced by
 * others. What cannot be used is reported, and the last good content holds. What is in the file is up to its owner.
 */
import { Observable, type Subscriber } from 'rxjs'
import { type Clock, systemClock, type Timer } from '../clock/index.js'
import { type ErrorCode, isRivuletError, RivuletError } from '../errors/index.js'
import { ErrorReports } from '../observe/index.js'
import { defaults } from '../options/index.js'
import { fileFault, openForReading, readText } from './private-file.js'

const mostFileBytes = 16_777_216
/** A file may change again within this time without a change of its times, in milliseconds. */
const racyMs = 2000n

/** What a file is to hold. */
export interface FileContent<T> {
  /** The function whose file it is, for messages: `allowListFile`. */
  readonly subject: string
  /** The code of errors of the file. */
  readonly code: ErrorCode
  /** What holds while the file cannot be used: `the last good list`. */
  readonly former: string
  /**
   * Checks what was read as JSON.
   *
   * @param place - The file, for messages.
   * @throws an error of Rivulet.
   */
  check(content: unknown, place: string): T
}

/** The observable of a file, with what goes wrong. */
export class FollowedFile<T> extends Observable<T> {
  readonly #reports: ErrorReports

  /** @param path - An absolute path. */
  constructor(path: string, content: FileContent<T>, clock: Clock = systemClock) {
    super((subscriber) => {
      const follower = new Follower(path, content, clock, subscriber, (error) => this.#reports.report(error))
      void follower.look()
      return () => follower.stop()
    })
    this.#reports = new ErrorReports(() => `${content.subject} ${path}`, clock)
  }

  /** Errors of the file; those that nobody observes become warnings of the process. */
  get errors(): Observable<RivuletError> {
    return this.#reports.observable
  }
}

/** Looks at the file for one subscriber. */
class Follower<T> {
  readonly #path: string
  readonly #clock: Clock
  readonly #content: FileContent<T>
  readonly #subscriber: Subscriber<T>
  readonly #report: (error: RivuletError) => void
  #timer: Timer | undefined
  #isStopped = false
  /** What was read, and the times and size that the file had then. */
  #text: string | undefined
  #version: string | undefined
  /** The last problem, which is reported once. */
  #problem: string | undefined

  constructor(
    path: string,
    content: FileContent<T>,
    clock: Clock,
    subscriber: Subscriber<T>,
    report: (error: RivuletError) => void,
  ) {
    this.#path = path
    this.#content = content
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
        const content = this.#parse(text)
        this.#text = text
        this.#subscriber.next(content)
      }
      if (text !== undefined) this.#problem = undefined
    } catch (error) {
      if (this.#isStopped) return
      this.#fail(error)
    }
    this.#timer = this.#clock.setTimer(() => void this.look(), defaults.followedFileMs)
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

  #parse(text: string): T {
    let content: unknown
    try {
      content = JSON.parse(text)
    } catch {
      // the error of the parser quotes the text
      throw this.#error('is not JSON')
    }
    return this.#content.check(content, `${this.#content.subject}: ${this.#path}`)
  }

  #fail(error: unknown): void {
    const failure = isRivuletError(error) ? error : this.#error('cannot be read', error)
    const problem = `${failure.message} ${(failure.cause as Error | undefined)?.message ?? ''}`
    // what cannot be used is read again, in case that it was being written
    this.#version = undefined
    if (problem === this.#problem) return
    this.#problem = problem
    const { code, former } = this.#content
    this.#report(new RivuletError(code, `${failure.message}; ${former} holds`, { cause: failure.cause }))
  }

  #error(problem: string, cause?: unknown): RivuletError {
    const { subject, code } = this.#content
    return new RivuletError(code, `${subject}: ${this.#path} ${problem}`, { cause })
  }
}
