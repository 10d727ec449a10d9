/**
 * A clock that stands still until it is told to go on; timers fire in their order.
 */
import type { Clock } from '../../src/runtime/index.js'

interface Waiting {
  readonly at: number
  readonly callback: () => void
}

/** Time in the hands of a test. */
export class VirtualClock implements Clock {
  #now = 0
  #timers: Waiting[] = []

  now(): number {
    return this.#now
  }

  wallNow(): number {
    return 1_700_000_000_000 + this.#now
  }

  setTimer(callback: () => void, delayMs: number): { cancel(): void } {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** Timers that wait. */
  get timers(): number {
    return this.#timers.length
  }

  /** Lets time pass; what timers and promises start within it happens in it. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await new Promise(setImmediate)
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#now = next.at
      next.callback()
    }
    this.#now = end
  }
}
