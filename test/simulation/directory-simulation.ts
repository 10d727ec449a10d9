/**
 * One run of a directory: hosts and clients, things that happen to them, an end of all trouble, rest.
 *
 * The machines are those of the package, over its calls and links; network, clocks and chance are simulated. In mild runs no
 * trouble lasts as long as a lease, and nothing that lives may vanish from any list; in wild ones anything happens.
 */
import { conflictsOf } from '../../patterns/directory/announced-lists.js'
import { MergedViews } from '../../patterns/directory/merged-views.js'
import { Registry } from '../../patterns/directory/registry.js'
import { frameKind } from '../../src/wire/prelude.js'
import { SimulatedDirectoryHost } from './directory-host.js'
import { DirectoryOracle } from './directory-oracle.js'
import { DirectoryPeer, serviceNames } from './directory-peer.js'
import { type DirectoryMachines, type DirectoryProcess, type DirectoryWorld, times } from './directory-process.js'
import { Network } from './network.js'
import { Random } from './random.js'
import { Scheduler } from './scheduler.js'
import type { SeedOutcome } from './seeds.js'
import { BrokenPromise } from './session-oracle.js'
import { kindOf } from './session-process.js'
import { Trace } from './trace.js'
import { Turns } from './turns.js'

/** The machines of the package. */
export const soundMachines: DirectoryMachines = { Registry, MergedViews, conflictsOf }

/** How a run ended. */
export interface DirectoryRunOutcome extends SeedOutcome {
  readonly isMild: boolean
  readonly lists: number
}

/** How long it takes at most until all see the same when nothing goes wrong any more, in milliseconds. */
const restMs = 4 * times.staleMs

/** Between two troubles of a mild run all are connected for so long, in milliseconds. */
const calmMs = 2000

const views = [...serviceNames.map((name) => `SERVICE ${name}`), 'PEER ']

/** Runs a seed. */
export async function simulateDirectory(
  seed: number,
  options: { readonly log?: (line: string) => void; readonly machines?: Partial<DirectoryMachines> } = {},
): Promise<DirectoryRunOutcome> {
  const { stackTraceLimit } = Error
  if (!options.log) Error.stackTraceLimit = 0
  const run = new DirectoryRun(seed, { ...soundMachines, ...options.machines }, options.log)
  const restoreTurns = run.world.turns.install()
  let violation: string | undefined
  try {
    await run.play()
  } catch (error) {
    const cause = run.world.oracle.broken ?? error
    violation = cause instanceof BrokenPromise ? cause.message : ((cause as Error).stack ?? String(cause))
  } finally {
    restoreTurns()
    Error.stackTraceLimit = stackTraceLimit
  }
  const { scheduler, trace, oracle } = run.world
  return { seed, hash: trace.hash, steps: scheduler.steps, isMild: run.isMild, lists: oracle.lists, violation }
}

class DirectoryRun {
  readonly world: DirectoryWorld
  readonly isMild: boolean
  readonly #hosts: readonly SimulatedDirectoryHost[]
  readonly #clients: readonly DirectoryPeer[]

  constructor(seed: number, machines: DirectoryMachines, log?: (line: string) => void) {
    const random = new Random(seed)
    const scheduler = new Scheduler()
    this.isMild = random.chance(0.6)
    const weather = {
      delayMs: random.pick([0, 1, 20]),
      jitterMs: random.pick([0, 2, 50]),
      flips: 0,
      doubles: 0,
      leftovers: random.pick([0, 0.5]),
      late: 0,
      lateMs: 0,
      halfOpen: this.isMild ? 0 : random.pick([0, 0.3]),
      halfOpenMs: 5000,
    }
    const network = new Network(scheduler, random.fork(), weather, (frame) => kindOf(frame) === frameKind.hello)
    const turns = new Turns(scheduler, random.fork(), random.pick([0, 0, 0.1]))
    const oracle = new DirectoryOracle(scheduler, this.isMild)
    const world = { scheduler, random, network, turns, oracle, machines, trace: new Trace(log) }
    this.world = world
    log?.(`${this.isMild ? 'mild' : 'wild'} ${JSON.stringify(weather)}`)
    this.#hosts = Array.from({ length: random.between(1, 3) }, (_, at) => new SimulatedDirectoryHost(`h${at}`, world))
    this.#clients = Array.from(
      { length: random.between(2, 4) },
      (_, at) => new DirectoryPeer(`c${at}`, world, this.#hosts),
    )
  }

  get #all(): readonly DirectoryProcess[] {
    return [...this.#hosts, ...this.#clients]
  }

  async play(): Promise<void> {
    const { random } = this.world
    for (const process of this.#all) {
      process.boot()
      await this.#pass(random.below(500))
    }
    for (let count = random.between(5, 20); count > 0; count--) {
      await this.#pass(random.below(1500))
      if (random.chance(0.5)) random.pick(this.#clients).act()
      else if (this.isMild) await this.#mildTrouble()
      else this.#wildTrouble()
    }
    await this.#rest()
  }

  async #pass(ms: number): Promise<void> {
    const { turns, oracle } = this.world
    await turns.run(ms, () => {
      if (oracle.broken) throw oracle.broken
    })
  }

  /** Trouble that ends before a lease does, and before there is another. */
  async #mildTrouble(): Promise<void> {
    const { random } = this.world
    const what = random.below(5)
    const ms = random.below(times.leaseMs / 2)
    if (what === 0) this.#apart(ms)
    else if (what === 1) random.pick(this.#all).stall(ms)
    else if (what === 2) for (const connection of [...this.world.network.open]) connection.cut()
    else if (what === 3) this.#restart(random.pick(this.#clients), ms)
    // hosts may be away for long, one or all of them
    else for (const host of random.chance(0.3) ? this.#hosts : [random.pick(this.#hosts)]) this.#restart(host, 4 * ms)
    await this.#pass(ms)
    while (!this.#all.every(({ isAlive }) => isAlive) || !this.#clients.every(({ isConnected }) => isConnected)) {
      await this.#pass(200)
    }
    await this.#pass(calmMs + random.below(random.pick([1, 2 * times.graceMs])))
  }

  #wildTrouble(): void {
    const { random, network } = this.world
    const what = random.below(7)
    const ms = random.below(random.pick([100, times.leaseMs, 2 * times.staleMs]))
    if (what < 2) this.#apart(ms)
    else if (what < 3) random.pick(this.#all).stall(random.below(2 * times.leaseMs))
    else if (what < 4) for (const connection of [...network.open]) connection.cut()
    else if (what < 5) this.#restart(random.pick(this.#clients), ms)
    else for (const host of random.chance(0.3) ? this.#hosts : [random.pick(this.#hosts)]) this.#restart(host, ms)
  }

  /** A client reaches nobody for a while. */
  #apart(ms: number): void {
    const client = this.world.random.pick(this.#clients)
    client.note('is apart', ms)
    this.world.network.setApart(client.name, ms)
    for (const { connection } of client.places) connection?.cut()
  }

  #restart(process: DirectoryProcess, downMs: number): void {
    if (!process.isAlive) return
    process.crash()
    this.world.scheduler.after(downMs, () => process.isAlive || process.boot())
  }

  /** Nothing goes wrong any more. */
  async #rest(): Promise<void> {
    const { oracle, network } = this.world
    network.heal()
    let fault: string | undefined
    for (let waited = 0; waited < restMs; waited += 1000) {
      await this.#pass(1000)
      const isAwake = this.#all.every(({ isAlive, isStalled }) => isAlive && !isStalled)
      fault = isAwake ? this.#fault() : 'somebody is away'
      if (fault === undefined && waited > 2 * times.leaseMs) return
    }
    oracle.fail(`no rest: ${fault}`)
    throw oracle.broken
  }

  #fault(): string | undefined {
    const names = this.#clients.map(({ name }) => name)
    const { oracle } = this.world
    for (const { name, serving } of this.#hosts) {
      const size = serving?.registry.size
      if (size !== oracle.size) return `${name} has ${size} announcements of ${oracle.size}`
    }
    return oracle.fault(names, views)
  }
}
