/**
 * One run of a simulation of machines in processes: the world that is made for its seed, and how it is played to its end.
 *
 * What happens in it, and what holds, is its subclass's. Everything is drawn from the seed, so that a run can be had again exactly.
 */
import { frameKind } from '../../src/wire/prelude.js'
import { type Listener, Network, type Weather } from './network.js'
import { Random } from './random.js'
import { Scheduler } from './scheduler.js'
import type { SeedOutcome } from './seeds.js'
import { BrokenPromise } from './session-oracle.js'
import { kindOf } from './session-process.js'
import type { SimulatedWorld } from './simulated-process.js'
import { Trace } from './trace.js'
import { Turns } from './turns.js'

/** How a seed is run. */
export interface RunOptions {
  /** Takes each line of what happens. */
  readonly log?: ((line: string) => void) | undefined
}

/** What a run is held against. */
export interface RunOracle {
  readonly broken: BrokenPromise | undefined
  /** A promise is broken. */
  fail(what: string): void
}

/** What all parts of a run share. */
export interface RunWorld extends SimulatedWorld {
  readonly network: Network
  readonly turns: Turns
  readonly oracle: RunOracle
  readonly listeners: Map<string, Listener>
}

/** What can be started again. */
interface Restartable {
  readonly isAlive: boolean
  boot(): void
  crash(): void
}

/** A run. */
export abstract class SimulationRun {
  abstract readonly world: RunWorld

  /** Makes the parts of a world that are alike in all simulations, of what was drawn for this one. */
  protected static worldOf(random: Random, weather: Weather, turnEnds: number, { log }: RunOptions) {
    const scheduler = new Scheduler()
    return {
      scheduler,
      random,
      network: new Network(scheduler, random.fork(), weather, (frame) => kindOf(frame) === frameKind.hello),
      turns: new Turns(scheduler, random.fork(), turnEnds),
      trace: new Trace(log),
      listeners: new Map<string, Listener>(),
    }
  }

  /** Plays it; throws, or lets its oracle know, what is broken. */
  abstract play(): void

  /** Lets time pass. */
  protected pass(ms: number): void {
    const { turns, oracle } = this.world
    turns.run(ms, () => {
      if (oracle.broken) throw oracle.broken
    })
  }

  /** Ends a process without a word, and starts it again after a while. */
  protected restart(process: Restartable, downMs: number): void {
    if (!process.isAlive) return
    process.crash()
    this.world.scheduler.after(downMs, () => process.isAlive || process.boot())
  }

  /**
   * Lets time pass until all is at rest, for some looks in a row; it is broken if that is not within a time.
   *
   * @param unrest - Returns what is not at rest.
   */
  protected rest(
    { mostMs, stepMs, looks }: { readonly mostMs: number; readonly stepMs: number; readonly looks: number },
    unrest: () => string | undefined,
  ): void {
    let problem: string | undefined
    for (let waited = 0, quiet = 0; waited < mostMs; waited += stepMs) {
      this.pass(stepMs)
      problem = unrest()
      quiet = problem === undefined ? quiet + 1 : 0
      if (quiet === looks) return
    }
    this.world.oracle.fail(`no rest: ${problem}`)
    throw this.world.oracle.broken
  }
}

/** Plays a run outside of promise jobs, as its turns need it; resolves to it and to the promise that was broken, if one was. */
export function playRun<Run extends SimulationRun>(
  seed: number,
  make: (random: Random) => Run,
  { log }: RunOptions,
): Promise<{ readonly run: Run; readonly outcome: SeedOutcome }> {
  return new Promise((resolve) =>
    setImmediate(() => {
      const { stackTraceLimit } = Error
      // a full outbox is an error each time; a run that is looked at has the traces
      if (!log) Error.stackTraceLimit = 0
      const run = make(new Random(seed))
      const restoreTurns = run.world.turns.install()
      let violation: string | undefined
      try {
        run.play()
        if (run.world.oracle.broken) throw run.world.oracle.broken
      } catch (error) {
        const cause = run.world.oracle.broken ?? error
        violation = cause instanceof BrokenPromise ? cause.message : ((cause as Error).stack ?? String(cause))
      } finally {
        restoreTurns()
        Error.stackTraceLimit = stackTraceLimit
      }
      const { scheduler, trace } = run.world
      resolve({ run, outcome: { seed, hash: trace.hash, steps: scheduler.steps, violation } })
    }),
  )
}
