/**
 * Reads the messages of one native socket for as long as they are wanted, and shares the event loop with others.
 *
 * A loop that is switched off may bring one more message: a pending read cannot be taken back.
 */
import { turnOver } from '../lifecycle/index.js'
import type { Clock } from '../runtime/index.js'
import type { NativeSocket } from './native.js'
import { errnoOf } from './translate.js'

/** How long one turn may read messages before timers and other sockets have theirs, in milliseconds. */
const readSliceMs = 10

/** How often an unreferenced socket is looked at, in milliseconds. */
export const unreferencedWaitMs = 5

const done = Promise.resolve()
const nothing = () => {}

/** How a read loop tells what it reads. */
export interface ReadPorts {
  /** Takes a message; must not throw. */
  message(parts: readonly Buffer[]): void
  /** Reading is over, though nobody stopped it. */
  failed(error: unknown): void
}

/** The read loop of one native socket. */
export class ReadLoop {
  readonly #native: NativeSocket
  readonly #clock: Clock
  readonly #ports: ReadPorts
  #wanted = false
  #running = false
  #referenced = true

  constructor(native: NativeSocket, clock: Clock, ports: ReadPorts) {
    this.#native = native
    this.#clock = clock
    this.#ports = ports
  }

  /** Whether a read is pending, or one follows. */
  get running(): boolean {
    return this.#running
  }

  /** Whether messages are read. */
  set wanted(on: boolean) {
    this.#wanted = on
    if (on && !this.#running && !this.#native.closed) void this.#run()
  }

  /** Whether a pending read may keep the process alive. */
  set referenced(on: boolean) {
    this.#referenced = on
  }

  async #run(): Promise<void> {
    const native = this.#native
    let idle = false
    const becomeIdle = () => {
      idle = true
    }
    this.#running = true
    let sliceEnd: number | undefined
    while (this.#wanted) {
      if (!this.#referenced && !native.readable) {
        await new Promise<void>((resolve) => this.#clock.setTimer(resolve, unreferencedWaitMs))
        continue
      }
      let parts: Buffer[]
      try {
        idle = false
        const receiving = native.receive()
        void done.then(nothing).then(becomeIdle) // which comes first only if the message is not there yet
        parts = await receiving
      } catch (error) {
        if (native.closed) break
        if (errnoOf(error) === 'EAGAIN') continue
        this.#ports.failed(error)
        break
      }
      this.#ports.message(parts)
      if (idle) {
        await turnOver()
        sliceEnd = undefined
        continue
      }
      const now = this.#clock.now()
      sliceEnd ??= now + readSliceMs
      if (now > sliceEnd) {
        await new Promise(setImmediate)
        sliceEnd = undefined
      }
    }
    this.#running = false
  }
}
