/**
 * Time as the code sees it: a clock that can be replaced by a virtual one.
 *
 * Nothing else in Rivulet calls `setTimeout` or `performance.now` for protocol time.
 */

// the global one is a getter, which each look at the clock would pay for
import { performance } from 'node:perf_hooks'

/** The longest time that a timer of the system can run, in milliseconds; a longer one would fire at once. */
export const longestTimerMs = 2_147_483_647

/** A timer that has been set. */
export interface Timer {
  /** Takes the timer back; harmless when it has fired. */
  cancel(): void
}

/** Tells the time and sets timers. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  now(): number
  /** Milliseconds since 1970, for people and for message headers; may jump. */
  wallNow(): number
  /**
   * Calls back once after the delay in milliseconds. A waiting timer never keeps the process alive.
   *
   * @param callback - Is called once, unless the timer is cancelled before.
   * @param delayMs - Milliseconds, 0 or more.
   */
  setTimer(callback: () => void, delayMs: number): Timer
}

/** The clock of the machine. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  wallNow: () => Date.now(),
  setTimer(callback: () => void, delayMs: number): Timer {
    const handle = setTimeout(callback, delayMs).unref()
    return { cancel: () => clearTimeout(handle) }
  },
})

/** Tells whether a value has the shape of a clock. */
export function isClock(value: unknown): value is Clock {
  if (typeof value !== 'object' || value === null) return false
  const clock = value as Partial<Clock>
  return [clock.now, clock.wallNow, clock.setTimer].every((method) => typeof method === 'function')
}
