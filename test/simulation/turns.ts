/**
 * The turns of the processes of a simulation: behind each, its promise jobs run, and what is to be done at its end is done, by
 * the same code as in a process.
 *
 * What would differ from run to run, the time that a turn has taken, is drawn from the seed instead.
 */
import { type TurnBudget, turnBudget } from '../../src/lifecycle/index.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** What has turns. */
export interface TurnOwner {
  /** Does something in a later turn. */
  enqueue(event: () => void): void
}

/** What Node does behind each callback of its event loop: promise jobs and `nextTick`, until there are none. */
const { _tickCallback: runJobs } = process as unknown as { _tickCallback(): void }

/** The turns of one simulation, one after the other. */
export class Turns {
  readonly #scheduler: Scheduler
  readonly #random: Random
  /** How likely a turn is spent behind a piece of work. */
  readonly #ends: number
  #owner: TurnOwner | undefined
  #isSpent = false

  constructor(scheduler: Scheduler, random: Random, ends: number) {
    this.#scheduler = scheduler
    this.#random = random
    this.#ends = ends
  }

  /** A turn begins. */
  begin(owner: TurnOwner): void {
    this.#owner = owner
    this.#isSpent = false
  }

  /** Takes the place of the budget of real turns; returns how to take that back. */
  install(): () => void {
    const spend = () => this.#spend()
    const own: Partial<Record<keyof TurnBudget, PropertyDescriptor>> = {
      isSpent: { get: () => this.#isSpent },
      piecesUntilCheck: { get: () => (this.#ends > 0 ? this.#random.between(1, 4) : 64) },
      spend: { value: spend },
      spendShare: { value: spend },
      beginShare: { value: () => {} },
      nextTurn: { value: (callback: () => void) => this.nextTurn(callback) },
      nextRead: { value: (callback: () => void) => this.nextTurn(callback) },
    }
    for (const [name, property] of Object.entries(own)) {
      Object.defineProperty(turnBudget, name, { ...property, configurable: true })
    }
    return () => {
      for (const name of Object.keys(own)) Reflect.deleteProperty(turnBudget, name)
    }
  }

  /**
   * Runs what is planned within a time; calls back behind each turn, which may throw.
   *
   * To be called outside of promise jobs: within one, others do not run.
   */
  run(durationMs: number, behindTurn: () => void): void {
    const end = this.#scheduler.now + durationMs
    while (this.#scheduler.step(end)) {
      if (this.#owner === undefined) continue
      runJobs()
      this.#owner = undefined
      behindTurn()
    }
    this.#scheduler.skipTo(end)
  }

  /** Runs a callback in a later turn of the same process. */
  nextTurn(callback: () => void): void {
    this.#owner?.enqueue(callback)
  }

  #spend(): boolean {
    if (!this.#isSpent && this.#ends > 0 && this.#random.chance(this.#ends)) this.#isSpent = true
    return this.#isSpent
  }
}
