/** A clock that stands still until a test moves it: timers fire in order, within `advance`, and never by themselves. */
import type { Clock, Timer } from '../../src/clock/index.js'

interface Waiting {
  readonly at: number
  readonly order: number
  readonly callback: () => void
}

/** Time in the hands of a test. */
export class VirtualClock implements Clock {
  #now = 1000
  #wallOffset = 1_700_000_000_000
  #order = 0
  readonly #waiting = new Set<Waiting>()
  #armed: (() => void)[] = []

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return this.#wallOffset + this.#now
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const waiting = { at: this.#now + delayMs, order: this.#order++, callback }
    this.#waiting.add(waiting)
    for (const tell of this.#armed.splice(0)) tell()
    return { cancel: () => void this.#waiting.delete(waiting) }
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#waiting.size
  }

  /** Resolves when at least one timer is set. */
  async whenArmed(): Promise<void> {
    while (this.#waiting.size === 0) await new Promise<void>((resolve) => this.#armed.push(resolve))
  }

  /** Moves time on and fires what is due, also what that sets. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const due = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0]
      if (!due) break
      this.#waiting.delete(due)
      this.#now = Math.max(this.#now, due.at)
      due.callback()
    }
    this.#now = end
  }

  /** Moves time on while nothing fires, as work does that blocks the event loop. */
  block(ms: number): void {
    this.#now += ms
  }

  /** Moves the time of day alone, as an operator or NTP does. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms
  }
}
