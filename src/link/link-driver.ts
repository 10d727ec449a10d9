/**
 * What both sides of links have in common: the passing of time, frames that take more than their share of a turn, and waiting
 * until everything has arrived.
 */
import type { Clock, Timer } from '../clock/index.js'
import { turnBudget, Waiters } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import type { Held } from '../session/index.js'
import type { LinkSocket } from '../socket/index.js'

/** What is driven: a dialer or an acceptor. */
interface Machine {
  tick(): void
  /** Frames that it has taken in part. */
  readonly held: Held
  /** Takes more of the frame that is held longest. */
  takeRest(): boolean
}

/** Drives one pure machine over a socket. */
export abstract class LinkDriver<Socket extends LinkSocket> {
  /** The socket, once there is one. */
  protected socket: Socket | undefined
  protected abstract readonly machine: Machine
  readonly #clock: Clock
  #timer: Timer | undefined
  readonly #settledWaiters = new Waiters()
  #stopped = false
  #isContinuing = false
  readonly #continue = () => this.#takeMore()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether everything that was sent has arrived. */
  abstract get settled(): boolean

  /** Whether it was closed. */
  get isClosed(): boolean {
    return this.#stopped
  }

  /** Begins to work over a socket whose handler this is. */
  start(socket: Socket): void {
    this.socket = socket
    socket.start()
    this.#passTime()
  }

  /** To be called when the machine has taken a frame or a part of one: the rest follows in the next turns. */
  protected taken(): void {
    const { size, mayReceive } = this.machine.held
    this.socket?.hold(!mayReceive)
    if (size === 0) this.checkSettled()
    else if (!this.#isContinuing) {
      this.#isContinuing = true
      turnBudget.nextTurn(this.#continue)
    }
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

  #passTime(): void {
    this.#timer = this.#clock.setTimer(() => {
      if (this.#stopped) return
      this.machine.tick()
      this.checkSettled()
      this.#passTime()
    }, defaults.heartbeatMs)
  }

  /** Lets each session of which a frame is held have its share of this turn. */
  #takeMore(): void {
    this.#isContinuing = false
    let continuesShare = false
    for (let left = this.machine.held.size; left > 0 && !turnBudget.isSpent; left--) {
      if (!continuesShare) turnBudget.beginShare()
      this.machine.takeRest()
      continuesShare = this.machine.held.continuesShare
    }
    this.taken()
  }
}
