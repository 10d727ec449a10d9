/**
 * How long a connection may take: for its first frame, for any other frame, without a byte, and after the peer has ended.
 *
 * It reports what is late; one timer for all of it. A peer is not late while this side does not read, or nobody wants its frames.
 */
import { type Clock, DeadlineSweep } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'

/** The limits, in milliseconds; infinity for none. */
export interface ConnectionTimeLimits {
  readonly idleTimeoutMs: number
  readonly firstFrameTimeoutMs: number
  readonly frameTimeoutMs: number
  readonly halfOpenTimeoutMs: number
}

/** What the times see of their connection. */
export interface ConnectionTimesPorts {
  /** Whether this side reads, and somebody wants the frames. */
  isReading(): boolean
  /** Whether bytes of this side wait for the peer to take them. */
  isWriting(): boolean
  /** The peer is late: the connection is to be destroyed. */
  late(error: RivuletError): void
  /** Nothing has happened for long since the peer has closed its half, or what has arrived is unclaimed for as long. */
  halfOpenLate(): void
}

type Lateness = 'idle' | 'first-frame' | 'frame' | 'half-open'

const never = Number.POSITIVE_INFINITY

/** The times of one connection. */
export class ConnectionTimes {
  readonly #limits: ConnectionTimeLimits
  readonly #clock: Clock
  readonly #ports: ConnectionTimesPorts
  readonly #sweep: DeadlineSweep
  /** When the last byte came or left, or this side began to wait for one. */
  #activeAt: number
  /** When the frame began that is awaited or incomplete; `undefined` between frames. */
  #frameSince: number | undefined
  #hasFrame = false
  #endedAt: number | undefined
  /** Since when messages wait that nobody wants, of a connection that has ended in one direction at least. */
  #unclaimedSince: number | undefined

  constructor(limits: ConnectionTimeLimits, clock: Clock, ports: ConnectionTimesPorts) {
    this.#limits = limits
    this.#clock = clock
    this.#ports = ports
    this.#activeAt = clock.now()
    this.#frameSince = this.#activeAt
    this.#sweep = new DeadlineSweep(clock, (now) => this.#check(now))
  }

  /** Begins, or begins again when this side reads again: the time in which it did not is not the peer's. */
  resume(): void {
    this.#activeAt = this.#clock.now()
    if (this.#frameSince !== undefined) this.#frameSince = this.#activeAt
    this.#watch()
  }

  /** Bytes have left. */
  sent(): void {
    this.#activeAt = this.#clock.now()
    if (this.#endedAt !== undefined) this.#endedAt = this.#activeAt
  }

  /** Bytes are about to wait for the peer. */
  sending(): void {
    if (this.#limits.idleTimeoutMs === never) return
    if (!this.#ports.isReading()) this.#activeAt = this.#clock.now()
    this.#watch()
  }

  /** Bytes have arrived; `completed` frames with them, and whether they end within a frame. */
  received(completed: boolean, isWithinFrame: boolean): void {
    this.#activeAt = this.#clock.now()
    if (completed) this.#hasFrame = true
    if (!isWithinFrame) {
      if (this.#hasFrame) this.#frameSince = undefined
    } else if (completed || this.#frameSince === undefined) {
      this.#frameSince = this.#activeAt
      this.#watch()
    }
  }

  /** The peer has closed its half. */
  ended(): void {
    this.#frameSince = undefined
    this.#endedAt = this.#activeAt = this.#clock.now()
    this.#watch()
  }

  /** Whether messages wait that nobody wants, and one half has ended. */
  unclaimed(on: boolean): void {
    if (on === (this.#unclaimedSince !== undefined)) return
    this.#unclaimedSince = on ? this.#clock.now() : undefined
    if (on) this.#watch()
  }

  /** The connection is closed: no more is expected of the peer. */
  stop(): void {
    this.#sweep.stop()
    this.#frameSince = this.#endedAt = this.#unclaimedSince = undefined
  }

  #watch(): void {
    const deadline = this.#next()
    if (deadline < never) this.#sweep.watch(deadline)
  }

  #check(now: number): number {
    for (const [what, deadline] of this.#deadlines()) {
      if (deadline > now) continue
      if (what === 'half-open') this.#ports.halfOpenLate()
      else this.#ports.late(this.#error(what))
      return never
    }
    return this.#next()
  }

  #error(what: Exclude<Lateness, 'half-open'>): RivuletError {
    const { idleTimeoutMs, firstFrameTimeoutMs, frameTimeoutMs } = this.#limits
    const texts = {
      idle: `no byte came or left within ${idleTimeoutMs} ms`,
      'first-frame': `the first frame did not come within ${firstFrameTimeoutMs} ms`,
      frame: `a frame did not end within ${frameTimeoutMs} ms`,
    }
    return new RivuletError('RIVULET_TIMEOUT', `the connection was closed: ${texts[what]}`)
  }

  #next(): number {
    return Math.min(...this.#deadlines().map(([, deadline]) => deadline))
  }

  #deadlines(): readonly (readonly [Lateness, number])[] {
    const { idleTimeoutMs, firstFrameTimeoutMs, frameTimeoutMs, halfOpenTimeoutMs } = this.#limits
    const isReading = this.#ports.isReading()
    const frameMs = this.#hasFrame ? frameTimeoutMs : firstFrameTimeoutMs
    const isAwaited = isReading && this.#frameSince !== undefined
    return [
      [this.#hasFrame ? 'frame' : 'first-frame', isAwaited ? (this.#frameSince as number) + frameMs : never],
      ['half-open', (this.#unclaimedSince ?? this.#endedAt ?? never) + halfOpenTimeoutMs],
      ['idle', isReading || this.#ports.isWriting() ? this.#activeAt + idleTimeoutMs : never],
    ]
  }
}
