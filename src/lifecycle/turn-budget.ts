/**
 * The time that Rivulet takes of one turn of the event loop, before timers and other sockets of the process have theirs.
 *
 * All loops that peers can keep busy share one budget: read loops, deliveries, sources that are sent. Each counts its pieces of
 * work, and waits for the next turn when the budget is spent. Only an immediate tells that a turn has passed: a read that
 * had to wait does not, since a send within the same turn may have completed it.
 */
import { type Clock, systemClock } from '../clock/index.js'

/** What one turn may take, in milliseconds, and pieces of work that it may take in any case. */
const sliceMs = 10
const fewestPieces = 16

/** How long a share of a turn lasts behind the first look at the clock in it, in milliseconds, and its pieces before that look. */
const shareMs = 1
const sharePiecesPerCheck = 4

/** Pieces of work between two looks at the clock, and how long they may take before looks become more frequent. */
const mostPiecesPerCheck = 64
const firstPiecesPerCheck = 16
const checkMs = 1

/** What a budget needs of the event loop. */
export interface EventLoop extends Pick<Clock, 'now'> {
  /** Calls back in the next turn. */
  nextTurn(callback: () => void): void
}

const eventLoop: EventLoop = { now: systemClock.now, nextTurn: (callback) => void setImmediate(callback) }

/** The budget of each turn of an event loop. */
export class TurnBudget {
  readonly #loop: EventLoop
  /** Pieces until the next look; more often while pieces are slow. */
  #untilCheck = firstPiecesPerCheck
  #piecesPerCheck = firstPiecesPerCheck
  #checkedAt = 0
  /** The first look that may belong to this turn; 0 if there was none. */
  #firstCheckAt = 0
  /** Whether the next turn will tell that it has come: then `#sliceEnd` is the end of the budget of this one. */
  #isAwaited = false
  #sliceEnd = 0
  /** Pieces that were counted since the turn is awaited. */
  #pieces = 0
  #isSpent = false
  /** The first look in this share; 0 if there was none. */
  #shareCheckAt = 0
  #isShareSpent = false
  /** Work that continues in the next turn, in order. */
  #waiting: (() => void)[] = []
  /** Read loops that continue then. */
  #reading: (() => void)[] = []
  readonly #begin = () => this.#beginTurn()

  constructor(loop = eventLoop) {
    this.#loop = loop
  }

  /** Whether the budget of this turn is spent. */
  get isSpent(): boolean {
    return this.#isSpent
  }

  /** Pieces of work until the next look at the clock: no use to ask before. */
  get piecesUntilCheck(): number {
    return this.#untilCheck
  }

  /** Counts work that was done; returns whether the budget of this turn is spent. Slow work counts several pieces. */
  spend(pieces = 1): boolean {
    this.#untilCheck -= pieces
    if (this.#untilCheck <= 0) this.#checkClock()
    return this.#isSpent
  }

  /** Begins a share of this turn: for a frame of one peer among many, whose items take long or not. */
  beginShare(): void {
    this.#shareCheckAt = 0
    this.#isShareSpent = false
    if (this.#piecesPerCheck <= sharePiecesPerCheck) return
    // what is slow in it is seen before it has taken long
    this.#pieces += this.#piecesPerCheck - this.#untilCheck
    this.#piecesPerCheck = this.#untilCheck = sharePiecesPerCheck
  }

  /** Counts an item of that frame; returns whether the share is spent, and the rest must wait for the next turn. */
  spendShare(): boolean {
    this.#untilCheck -= 1
    if (this.#untilCheck <= 0) this.#checkClock()
    return this.#isShareSpent
  }

  /** Calls back in the next turn that has a budget left for it; those that wait longer go first. */
  nextTurn(callback: () => void): void {
    this.#waiting.push(callback)
    this.#awaitTurn()
  }

  /** Calls back in the next turn, behind other work: however much that is, half of the budget is left for what is read. */
  nextRead(callback: () => void): void {
    this.#reading.push(callback)
    this.#awaitTurn()
  }

  /** Calls back for each of a list, in order: now as far as the budget goes, and for the rest in the next turns. */
  forEach<T>(list: readonly T[], callback: (one: T) => void, done: () => void = () => {}): void {
    let at = 0
    const callNext = () => {
      while (at < list.length) {
        callback(list[at++] as T)
        if (this.spend() && at < list.length) {
          this.nextTurn(callNext)
          return
        }
      }
      done()
    }
    callNext()
  }

  #checkClock(): void {
    const now = this.#loop.now()
    this.#pieces += this.#piecesPerCheck - this.#untilCheck
    this.#piecesPerCheck =
      now - this.#checkedAt > checkMs
        ? Math.max(1, this.#piecesPerCheck >> 2)
        : Math.min(mostPiecesPerCheck, this.#piecesPerCheck * 2)
    this.#untilCheck = this.#piecesPerCheck
    this.#checkedAt = now
    if (this.#shareCheckAt === 0) this.#shareCheckAt = now
    else if (now - this.#shareCheckAt > shareMs) this.#isShareSpent = true
    if (this.#isAwaited) {
      if (now > this.#sliceEnd && this.#pieces >= fewestPieces) this.#isSpent = true
    } else if (this.#firstCheckAt === 0) {
      this.#firstCheckAt = now
    } else if (now - this.#firstCheckAt > checkMs) {
      // turns may have passed or not: from here on that is known. Lone messages pay for this once in a while at most.
      this.#awaitTurn()
    }
  }

  #awaitTurn(): void {
    if (this.#isAwaited) return
    this.#isAwaited = true
    this.#sliceEnd = this.#loop.now() + sliceMs
    this.#pieces = 0
    this.#loop.nextTurn(this.#begin)
  }

  #beginTurn(): void {
    this.#isAwaited = false
    this.#isSpent = false
    this.#firstCheckAt = 0
    const ready = this.#waiting
    const reading = this.#reading
    if (ready.length + reading.length === 0) return
    this.#waiting = []
    this.#reading = []
    this.#awaitTurn()
    if (reading.length > 0) this.#sliceEnd -= sliceMs / 2
    let begun = 0
    try {
      while (begun < ready.length && !this.#isSpent) ready[begun++]?.()
    } finally {
      if (begun < ready.length) this.#waiting = [...ready.slice(begun), ...this.#waiting]
      if (reading.length > 0) {
        // other work may have taken more than its half
        this.#sliceEnd = Math.max(this.#sliceEnd, this.#loop.now()) + sliceMs / 2
        this.#isSpent = false
        for (const read of reading) read()
      }
    }
  }
}

/** The budget of the turns of this thread. */
export const turnBudget = new TurnBudget()
