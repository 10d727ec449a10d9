/**
 * The streams of one subscriber that do not take what they have: while there are any, its socket is not read.
 *
 * It reports those that hold up the subscriber for long. It stops and reads nothing.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import { defaults } from '../../src/options/index.js'

/** How often it looks, in milliseconds. */
const lookMs = 1000

/** A stream that is free for less than this still holds up the same subscriber, in milliseconds: it took one frame of many. */
const pauseMs = 100

interface Hold {
  since: number
  /** When it was free last; `undefined` while it is not. */
  freeAt: number | undefined
  isReported: boolean
}

/** Follows which streams hold up their subscriber. */
export class SlowStreams<S> {
  readonly #clock: Pick<Clock, 'now' | 'setTimer'>
  readonly #report: (stream: S, forMs: number) => void
  readonly #holds = new Map<S, Hold>()
  #holding = 0
  #timer: Timer | undefined

  /**
   * @param report - Takes a stream that has held up its subscriber for `slowStreamMs`, once until it has caught up.
   */
  constructor(clock: Pick<Clock, 'now' | 'setTimer'>, report: (stream: S, forMs: number) => void) {
    this.#clock = clock
    this.#report = report
  }

  /** Whether any stream holds up the subscriber now. */
  get areHolding(): boolean {
    return this.#holding > 0
  }

  /** Notes whether a stream holds up the subscriber. */
  set(stream: S, holds: boolean): void {
    const hold = this.#holds.get(stream)
    if (holds === (hold !== undefined && hold.freeAt === undefined)) return
    const now = this.#clock.now()
    this.#holding += holds ? 1 : -1
    if (!hold) {
      this.#holds.set(stream, { since: now, freeAt: undefined, isReported: false })
      this.#timer ??= this.#clock.setTimer(this.#look, lookMs)
    } else if (holds) {
      if (now - (hold.freeAt as number) >= pauseMs) Object.assign(hold, { since: now, isReported: false })
      hold.freeAt = undefined
    } else {
      hold.freeAt = now
    }
  }

  /** Ends the looks. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#holds.clear()
    this.#holding = 0
  }

  readonly #look = () => {
    const now = this.#clock.now()
    for (const [stream, hold] of this.#holds) {
      const { since, freeAt } = hold
      if (freeAt !== undefined && now - freeAt >= pauseMs) this.#holds.delete(stream)
      else if (!hold.isReported && now - since >= defaults.slowStreamMs) {
        hold.isReported = true
        this.#report(stream, now - since)
      }
    }
    this.#timer = this.#holds.size > 0 ? this.#clock.setTimer(this.#look, lookMs) : undefined
  }
}
