/**
 * One message that somebody waits for: from `send` until it is stored, refused, or nobody waits any more.
 */
import { RivuletError } from '../errors/index.js'
import { type AbortWatcher, abortedError, onAbort, unwatchAbort, watchAbort } from '../lifecycle/index.js'
import type { Extras } from './protocol.js'
import type { Owner, SentBatch } from './sent-batch.js'
import type { Timed, TimedSends } from './timed-sends.js'

/** How a message was stored. */
export interface SendResult {
  /**
   * The id that it was given, or else its place in the queue as text; the empty text if that is not known, since an earlier
   * try had stored it.
   */
  readonly id: string
  /**
   * Whether a message of this id was there already, so that this one was not stored.
   *
   * `false` as well if an earlier try was a duplicate and its confirmation was lost with a connection.
   */
  readonly duplicate: boolean
}

/** The sender of a message, as far as giving up is concerned. */
export interface SendKeeper<E extends Extras> {
  /** Sends that have a deadline or a signal. */
  readonly timed: TimedSends<E>
  /** Takes back a message that has not left; returns whether it could. */
  withdraw(send: PendingSend<E, unknown>): boolean
  /** Makes the error of a message that did not leave in time. */
  late(): RivuletError
}

/** The ends of the promise that was made last: taken at once, so that a send costs no closure. */
const captured: { resolve: (result: unknown) => void; reject: (error: RivuletError) => void } = {
  resolve: () => {},
  reject: () => {},
}
const capture = (resolve: (result: unknown) => void, reject: (error: RivuletError) => void): void => {
  captured.resolve = resolve
  captured.reject = reject
}

/** How a promise ends; a method, so that who only gives sends up need not know their results. */
interface Ends<Result> {
  resolve(result: Result): void
}

/** A message without an outcome. */
export class PendingSend<E extends Extras, Result = SendResult> implements Owner<E>, Timed<E>, AbortWatcher {
  readonly promise: Promise<Result>
  deadline = Number.POSITIVE_INFINITY
  /** Whether it has its outcome. */
  done = false
  /** Whether it has a deadline or a signal, so that it may withdraw its message. */
  mayWithdraw = false
  /** Whether its message is, or was, with the outbox. */
  isTaken = false
  extras: E | undefined = undefined
  batch: SentBatch<E> | undefined = undefined
  readonly #resolve: Ends<Result>['resolve']
  readonly #reject: (error: RivuletError) => void
  /** Its sender, if it has a deadline or a signal. */
  #keeper: SendKeeper<E> | undefined
  #signal: AbortSignal | undefined
  earlier: Timed<E> | undefined = undefined
  later: Timed<E> | undefined = undefined

  constructor() {
    this.promise = new Promise<Result>(capture as (resolve: (result: Result) => void, reject: () => void) => void)
    this.#resolve = captured.resolve
    this.#reject = captured.reject
  }

  /** Gives up at its deadline, or when the signal aborts. */
  limit(keeper: SendKeeper<E>, signal: AbortSignal | undefined): void {
    if (this.done) return
    this.mayWithdraw = true
    this.#keeper = keeper
    keeper.timed.add(this)
    if (signal === undefined) return
    this.#signal = signal
    if (signal.aborted) this.cancel()
    else watchAbort(signal, this)
  }

  /** Its signal has aborted. */
  cancel(): void {
    const signal = this.#signal as AbortSignal
    this.#giveUp(() => abortedError('send', signal), signal.reason)
  }

  /** Its deadline has come. */
  expire(): void {
    this.#giveUp(() => (this.#keeper as SendKeeper<E>).late())
  }

  stored(id: string | undefined, position: number, duplicate: boolean): void {
    if (this.done) return
    this.#finish()
    this.#resolve(this.resultOf(id, position, duplicate))
  }

  failed(error: RivuletError): void {
    if (this.done) return
    this.#finish()
    this.#reject(error)
  }

  /** What may have become of a message that has left. */
  protected get unsure(): string {
    return 'it may be stored'
  }

  /** What its promise resolves with. */
  protected resultOf(id: string | undefined, position: number, duplicate: boolean): Result {
    return { id: id ?? (position > 0 ? String(position) : ''), duplicate } as Result
  }

  /** It is taken back if it has not left, and else nobody knows what became of it. */
  #giveUp(unsent: () => RivuletError, cause?: unknown): void {
    if (this.done) return
    if (this.#keeper?.withdraw(this)) {
      const { code, message } = unsent()
      this.failed(new RivuletError(code, message, { cause, executed: 'no' }))
    } else {
      const message = `send: given up after the message had left: ${this.unsure}`
      this.failed(new RivuletError('RIVULET_UNKNOWN_OUTCOME', message, { cause, executed: 'maybe' }))
    }
  }

  #finish(): void {
    this.done = true
    this.#keeper?.timed.remove(this)
    if (this.#signal !== undefined) unwatchAbort(this.#signal, this)
  }
}

/** What became of the messages of one `sendAll`. */
export class SendAllTracker implements Owner<never> {
  readonly countsOnly = true
  #open = 0
  #failed = 0
  #settled: () => void = () => {}

  /** Messages that were refused after they had been taken. */
  get lost(): number {
    return this.#failed
  }

  /** A message was taken. */
  took(): void {
    this.#open += 1
  }

  stored(): void {
    this.#closed()
  }

  failed(): void {
    this.#failed += 1
    this.#closed()
  }

  /**
   * Resolves when all that was taken has its outcome.
   *
   * @error RIVULET_ABORTED if the signal aborts first; the outcomes still count.
   */
  async settled(signal: AbortSignal | undefined): Promise<void> {
    if (this.#open === 0) return
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve
    })
    let forget = () => {}
    const aborted = new Promise<never>((_, reject) => {
      forget = onAbort(signal, () => reject(abortedError('sendAll', signal as AbortSignal)))
    })
    await Promise.race([settled, aborted]).finally(forget)
  }

  #closed(): void {
    this.#open -= 1
    if (this.#open === 0) this.#settled()
  }
}
