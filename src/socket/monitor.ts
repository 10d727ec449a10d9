/**
 * Reads the monitor of a native socket, with or without keeping the process alive.
 *
 * A pending read of a monitor keeps the process alive, and there is no read that does not wait. So while the socket is
 * unreferenced, and always in a worker thread, the newest monitor is left unread; at each tick another takes its place,
 * and the old one is read to its `end`, which libzmq sends at once. No event is lost, and nothing is pending in between.
 */
import { deferred } from '../lifecycle/index.js'
import type { Clock, Timer } from '../runtime/index.js'
import { type MonitorEvent, mayPend, monitorPollMs, type NativeObserver, type NativeSocket, observe } from './native.js'

/** A timer that never fires in practice, in milliseconds: it keeps a thread alive as a pending read would. */
const holdMs = 2_147_483_647

/** The monitor of one native socket. */
export class Monitor {
  readonly #socket: NativeSocket
  readonly #clock: Clock
  readonly #onEvent: (event: MonitorEvent) => void
  readonly #onError: (error: unknown) => void
  #newest: NativeObserver
  #unread = false
  #tick: Timer | undefined
  /** Keeps a worker thread alive, where nothing is pending. */
  #hold: NodeJS.Timeout | undefined
  #closed = false
  /** Addresses that a closed socket has not let go of. */
  readonly #taken = new Set<string>()
  readonly #released = deferred()

  constructor(
    socket: NativeSocket,
    clock: Clock,
    onEvent: (event: MonitorEvent) => void,
    onError: (error: unknown) => void,
  ) {
    this.#socket = socket
    this.#clock = clock
    this.#onEvent = onEvent
    this.#onError = onError
    this.#newest = observe(socket)
    if (mayPend) {
      void this.#read(this.#newest)
    } else {
      this.#unread = true
      this.#poll()
      this.ref()
    }
  }

  /** Lets the process exit while the monitor waits. */
  unref(): void {
    if (this.#closed) return
    clearInterval(this.#hold)
    if (this.#tick === undefined) this.#poll()
  }

  /** Keeps the process alive again. */
  ref(): void {
    if (!mayPend) {
      clearInterval(this.#hold)
      this.#hold = setInterval(() => {}, holdMs)
      return
    }
    if (!this.#tick) return
    this.#tick.cancel()
    this.#tick = undefined
    this.#readNewest()
  }

  /**
   * Stops; closing the native socket ends the last monitor.
   *
   * @param bound - Addresses that the closed socket lets go of.
   * @returns Resolves when all of them are free again, which is a moment after the native `close`.
   */
  close(bound: readonly string[]): Promise<void> {
    this.#closed = true
    for (const address of bound) this.#taken.add(address)
    if (bound.length === 0) this.#released.resolve()
    this.#tick?.cancel()
    clearInterval(this.#hold)
    this.#readNewest()
    return this.#released.promise
  }

  /** Replaces the monitor now, and at each tick from now on. */
  #poll(): void {
    this.#tick = this.#clock.setTimer(() => this.#poll(), monitorPollMs)
    this.#replace()
  }

  /** Puts an unread monitor in the place of the newest one, which then ends. */
  #replace(): void {
    const former = this.#newest
    const unread = this.#unread
    this.#newest = observe(this.#socket)
    this.#unread = true
    if (unread) void this.#read(former)
  }

  #readNewest(): void {
    if (this.#unread) void this.#read(this.#newest)
    this.#unread = false
  }

  #release(address: string | undefined): void {
    if (address !== undefined) this.#taken.delete(address)
    if (this.#taken.size === 0) this.#released.resolve()
  }

  async #read(observer: NativeObserver): Promise<void> {
    try {
      for (;;) {
        const event = await observer.receive()
        if (!event || event.type === 'end') break
        if (!this.#closed) this.#onEvent(event)
        else if (event.type === 'close') this.#release(event.address)
      }
    } catch (error) {
      if (!this.#closed) this.#onError(error)
    }
    if (this.#closed && observer === this.#newest) this.#released.resolve()
  }
}
