/**
 * The deadlines of many waiting things with one timer: it waits for the earliest, and all are checked when it fires.
 *
 * A new deadline costs one comparison. There is no queue of deadlines, which would grow with the rate of calls rather than
 * with the number of open ones: almost every call ends long before its deadline.
 */
import { type Clock, longestTimerMs, type Timer } from './clock.js'

/** Ends what is late at `now`, and returns the earliest deadline that is left: infinity if there is none. */
export type Sweep = (now: number) => number

/** The timer of the earliest deadline. */
export class DeadlineSweep {
  readonly #clock: Clock
  readonly #sweep: Sweep
  #timer: Timer | undefined
  /** When the timer fires, on the clock; infinity while there is none. */
  #at = Number.POSITIVE_INFINITY
  readonly #fire = () => this.#fired()

  constructor(clock: Clock, sweep: Sweep) {
    this.#clock = clock
    this.#sweep = sweep
  }

  /** Runs the sweep no later than at this deadline. */
  watch(deadline: number): void {
    if (deadline < this.#at) this.#arm(deadline)
  }

  /** Takes the timer back; `watch` sets it again. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
  }

  #arm(deadline: number): void {
    this.#timer?.cancel()
    const delayMs = Math.min(longestTimerMs, Math.max(0, deadline - this.#clock.now()))
    this.#at = deadline
    this.#timer = this.#clock.setTimer(this.#fire, delayMs)
  }

  #fired(): void {
    // what the sweep ends may watch other deadlines, which then set a timer of their own
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
    this.watch(this.#sweep(this.#clock.now()))
  }
}
