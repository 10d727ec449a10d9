/**
 * Watches the connecting side of links: after a failure of the protocol libzmq never connects again, and says nothing.
 *
 * It decides when to connect again, from the monitor's events; its owner connects.
 */
import type { Clock, Timer } from '../clock/index.js'
import { defaults } from '../options/index.js'

/** Longer than libzmq takes for a try of its own. */
const patienceMs = 2 * defaults.reconnectMaxMs

/** The watchdog of one socket. */
export class Watchdog {
  readonly #clock: Clock
  readonly #reconnect: (endpoint: string) => void
  readonly #timers = new Map<string, Timer>()

  constructor(clock: Clock, reconnect: (endpoint: string) => void) {
    this.#clock = clock
    this.#reconnect = reconnect
  }

  /** Takes an event of an endpoint that this side connects to. */
  event(type: string, endpoint: string): void {
    if (type !== 'disconnect' && !type.startsWith('connect')) return
    this.forget(endpoint)
    if (type !== 'disconnect') return
    const timer = this.#clock.setTimer(() => {
      this.#timers.delete(endpoint)
      this.#reconnect(endpoint)
    }, patienceMs)
    this.#timers.set(endpoint, timer)
  }

  /** Waits no longer for an endpoint. */
  forget(endpoint: string): void {
    this.#timers.get(endpoint)?.cancel()
    this.#timers.delete(endpoint)
  }

  /** Stops watching. */
  close(): void {
    for (const timer of this.#timers.values()) timer.cancel()
  }
}
