/**
 * The time of day as an engine counts it: read from the wall clock once, when the engine opens, and steady from then on.
 *
 * Whatever an engine writes down as a time of day, and whatever it compares with one, is of this clock, so that neither an
 * operator nor NTP changes how long a delay, a time to live or a window lasts. It never goes back, not even by a restart.
 */
import type { Clock } from '../clock/index.js'

/** The clock of one engine. */
export class EngineTime {
  readonly #clock: Clock
  /** What the time of day is ahead of the clock that never goes back, in milliseconds. */
  readonly #ahead: number

  /** @param notBefore - The time of the last write of an earlier engine, in milliseconds since 1970; 0 for none. */
  constructor(clock: Clock, notBefore: number) {
    this.#clock = clock
    // rounded up, so that the first time that is read is not before either of them
    this.#ahead = Math.ceil(Math.max(notBefore, clock.wallNow(), 0) - clock.now())
  }

  /** Milliseconds since an arbitrary start. */
  get now(): number {
    return this.#clock.now()
  }

  /** Milliseconds since 1970, whole. */
  get wall(): number {
    return Math.floor(this.#ahead + this.#clock.now())
  }
}
