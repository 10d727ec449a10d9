/**
 * Reads the monitor of a native socket, with or without keeping the process alive.
 *
 * A pending read of a monitor keeps the process alive, and there is no read that does not wait. So while the socket is
 * unreferenced, and always in a worker thread, the newest monitor is left unread; at each tick it is read until it is empty,
 * another takes its place, and it brings its `end` at once. No event is lost, and nothing is pending in between.
 *
 * A full monitor stops the library until it is read, also in the call that would replace it. So it must be empty by then,
 * which cannot be seen in a worker thread.
 */
import type { Clock, Timer } from '../clock/index.js'
import { deferred, turnBudget } from '../lifecycle/index.js'
import { areDescriptorsLeft } from './descriptors.js'
import { type MonitorEvent, mayPend, monitorPollMs, type NativeObserver, type NativeSocket, observe } from './native.js'
import { uninterrupted } from './try-again.js'

/** A timer that never fires in practice, in milliseconds: it keeps a thread alive as a pending read would. */
const holdMs = 2_147_483_647

const done = Promise.resolve()

/** File descriptors that must be left before another monitor is made: it takes two, and a connection may take some meanwhile. */
const observerDescriptors = 6

/** Promise jobs until what is there already has arrived. */
const jobsToArrive = 2

/** Failures to accept that are read in one turn: without a descriptor the library tries again without end, and reports each. */
const failuresPerTurn = 100

/** What a monitor tells its socket. */
export interface MonitorHandlers {
  event(event: MonitorEvent): void
  failed(error: unknown): void
  /** Its closed socket and itself have left the library. */
  ended(): void
}

/**
 * Makes a native socket and its monitor; another socket if a signal interrupts that, since a monitor that was made in part can
 * be neither used nor closed.
 */
export function monitored(
  create: () => NativeSocket,
  clock: Clock,
  handlers: MonitorHandlers,
): readonly [NativeSocket, Monitor] {
  return uninterrupted(() => {
    const native = create()
    return [native, new Monitor(native, clock, handlers)]
  })
}

/** The monitor of one native socket. */
export class Monitor {
  readonly #socket: NativeSocket
  readonly #clock: Clock
  readonly #handlers: MonitorHandlers
  readonly #observer: (socket: NativeSocket) => NativeObserver
  #newest: NativeObserver
  #unread = false
  /** Whether the newest is read and has brought everything. */
  #isEmpty = false
  /** Whether another takes the place of the newest as soon as that is empty. */
  #replacing = false
  /** Whether no other could be made. */
  #isLost = false
  #tick: Timer | undefined
  #pollMs = monitorPollMs.first
  /** Keeps a worker thread alive, where nothing is pending. */
  #hold: NodeJS.Timeout | undefined
  #closed = false
  /** Whether the newest has ended, and nothing of it may come any more. */
  #hasEnded = false
  /** Addresses that a closed socket has not let go of. */
  readonly #taken = new Set<string>()
  readonly #released = deferred()

  /** @param observer - Makes what is read. */
  constructor(socket: NativeSocket, clock: Clock, handlers: MonitorHandlers, observer = observe) {
    this.#observer = observer
    this.#socket = socket
    this.#clock = clock
    this.#handlers = handlers
    this.#newest = observer(socket)
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
    this.#replacing = false
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
    if (this.#hasEnded) this.#end()
    else this.#readNewest()
    return this.#released.promise
  }

  #end(): void {
    this.#released.resolve()
    this.#handlers.ended()
  }

  /** Replaces the monitor now, and at each tick from now on. */
  #poll(): void {
    this.#tick = this.#clock.setTimer(() => this.#poll(), this.#pollMs)
    this.#pollMs = Math.min(monitorPollMs.idle, 2 * this.#pollMs)
    this.#replace()
  }

  /** Puts an unread monitor in the place of the newest one, which then ends, as soon as that is empty. */
  #replace(): void {
    if (this.#isEmpty || this.#isLost) {
      this.#observe()
    } else if (mayPend) {
      this.#replacing = true
      this.#readNewest()
    } else {
      // only a pending read shows that it is empty: here it is replaced in any case, and must not be full by then
      const former = this.#unread ? this.#newest : undefined
      this.#observe()
      if (former) void this.#read(former)
    }
  }

  #observe(): void {
    // one that is made in part has no reader, and stops the library at its first event
    if (!areDescriptorsLeft(observerDescriptors)) {
      this.#replacing = false
      if (!this.#isLost) this.#readNewest()
      return
    }
    this.#replacing = this.#isEmpty = this.#unread = false
    try {
      this.#newest = this.#observer(this.#socket)
      this.#unread = true
      this.#isLost = this.#hasEnded = false
    } catch (error) {
      // at the next tick again
      if (!this.#isLost) this.#handlers.failed(error)
      this.#isLost = true
    }
  }

  #readNewest(): void {
    if (this.#unread) void this.#read(this.#newest)
    this.#unread = false
  }

  /** Waits for the next event; what is there already comes before a promise job. */
  async #next(observer: NativeObserver): Promise<MonitorEvent | undefined> {
    let isThere = false
    const arriving = observer.receive().finally(() => {
      isThere = true
    })
    if (observer === this.#newest) {
      for (let job = 0; job < jobsToArrive; job++) await done
      this.#isEmpty = !isThere
      if (this.#isEmpty && this.#replacing && !this.#closed) this.#observe()
    }
    const event = await arriving
    if (observer === this.#newest) this.#isEmpty = false
    return event
  }

  #release(address: string | undefined): void {
    if (address !== undefined) this.#taken.delete(address)
    if (this.#taken.size === 0) this.#released.resolve()
  }

  async #read(observer: NativeObserver): Promise<void> {
    let failures = 0
    try {
      for (;;) {
        const event = await this.#next(observer)
        if (!event || event.type === 'end') break
        this.#pollMs = monitorPollMs.first
        if (!this.#closed) this.#handlers.event(event)
        else if (event.type === 'close') this.#release(event.address)
        if (event.type === 'accept:error') failures += 1
        // peers that connect and leave without end keep it busy
        const isSpent = turnBudget.spend() || failures === failuresPerTurn
        if (!isSpent) continue
        failures = 0
        await new Promise<void>((resolve) => turnBudget.nextTurn(resolve))
      }
    } catch (error) {
      if (!this.#closed) this.#handlers.failed(error)
    }
    if (observer !== this.#newest) return
    this.#hasEnded = true
    if (this.#closed) this.#end()
  }
}
