/**
 * What both sides of links have in common: the passing of time, and waiting until everything has arrived.
 */
import type { Clock, Timer } from '../runtime/index.js'

/** Drives one pure machine. */
export abstract class LinkDriver {
  readonly #clock: Clock
  readonly #tickMs: number
  #timer: Timer | undefined
  #settledWaiters: (() => void)[] = []
  #stopped = false

  /**
   * @param tickMs - How often the machine is told that time has passed.
   */
  constructor(clock: Clock, tickMs: number) {
    this.#clock = clock
    this.#tickMs = tickMs
  }

  /** Whether everything that was sent has arrived. */
  abstract get settled(): boolean

  protected abstract tick(): void

  /** Begins to pass time. */
  protected run(): void {
    this.#timer = this.#clock.setTimer(() => {
      if (this.#stopped) return
      this.tick()
      this.checkSettled()
      this.run()
    }, this.#tickMs)
  }

  /** Passes no more time, and lets nobody wait. */
  protected stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    for (const resolve of this.#settledWaiters.splice(0)) resolve()
  }

  /** Resolves when everything that was sent has arrived, or when the link is closed. */
  whenSettled(): Promise<void> {
    if (this.settled || this.#stopped) return Promise.resolve()
    return new Promise((resolve) => this.#settledWaiters.push(resolve))
  }

  /** To be called when something may have arrived. */
  protected checkSettled(): void {
    if (this.#settledWaiters.length === 0 || !this.settled) return
    for (const resolve of this.#settledWaiters.splice(0)) resolve()
  }
}
