/**
 * Reports of what untrusted peers cause as often as they like: the first few at once, further ones together, seldom.
 */
import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { defaults } from '../options/index.js'

/** Reports errors of one kind. */
export class SparseReports {
  readonly #clock: Pick<Clock, 'now'>
  readonly #pass: (error: RivuletError) => void
  /** Reports in such a time. */
  readonly #most: number
  #left = 0
  /** Errors since the last report. */
  #unreported = 0
  #nextAt = Number.NEGATIVE_INFINITY

  /**
   * @param most - Errors that are reported at once, before the others are only counted.
   */
  constructor(clock: Pick<Clock, 'now'>, pass: (error: RivuletError) => void, most = 1) {
    this.#clock = clock
    this.#pass = pass
    this.#most = most
  }

  /** Reports an error, with the number of those since the last report, or only counts it. */
  report(error: RivuletError): void {
    const now = this.#clock.now()
    if (now >= this.#nextAt) {
      this.#nextAt = now + defaults.reportMs
      this.#left = this.#most
    }
    if (this.#left === 0) {
      this.#unreported += 1
      return
    }
    this.#left -= 1
    const others = this.#unreported
    this.#unreported = 0
    if (others === 0) this.#pass(error)
    else {
      const text = `${error.message} (and ${others} others since the last report)`
      this.#pass(new RivuletError(error.code, text, { cause: error }))
    }
  }
}
