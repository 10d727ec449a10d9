/**
 * Reports of what untrusted peers cause as often as they like: the first at once, further ones together, seldom.
 */
import { RivuletError } from '../errors/index.js'

/** The shortest time between two reports, in milliseconds: a port scan is one report. */
const reportMs = 10_000

/** Reports errors of one kind. */
export class SparseReports {
  readonly #clock: { now(): number }
  readonly #pass: (error: RivuletError) => void
  /** Errors since the last report. */
  #unreported = 0
  #nextAt = Number.NEGATIVE_INFINITY

  constructor(clock: { now(): number }, pass: (error: RivuletError) => void) {
    this.#clock = clock
    this.#pass = pass
  }

  /** Reports an error, with the number of those since the last report, or only counts it. */
  report(error: RivuletError): void {
    const now = this.#clock.now()
    if (now < this.#nextAt) {
      this.#unreported += 1
      return
    }
    this.#nextAt = now + reportMs
    const others = this.#unreported
    this.#unreported = 0
    if (others === 0) this.#pass(error)
    else {
      const text = `${error.message} (and ${others} others since the last report)`
      this.#pass(new RivuletError(error.code, text, { cause: error }))
    }
  }
}
