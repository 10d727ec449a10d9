/**
 * Signs of life of calls that wait: for their turn, or for what is fetched for them. A caller that gets none gives the call up.
 *
 * A machine over a clock. What a sign is, and whether there is room for it, is decided by the call.
 */
import type { Clock, Timer } from '../../src/clock/index.js'

/** How long a call may send nothing before it shows that it is served, in milliseconds. */
const quietMs = 500

/** How often calls are looked at, in milliseconds: so that those of many callers are spread. */
const lookMs = 100

/** One call. */
export interface LivingCall {
  /** Something was sent. */
  sent(): void
  /** The call has ended. */
  ended(): void
}

/** The calls of one service. */
export class SignsOfLife {
  readonly #clock: Clock
  /** When each has sent something last, the oldest first. */
  readonly #calls = new Map<() => void, number>()
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param due - Called when the call has sent nothing for a while. */
  add(due: () => void): LivingCall {
    // the same function may be that of another call
    const show = () => due()
    this.#sent(show)
    this.#timer ??= this.#clock.setTimer(() => this.#look(), lookMs)
    return { sent: () => this.#sent(show), ended: () => void this.#calls.delete(show) }
  }

  close(): void {
    this.#timer?.cancel()
    this.#calls.clear()
  }

  #sent(show: () => void): void {
    this.#calls.delete(show)
    this.#calls.set(show, this.#clock.now())
  }

  #look(): void {
    const quietSince = this.#clock.now() - quietMs
    const due: (() => void)[] = []
    for (const [show, sentAt] of this.#calls) {
      if (sentAt > quietSince) break
      due.push(show)
    }
    for (const show of due) {
      // one that has no room for it is due again after the same time
      if (!this.#calls.has(show)) continue
      this.#sent(show)
      show()
    }
    this.#timer = this.#calls.size > 0 ? this.#clock.setTimer(() => this.#look(), lookMs) : undefined
  }
}
