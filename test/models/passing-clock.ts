/**
 * The clock of the machine, with a way to let time pass at once: timers that become due fire in their order.
 *
 * What the native library times for itself is not moved.
 */
import { type Clock, longestTimerMs, type Timer } from '../../src/clock/index.js'

/** What operators set the time of day by, in milliseconds. */
export const clockJumps = [-86_400_000, -5000, 5000, 86_400_000] as const

interface Waiting {
  readonly at: number
  readonly callback: () => void
  readonly handle: NodeJS.Timeout
}

/** Time that runs, and that a sequence can hurry. */
export class PassingClock implements Clock {
  #ahead = 0
  #wallAhead = 0
  readonly #waiting = new Set<Waiting>()

  /** How much time was let pass so far, in milliseconds. */
  get passed(): number {
    return this.#ahead
  }

  now(): number {
    return performance.now() + this.#ahead
  }

  wallNow(): number {
    return Math.round(Date.now() + this.#ahead + this.#wallAhead)
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const handle = setTimeout(() => {
      this.#waiting.delete(waiting)
      callback()
    }, delayMs).unref()
    // a longer one fires at once, here as on the machine
    const at = delayMs <= longestTimerMs ? this.now() + Math.max(0, delayMs) : this.now()
    const waiting = { at, callback, handle }
    this.#waiting.add(waiting)
    return {
      cancel: () => {
        this.#waiting.delete(waiting)
        clearTimeout(handle)
      },
    }
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#waiting.size
  }

  /** Lets time pass as if this thread had been blocked: what becomes due fires now, one after the other. */
  jump(ms: number): void {
    const end = this.now() + ms
    for (;;) {
      let due: Waiting | undefined
      for (const one of this.#waiting) if (one.at <= end && (due === undefined || one.at < due.at)) due = one
      if (due === undefined) break
      this.#waiting.delete(due)
      clearTimeout(due.handle)
      this.#ahead += Math.max(0, due.at - this.now())
      due.callback()
    }
    this.#ahead += Math.max(0, end - this.now())
  }

  /** Moves the time of day alone, as an operator or NTP does. */
  jumpWall(ms: number): void {
    this.#wallAhead += ms
  }
}
