/**
 * Which share of the time replays take while messages leave: what they work is measured, and then other work has its time.
 *
 * A machine over a clock and the end of a turn. It deals nothing out: that is in `replay-turns.ts`.
 */
import type { Clock } from '../../src/clock/index.js'
import { atEndOfTurn } from '../../src/lifecycle/index.js'

/** What a pace needs. */
export interface ReplayPacePorts {
  readonly clock: Pick<Clock, 'now'>
  /** A number that changes when a message is sent. Left out where there are none but those of replays. */
  readonly sent?: (() => number) | undefined
}

/** How much longer other work has its time than replays, while messages are sent. */
const restPerWork = 3

/**
 * Turns that other work has at least: one in which the system runs other threads takes long, and does little.
 *
 * Without this, replays take more than half where threads compete for processors.
 */
const fewestTurns = 4

/** Alternates replays and other work. */
export class ReplayPace {
  readonly #ports: ReplayPacePorts
  /** When replays have begun to work, if they do. */
  #workingSince: number | undefined
  /** What other work is still due, in milliseconds. */
  #due = 0
  /** What one turn counts as at most, in milliseconds. */
  #mostOfTurn = 0
  /** When that was last looked at, and what had been sent then; `undefined` before the first look. */
  #lookedAt = 0
  #sent: number | undefined

  constructor(ports: ReplayPacePorts) {
    this.#ports = ports
  }

  /** Whether replays may work now. */
  get isOpen(): boolean {
    return this.#workingSince !== undefined || this.#due <= 0
  }

  /** To be called once in each turn in which a replay waits: time has passed. Returns whether replays may work now. */
  look(): boolean {
    if (this.isOpen) return true
    const now = this.#ports.clock.now()
    this.#due -= Math.min(now - this.#lookedAt, this.#mostOfTurn)
    this.#lookedAt = now
    const sent = this.#ports.sent?.()
    // a turn without a message has time for replays
    if (sent === this.#sent) this.#due = 0
    this.#sent = sent
    return this.#due <= 0
  }

  /** Replays work from now on, until what they do in this turn has left. */
  work(): void {
    if (this.#workingSince !== undefined || this.#ports.sent === undefined) return
    this.#workingSince = this.#ports.clock.now()
    // they take at the end of the turn, what they take leaves at the end of that, and this is asked for before both
    atEndOfTurn(() => atEndOfTurn(() => atEndOfTurn(() => this.#rest())))
  }

  #rest(): void {
    const now = this.#ports.clock.now()
    this.#due = restPerWork * (now - (this.#workingSince as number))
    this.#mostOfTurn = this.#due / fewestTurns
    this.#workingSince = undefined
    this.#lookedAt = now
    // the rest of this turn tells nothing
    this.#sent = undefined
  }
}
