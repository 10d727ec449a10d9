/**
 * The turns of the processes of a simulation, each a turn of the real event loop: its promise jobs run, and what is to be
 * done at its end is done, by the same code as in a process.
 *
 * What would differ from run to run, the time that a turn has taken, is drawn from the seed instead.
 */
import { turnBudget } from '../../src/lifecycle/index.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** What has turns. */
export interface TurnOwner {
  /** Does something in a later turn. */
  enqueue(event: () => void): void
}

/** The turns of one simulation, one after the other. */
export class Turns {
  readonly #scheduler: Scheduler
  readonly #random: Random
  /** How likely a turn is spent behind a piece of work. */
  readonly #ends: number
  #owner: TurnOwner | undefined
  #isUnderWay = false
  #isSpent = false

  constructor(scheduler: Scheduler, random: Random, ends: number) {
    this.#scheduler = scheduler
    this.#random = random
    this.#ends = ends
  }

  /** A turn begins, or another event of the one that has begun. */
  begin(owner: TurnOwner): void {
    if (this.#isUnderWay) return
    this.#owner = owner
    this.#isUnderWay = true
    this.#isSpent = false
  }

  /** Takes the place of the budget of real turns; returns how to take that back. */
  install(): () => void {
    const spend = () => this.#spend()
    const own = {
      isSpent: { get: () => this.#isSpent },
      piecesToLook: { get: () => (this.#ends > 0 ? this.#random.between(1, 4) : 64) },
      spend: { value: spend },
      exceed: { value: spend },
      nextTurn: { value: (callback: () => void) => this.#owner?.enqueue(callback) },
    }
    for (const [name, property] of Object.entries(own)) {
      Object.defineProperty(turnBudget, name, { ...property, configurable: true })
    }
    return () => {
      for (const name of Object.keys(own)) Reflect.deleteProperty(turnBudget, name)
    }
  }

  /** Runs what is planned within a time; calls back behind each turn, which may throw. */
  async run(durationMs: number, behindTurn: () => void): Promise<void> {
    const end = this.#scheduler.now + durationMs
    while (this.#scheduler.step(end)) {
      if (!this.#isUnderWay) continue
      await new Promise<void>((resolve) => setImmediate(resolve))
      this.#isUnderWay = false
      behindTurn()
    }
    this.#scheduler.skipTo(end)
  }

  #spend(): boolean {
    if (!this.#isSpent && this.#ends > 0 && this.#random.chance(this.#ends)) this.#isSpent = true
    return this.#isSpent
  }
}
