/**
 * A host of the queue in simulated trouble: an engine whose writes take time, and that crashes with writes under way.
 *
 * What its peers ask for reaches it over connections that take time and are cut; what it answers comes back the same way.
 */
import { LocalEngine } from '../../src/engine/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { HeldStore } from '../engine/held-store.js'
import type { QueueOracle } from './queue-oracle.js'
import type { QueuePlan } from './queue-plan.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'
import type { Trace } from './trace.js'

/** The world that all parts of a run share. */
export interface QueueWorld {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly trace: Trace
  readonly oracle: QueueOracle
  readonly plan: QueuePlan
}

/** The name of the queue. */
export const queueName = 'jobs'

/** Time of day when a run begins, in milliseconds since 1970. */
const wallStart = 1_700_000_000_000

/** The host. */
export class QueueHost {
  engine: LocalEngine | undefined
  store = new HeldStore()
  /** How often it was opened. */
  generation = 0
  /** Whether nothing goes wrong any more: writes are quick. */
  isCalm = false
  /** What the wall clock was set by so far, in milliseconds, and what of that was there at the last opening. */
  #setMs = 0
  #setBeforeMs = 0
  /** Whoever wants to know that it is up. */
  readonly peers: { connect(): void; cut(): void }[] = []
  readonly #world: QueueWorld

  constructor(world: QueueWorld) {
    this.#world = world
  }

  open(): void {
    const { scheduler, plan, trace, random } = this.#world
    const generation = ++this.generation
    const { store } = this
    this.#world.oracle.skipped(Math.max(0, this.#setMs - this.#setBeforeMs))
    this.#setBeforeMs = this.#setMs
    const isAlive = () => this.generation === generation && this.engine !== undefined
    trace.note(scheduler.now, 'host', 'opens', generation, store.bytes)
    store.onWrite = (changes) => {
      trace.note(scheduler.now, 'host', 'writes', changes.length)
      const flushMs = this.isCalm ? 0 : random.below(plan.flushMs + 1)
      scheduler.after(flushMs, () => isAlive() && store.settle())
    }
    this.engine = new LocalEngine({
      clock: {
        now: () => scheduler.now,
        wallNow: () => wallStart + this.#setMs + scheduler.now,
        setTimer(callback, delayMs) {
          let isSet = true
          scheduler.after(delayMs, () => isSet && isAlive() && callback())
          return {
            cancel: () => {
              isSet = false
            },
          }
        },
      },
      store,
      random: (bytes) => random.bytes(bytes),
      report: (error) => this.#reported(error),
      flushLater: (callback) => scheduler.after(0, () => isAlive() && callback()),
      nextTurn: (callback) => scheduler.after(0, () => isAlive() && callback()),
    })
    this.engine.declare(queueName, plan.settings)
    for (const peer of this.peers) scheduler.after(random.below(plan.delayMs + 1), () => isAlive() && peer.connect())
  }

  /** Somebody moves dead letters back. */
  redrive(): void {
    const { scheduler, random, trace, oracle } = this.#world
    const limit = random.pick([1, 3, Number.MAX_SAFE_INTEGER])
    trace.note(scheduler.now, 'host', 'redrives', limit)
    if (this.engine) oracle.redriven()
    this.engine?.redrive(queueName, limit, () => {})
  }

  /** Somebody sets the wall clock. */
  setClock(byMs: number): void {
    const { scheduler, trace } = this.#world
    trace.note(scheduler.now, 'host', 'has its clock set', byMs)
    this.#setMs += byMs
  }

  /** Loses everything but what is safe, and some of what is under way. */
  crash(downMs: number): void {
    if (!this.engine) return
    const { scheduler, random, trace } = this.#world
    const kept = random.below(this.store.held + 1)
    trace.note(scheduler.now, 'host', 'crashes', kept)
    this.#world.oracle.crashed()
    this.engine = undefined
    this.store = this.store.crashed(kept)
    for (const peer of this.peers) peer.cut()
    scheduler.after(downMs, () => !this.engine && this.open())
  }

  #reported(error: RivuletError): void {
    const isExpected = error.code === 'RIVULET_STORE_FULL' || error.code === 'RIVULET_INCOMPATIBLE_SCHEMA'
    if (!isExpected) this.#world.oracle.fail(`the engine reports ${error.message}`)
  }
}

/**
 * One way over a connection after another: what is sent arrives in order, or not at all once it is cut.
 *
 * A link may resume on another connection: what is sent while it is paused arrives when it goes on.
 */
export class Connection {
  readonly host: QueueHost
  isOpen = true
  readonly #world: QueueWorld
  readonly #delayMs: number
  #isPaused = false
  #held: (() => void)[] = []

  constructor(world: QueueWorld, host: QueueHost) {
    this.#world = world
    this.host = host
    this.#delayMs = world.random.below(world.plan.delayMs + 1)
  }

  /** Does something at the other end, if it arrives. */
  send(action: () => void): void {
    this.#world.scheduler.after(this.#delayMs, () => {
      if (this.#isPaused) this.#held.push(action)
      else if (this.isOpen && this.host.engine) action()
    })
  }

  /** Lets nothing arrive for now. */
  pause(): void {
    this.#isPaused = true
  }

  /** Lets all arrive that has waited. */
  goOn(): void {
    this.#isPaused = false
    for (const action of this.#held.splice(0)) if (this.isOpen && this.host.engine) action()
  }
}
