/**
 * A process of a simulation: an event loop that takes its events in turns, may stall, may crash, and starts again.
 *
 * What runs in it is its subclass's business.
 */
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'
import type { Trace } from './trace.js'

/** What all processes of a simulation share. */
export interface SimulatedWorld {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly trace: Trace
}

/** An event loop on virtual time. */
export abstract class SimulatedProcess {
  readonly name: string
  readonly world: SimulatedWorld
  readonly #tickMs: number
  #events: (() => void)[] = []
  #isTurnPlanned = false
  #stalledUntil = 0
  /** Counts the lives of the process. */
  #life = 0
  #isAlive = false

  constructor(name: string, world: SimulatedWorld, tickMs: number) {
    this.name = name
    this.world = world
    this.#tickMs = tickMs
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Whether its event loop is busy, so that events wait. */
  get isStalled(): boolean {
    return this.#stalledUntil > this.now
  }

  get life(): number {
    return this.#life
  }

  get now(): number {
    return this.world.scheduler.now
  }

  /** Lets something happen in a turn of the event loop. */
  enqueue(event: () => void): void {
    if (!this.#isAlive) return
    this.#events.push(event)
    this.#planTurn(this.world.random.chance(0.3) ? this.world.random.below(4) : 0)
  }

  /** Lets something happen in a later turn, if the process lives until then. */
  enqueueLater(delayMs: number, event: () => void): void {
    const life = this.#life
    this.world.scheduler.after(delayMs, () => {
      if (life === this.#life) this.enqueue(event)
    })
  }

  /** Keeps the event loop busy for a while. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.now + ms)
  }

  protected start(): void {
    this.#isAlive = true
    this.#life += 1
    this.#stalledUntil = 0
    this.#tickLater()
  }

  protected stop(): void {
    this.#isAlive = false
    this.#life += 1
    this.#events = []
  }

  protected abstract tick(): void

  /** A turn begins, of which there is something to do. */
  protected beginTurn(): void {}

  /** The turn is over: what it produced may leave. */
  protected abstract endTurn(): void

  /** A timer that is late fires once. */
  #tickLater(): void {
    this.enqueueLater(this.#tickMs, () => {
      this.tick()
      this.#tickLater()
    })
  }

  #planTurn(delayMs: number): void {
    if (this.#isTurnPlanned) return
    this.#isTurnPlanned = true
    this.world.scheduler.after(delayMs, () => this.#turn())
  }

  #turn(): void {
    this.#isTurnPlanned = false
    const stalledMs = this.#stalledUntil - this.now
    if (stalledMs > 0) {
      this.#planTurn(stalledMs)
      return
    }
    const events = this.#events
    if (events.length === 0) return
    this.#events = []
    const life = this.#life
    this.beginTurn()
    for (const event of events) if (life === this.#life) event()
    if (life === this.#life) this.endTurn()
  }
}
