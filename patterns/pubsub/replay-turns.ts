/**
 * How much the replays of one publisher or hub take: so many bytes in a turn of the event loop, a share of the time, and so many
 * replays at a time, fair between links.
 *
 * Pure but for a clock and the next turn. Short replays, which repair a gap, have places of their own and go first, so that they
 * do not wait behind those of late subscribers. It reads no log.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import { ReplayPace, type ReplayPacePorts } from './replay-pace.js'

/** What turns need. */
export interface ReplayTurnsPorts extends ReplayPacePorts {
  readonly clock: Clock
  /** Calls back in the next turn of the event loop. */
  nextTurn(callback: () => void): void
}

/** The bounds of replays. */
export interface ReplayBounds {
  /** What all replays take in one turn together, in bytes; the last part may exceed it. */
  readonly turnBytes: number
  /** What one replay takes before others have their turn, in bytes. */
  readonly partBytes: number
  /** Long replays at a time; as many short ones have places beside them. */
  readonly most: number
  /** Of these, those of one link. */
  readonly mostOfLink: number
  /** How long a replay may keep its place without taking anything while others wait, in milliseconds. */
  readonly idleMs: number
}

/** Of so many parts in a row, one is of a long replay, if one waits. */
const shortParts = 3

/** One replay. */
export interface ReplayTurn {
  /** How many bytes it may take now; with 0, it is called when it may take some. */
  ask(): number
  /** It has taken so many bytes. */
  took(bytes: number): void
  /** It takes no more. */
  leave(): void
}

/** The replays of one kind, which share places. */
interface Lane {
  /** With a place: when each last took something. */
  readonly placed: Set<Turn>
  /** Without a place, in order. */
  readonly waiting: Set<Turn>
  /** With a place, and waiting for bytes, in order. */
  readonly asking: Set<Turn>
}

interface Turn {
  readonly link: string
  readonly lane: Lane
  readonly ready: () => void
  /** Whether it may take a part, which a turn has paid for. */
  isGranted: boolean
  /** When it last took something, or got its place. */
  activeAt: number
}

/** Deals turns out. */
export class ReplayTurns {
  readonly #ports: ReplayTurnsPorts
  readonly #bounds: ReplayBounds
  readonly #pace: ReplayPace
  readonly #long = newLane()
  readonly #short = newLane()
  /** What this turn has left, in bytes. */
  #left: number
  #isTurnAwaited = false
  #shortInRow = 0
  #timer: Timer | undefined
  readonly #begin = () => this.#beginTurn()

  constructor(ports: ReplayTurnsPorts, bounds: ReplayBounds) {
    this.#ports = ports
    this.#bounds = bounds
    this.#pace = new ReplayPace(ports)
    this.#left = bounds.turnBytes
  }

  /** Replays with a place. */
  get placed(): number {
    return this.#long.placed.size + this.#short.placed.size
  }

  /** Replays without one. */
  get waiting(): number {
    return this.#long.waiting.size + this.#short.waiting.size
  }

  /**
   * Adds a replay.
   *
   * @param link - Whose it is.
   * @param ready - Called when it may take some more, after `ask` has returned 0.
   */
  add(link: string, isShort: boolean, ready: () => void): ReplayTurn {
    const lane = isShort ? this.#short : this.#long
    const turn: Turn = { link, lane, ready, isGranted: false, activeAt: 0 }
    return {
      ask: () => this.#ask(turn),
      took: (bytes) => this.#took(turn, bytes),
      leave: () => this.#leave(turn),
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #ask(turn: Turn): number {
    const { lane } = turn
    if (turn.isGranted) return this.#bounds.partBytes
    if (!lane.placed.has(turn)) {
      if (lane.waiting.has(turn)) return 0
      if (lane.waiting.size > 0 || !this.#mayBePlaced(turn)) {
        lane.waiting.add(turn)
        this.#place(lane)
        // it may have its place now, and is called then
        return 0
      }
      this.#seat(turn)
    }
    if (this.#pace.isOpen && this.#left > 0 && this.#short.asking.size + this.#long.asking.size === 0) {
      this.#grant(turn)
      return this.#bounds.partBytes
    }
    lane.asking.add(turn)
    this.#awaitTurn()
    return 0
  }

  #took(turn: Turn, bytes: number): void {
    turn.isGranted = false
    turn.activeAt = this.#ports.clock.now()
    this.#left += this.#bounds.partBytes - bytes
    this.#awaitTurn()
  }

  #leave(turn: Turn): void {
    const { lane } = turn
    turn.isGranted = false
    lane.waiting.delete(turn)
    lane.asking.delete(turn)
    if (lane.placed.delete(turn)) this.#place(lane)
  }

  #mayBePlaced({ lane, link }: Turn): boolean {
    const { most, mostOfLink } = this.#bounds
    if (lane.placed.size >= most) return false
    let ofLink = 0
    for (const other of lane.placed) if (other.link === link) ofLink += 1
    return ofLink < mostOfLink
  }

  #seat(turn: Turn): void {
    turn.activeAt = this.#ports.clock.now()
    turn.lane.placed.add(turn)
  }

  /** Gives places that are free, or that idle replays have, to those that wait. */
  #place(lane: Lane): void {
    if (lane.waiting.size === 0) return
    const idleSince = this.#ports.clock.now() - this.#bounds.idleMs
    for (const turn of lane.waiting) {
      if (!this.#mayBePlaced(turn) && !this.#unseatIdle(turn, idleSince)) {
        if (lane.placed.size >= this.#bounds.most) break
        continue
      }
      lane.waiting.delete(turn)
      this.#seat(turn)
      lane.asking.add(turn)
      this.#awaitTurn()
    }
    if (lane.waiting.size > 0) this.#lookLater()
  }

  /** Takes the place of a replay whose link takes nothing: it waits again when it asks. Returns whether that makes room. */
  #unseatIdle(turn: Turn, idleSince: number): boolean {
    const { lane } = turn
    for (const other of lane.placed) {
      if (other.activeAt > idleSince || lane.asking.has(other)) continue
      lane.placed.delete(other)
      other.isGranted = false
      if (this.#mayBePlaced(turn)) return true
    }
    return false
  }

  #lookLater(): void {
    this.#timer ??= this.#ports.clock.setTimer(() => {
      this.#timer = undefined
      this.#place(this.#short)
      this.#place(this.#long)
    }, this.#bounds.idleMs)
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return
    this.#isTurnAwaited = true
    this.#ports.nextTurn(this.#begin)
  }

  #beginTurn(): void {
    this.#isTurnAwaited = false
    this.#left = this.#bounds.turnBytes
    if (!this.#pace.look()) {
      this.#awaitTurn()
      return
    }
    // a link that has no room now takes its part in a later turn
    while (this.#left > 0) {
      const turn = this.#next()
      if (turn === undefined) return
      this.#grant(turn)
      turn.ready()
    }
    if (this.#short.asking.size + this.#long.asking.size > 0) this.#awaitTurn()
  }

  /** It may take a part, which this turn pays for. */
  #grant(turn: Turn): void {
    this.#pace.work()
    turn.isGranted = true
    this.#left -= this.#bounds.partBytes
  }

  #next(): Turn | undefined {
    const isLongDue = this.#shortInRow >= shortParts && this.#long.asking.size > 0
    const lane = this.#short.asking.size > 0 && !isLongDue ? this.#short : this.#long
    this.#shortInRow = lane === this.#short ? this.#shortInRow + 1 : 0
    const [turn] = lane.asking
    if (turn !== undefined) lane.asking.delete(turn)
    return turn
  }
}

function newLane(): Lane {
  return { placed: new Set(), waiting: new Set(), asking: new Set() }
}
