/**
 * Rounds in which a publisher's socket is used while its subscribers subscribe very much: rests in between.
 *
 * The library takes in what subscribers send whenever it is called, also to send a frame. With one frame of each in transit,
 * whatever it has not taken in waits in their connections. So between two rounds nothing is sent and nothing is read, for
 * longer the more the last round brought. The owner decides what is very much.
 */
import type { Clock, Timer } from '../clock/index.js'
import { errnoOf } from '../errors/index.js'
import { type Deferred, deferred, turnBudget } from '../lifecycle/index.js'
import { type NativeSocket, subscribedPrefixes } from './native.js'

/** How long frames may leave in one round, and how long what the library has taken in is read, in milliseconds. */
const sendingMs = 2
const readingMs = 10

/** The bounds of a rest, in milliseconds. */
const shortestRestMs = 10
const longestRestMs = 250

/** How long it takes to subscribe all that may be, if rests are within their bounds, in milliseconds. */
const fillingMs = 5000

/** What subscriptions take and may take. */
export interface Pressure {
  /** What they take now, in bytes; changes whenever the library is called. */
  bytes(): number
  /** What they may take, in bytes. */
  readonly limitBytes: number
}

/** What rounds need of their socket. */
export interface RoundPorts {
  readonly clock: Clock
  /** Whether frames wait to be sent. */
  isWaiting(): boolean
  /** Takes a message that arrived; must not throw. */
  message(parts: readonly Buffer[]): void
  /** A message cannot be read. */
  failed(error: unknown): void
  /** A round has brought nothing: the socket is used as before. */
  ended(): void
}

/** The rounds of one socket. */
export class SlowRounds {
  readonly #native: NativeSocket
  readonly #ports: RoundPorts
  readonly #pressure: Pressure
  readonly #sendTimeout: number
  readonly #receiveTimeout: number
  /** Frames wait for it during a rest. */
  #gate: Deferred | undefined = deferred()
  #rest: Timer | undefined
  #isStopped = false

  /** Begins with a rest. No read may be pending. */
  constructor(native: NativeSocket, pressure: Pressure, ports: RoundPorts) {
    this.#native = native
    this.#pressure = pressure
    this.#ports = ports
    this.#sendTimeout = native.sendTimeout
    this.#receiveTimeout = native.receiveTimeout
    // otherwise zeromq.js calls the library once more before it sends or reads
    native.sendTimeout = 0
    native.receiveTimeout = 0
    this.#restFor(0)
  }

  /** Resolves when a frame may be sent; `undefined` if one may now. */
  get rest(): Promise<void> | undefined {
    return this.#gate?.promise
  }

  /** Ends without a last round. */
  stop(): void {
    this.#isStopped = true
    this.#rest?.cancel()
    this.#gate?.resolve()
    this.#gate = undefined
  }

  #restFor(bytes: number): void {
    const restMs = Math.max(shortestRestMs, Math.min(longestRestMs, (bytes * fillingMs) / this.#pressure.limitBytes))
    this.#rest = this.#ports.clock.setTimer(() => void this.#round(), restMs)
  }

  async #round(): Promise<void> {
    const before = this.#pressure.bytes()
    await this.#send()
    if (this.#isStopped) return
    await this.#read()
    if (this.#isStopped) return
    const bytes = this.#pressure.bytes() - before
    if (bytes > 0) {
      this.#restFor(bytes)
      return
    }
    this.stop()
    Object.assign(this.#native, { sendTimeout: this.#sendTimeout, receiveTimeout: this.#receiveTimeout })
    this.#ports.ended()
  }

  async #send(): Promise<void> {
    const { clock, isWaiting } = this.#ports
    this.#gate?.resolve()
    this.#gate = undefined
    const end = clock.now() + sendingMs
    do await new Promise(setImmediate)
    while (!this.#isStopped && isWaiting() && clock.now() < end)
    if (!this.#isStopped) this.#gate = deferred()
  }

  /** Reads what the library has taken in, until it takes in more: it does so when it has no message left. */
  async #read(): Promise<void> {
    const { clock, message, failed } = this.#ports
    const end = clock.now() + readingMs
    const prefixes = subscribedPrefixes(this.#native)
    while (clock.now() < end) {
      try {
        message(await this.#native.receive())
      } catch (error) {
        if (errnoOf(error) !== 'EAGAIN' && !this.#isStopped) failed(error)
        return
      }
      if (this.#isStopped || subscribedPrefixes(this.#native) !== prefixes) return
      if (turnBudget.spend()) await new Promise<void>((resolve) => turnBudget.nextTurn(resolve))
    }
  }
}
