/**
 * How many calls a client may begin, and give up, within a second, and how many it has open.
 *
 * A call that is cancelled makes room among the open ones at once: without a bound of its own, a client that begins and
 * cancels calls without end keeps a server busy (the rapid reset of HTTP/2, CVE-2023-44487).
 */
import type { AdmissionRefusal, CallLimits } from './call-limits.js'

const windowMs = 1000

/** The rates of one client; of one key over all its sessions, where keys are known. */
export class CallerRates {
  /** Sessions that share these rates. */
  sessions = 0
  /** Their open calls that their handlers did not answer at once. */
  open = 0
  readonly #limits: CallLimits
  #since = Number.NEGATIVE_INFINITY
  #calls = 0
  #cancels = 0
  #isReported = false

  constructor(limits: CallLimits) {
    this.#limits = limits
  }

  /** A call is about to begin; returns why it may not. Without a rate to hold, calls cost no look at the clock. */
  begin(now: () => number): AdmissionRefusal | undefined {
    if (this.#cancels === 0 && this.#limits.maxCallsPerSecond === Number.POSITIVE_INFINITY) return undefined
    this.#pass(now())
    const { maxCallsPerSecond, maxCancelsPerSecond } = this.#limits
    if (this.#cancels >= maxCancelsPerSecond) return tooManyCancels
    if (this.#calls >= maxCallsPerSecond) return tooFast
    this.#calls += 1
    return undefined
  }

  /** A call was cancelled by its client. */
  cancelled(now: number): void {
    this.#pass(now)
    this.#cancels += 1
  }

  /** Whether a refusal is to be reported: the first of a second is. */
  get isNews(): boolean {
    const isNews = !this.#isReported
    this.#isReported = true
    return isNews
  }

  #pass(now: number): void {
    if (now - this.#since < windowMs) return
    this.#since = now
    this.#calls = 0
    this.#cancels = 0
    this.#isReported = false
  }
}

const tooManyCancels: AdmissionRefusal = {
  code: 'RIVULET_OVERLOADED',
  message: 'the client has cancelled as many calls within a second as the server takes',
  limit: 'cancels-per-second',
}
const tooFast: AdmissionRefusal = {
  code: 'RIVULET_OVERLOADED',
  message: 'the client has begun as many calls within a second as the server takes',
  limit: 'calls-per-second',
}
