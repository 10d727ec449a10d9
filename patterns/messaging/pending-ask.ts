/** One ask, from its start to its one outcome, whichever calls it is made of. */
import type { ClientCall, Executed, ResolvedCallOptions } from '../../src/call/index.js'
import { isRivuletError, RivuletError } from '../../src/errors/index.js'
import { unwatchAbort, watchAbort } from '../../src/lifecycle/index.js'
import type { Route } from './ask-routes.js'
import { type Ask, askMethod, codecOfAsk } from './define-ask.js'

/** Who asks. */
export interface Asker {
  readonly incarnation: string
  /** Why it cannot ask: it has lost its name, or is closed. */
  readonly problem: RivuletError | undefined
  /** One of its asks has an outcome. */
  finished(ask: PendingAsk, failed: boolean): void
}

/** Who keeps the asks of a node. */
export interface AskKeeper {
  /** When an ask with this time limit is late, on the clock. */
  deadlineOf(timeoutMs: number, inherited: number): number
  /** The call of an ask has failed. */
  failed(ask: PendingAsk, error: Error): void
  /** An ask does not wait any more. */
  leftWaiting(ask: PendingAsk): void
}

/** An ask that was made. */
export class PendingAsk {
  readonly asker: Asker
  readonly to: string
  readonly ask: Ask
  readonly query: unknown
  readonly options: ResolvedCallOptions
  /** Whether one who answers may have had it. */
  executed: Executed = 'no'
  /** The way that it has taken. */
  route: Route | undefined
  /** Its call, where it has one. */
  call: ClientCall | undefined
  /** Why its last call failed. */
  last: RivuletError | undefined
  /** Until when it waits for the answers of a peer that has just joined. */
  patience: number | undefined
  /** Whether it has its outcome. */
  done = false
  /** Its neighbours in the list of its asker. */
  before: PendingAsk | undefined
  after: PendingAsk | undefined
  readonly #asks: AskKeeper
  readonly #resolve: (answer: unknown) => void
  readonly #reject: (error: Error) => void
  /** On the clock; `undefined` while its first call keeps it. */
  #deadline: number | undefined

  constructor(
    asks: AskKeeper,
    asker: Asker,
    to: string,
    ask: Ask,
    query: unknown,
    options: ResolvedCallOptions,
    resolve: (answer: unknown) => void,
    reject: (error: Error) => void,
  ) {
    this.#asks = asks
    this.asker = asker
    this.to = to
    this.ask = ask
    this.query = query
    this.options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  /** What messages call it. */
  get label(): string {
    return `ask ${this.ask.name}`
  }

  /** Whether a second answer does no harm. */
  get isIdempotent(): boolean {
    return this.options.idempotent ?? codecOfAsk(this.ask).methods.get(askMethod)?.idempotent ?? false
  }

  /** When it is late. */
  get deadline(): number {
    this.#deadline ??= this.#asks.deadlineOf(this.options.timeoutMs, this.options.deadline)
    return this.#deadline
  }

  /** The options of its next call. */
  get callOptions(): ResolvedCallOptions {
    const { options } = this
    if (this.#deadline === undefined && options.waitForReady) return options
    const { deadline } = this
    // a new binding is agreed on first, and the call waits for that
    return { ...options, timeoutMs: Number.POSITIVE_INFINITY, deadline, waitForReady: true }
  }

  /** It takes the place of a call that has failed. */
  follow({ route, deadline }: { readonly route: Route; readonly deadline: number }): void {
    this.route = route
    this.#deadline = deadline
  }

  readonly onAnswer = (answer: unknown): void => {
    this.#finish(false)
    this.#resolve(answer)
  }

  readonly onError = (error: Error): void => {
    if (this.call !== undefined) this.#deadline ??= this.call.deadline
    this.#asks.failed(this, error)
  }

  /** It waits: its signal ends it. Returns whether it does. */
  watch(): boolean {
    const { signal } = this.options
    if (signal === undefined) return true
    if (signal.aborted) this.cancel(signal.reason)
    else watchAbort(signal, this)
    return !this.done
  }

  cancel(cause: unknown): void {
    this.stop(new RivuletError('RIVULET_CANCELLED', `${this.label} was cancelled`, { cause }))
  }

  /** Ends it at this side, with an error to which is added whether it may have been answered. */
  stop({ code, message, cause }: RivuletError): void {
    if (this.call !== undefined) this.call.stopWith(code, message, cause)
    else this.fail(new RivuletError(code, message, { cause, executed: this.executed }))
  }

  /** The outcome: an error. */
  fail(error: Error): void {
    if (this.done) return
    this.#finish(true)
    const isLess = isRivuletError(error) && error.executed === 'no' && this.executed === 'maybe'
    if (!isLess) {
      this.#reject(error)
      return
    }
    const { code, message, cause, issues } = error
    this.#reject(new RivuletError(code, message, { cause, issues, executed: 'maybe' }))
  }

  #finish(failed: boolean): void {
    this.done = true
    const { signal } = this.options
    if (signal !== undefined) unwatchAbort(signal, this)
    this.#asks.leftWaiting(this)
    this.asker.finished(this, failed)
  }
}
