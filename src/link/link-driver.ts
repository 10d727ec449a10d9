/**
 * What both sides of links have in common: the passing of time, frames that one turn cannot take, and waiting until everything
 * has arrived.
 */
import type { Clock, Timer } from '../clock/index.js'
import { turnBudget, Waiters } from '../lifecycle/index.js'
import type { LinkSocket } from '../socket/index.js'

/** Drives one pure machine. */
export abstract class LinkDriver {
  readonly #clock: Clock
  readonly #tickMs: number
  #timer: Timer | undefined
  readonly #settledWaiters = new Waiters()
  #stopped = false
  readonly #goOn = () => this.#takeMore()

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

  /** The socket, once there is one. */
  protected abstract get socket(): LinkSocket | undefined

  /** Takes more of a frame that is held; returns whether that was all of it. */
  protected abstract takeRest(): boolean

  /** Reads no further frames until the last one was taken as a whole, in the next turns. */
  protected hold(): void {
    this.socket?.hold(true)
    turnBudget.nextTurn(this.#goOn)
  }

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
    this.#settledWaiters.wake()
  }

  /** Resolves when everything that was sent has arrived, or when the link is closed. */
  whenSettled(): Promise<void> {
    if (this.settled || this.#stopped) return Promise.resolve()
    return this.#settledWaiters.wait()
  }

  /** To be called when something may have arrived. */
  protected checkSettled(): void {
    if (this.#settledWaiters.isAny && this.settled) this.#settledWaiters.wake()
  }

  #takeMore(): void {
    if (!this.takeRest()) {
      turnBudget.nextTurn(this.#goOn)
      return
    }
    this.socket?.hold(false)
    this.checkSettled()
  }
}
