/**
 * Deadlines of all open calls with one timer: it waits for the earliest, and looks at all of them when it fires.
 *
 * A call costs one comparison. There is no queue of deadlines, which would grow with the rate of calls rather than with
 * the number of open ones: almost every call is over long before its deadline.
 */
import { longestTimerMs, turnBudget } from '../lifecycle/index.js'
import type { Clock, Timer } from '../runtime/clock.js'

/** Ends what is late at `now`, and returns the earliest deadline that is left: infinity if there is none. */
export type Sweep = (now: number) => number

/** What has a deadline. */
interface Timed {
  readonly deadline: number
}

/**
 * Ends those of a list that are late at `now`, the earliest first; returns the earliest deadline that is left.
 *
 * If that is more than one turn takes, the rest is still late: the next sweep, which is due at once, ends it behind what waits
 * for this turn.
 */
export function sweepLate<T extends Timed>(list: readonly T[], now: number, end: (late: T) => void): number {
  const late = list.filter(({ deadline }) => deadline <= now).sort((one, other) => one.deadline - other.deadline)
  for (const [at, one] of late.entries()) {
    end(one)
    if (turnBudget.spend() && at < late.length - 1) return now
  }
  return list.reduce(
    (earliest, { deadline }) => (deadline > now ? Math.min(earliest, deadline) : earliest),
    Number.POSITIVE_INFINITY,
  )
}

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

  /** Sees to it that a call with this deadline is looked at then. */
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
    // what the sweep ends may start other calls, which then set a timer of their own
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
    this.watch(this.#sweep(this.#clock.now()))
  }
}
