/**
 * One run of a directory: hosts and clients, things that happen to them, an end of all trouble, rest.
 *
 * The machines are those of the package, over its calls and links; network, clocks and chance are simulated. In mild runs no
 * trouble lasts as long as a lease, and nothing that lives may vanish from any list; in wild ones anything happens.
 */
import { conflictsOf } from '../../patterns/directory/announced-lists.js'
import { MergedViews } from '../../patterns/directory/merged-views.js'
import { Registry } from '../../patterns/directory/registry.js'
import { SimulatedDirectoryHost } from './directory-host.js'
import { DirectoryOracle } from './directory-oracle.js'
import { DirectoryPeer, serviceNames } from './directory-peer.js'
import { type DirectoryMachines, type DirectoryWorld, linkOptions, times } from './directory-world.js'
import { wayOf } from './link-ends.js'
import type { Random } from './random.js'
import type { SeedOutcome } from './seeds.js'
import { playRun, type RunOptions, SimulationRun } from './simulation-run.js'
import type { TurnProcess } from './turn-process.js'

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

/** How a run may differ from the plain one of its seed. */
export interface DirectoryRunOptions extends RunOptions {
  readonly machines?: Partial<DirectoryMachines>
}

/** Runs a seed. */
export async function simulateDirectory(seed: number, options: DirectoryRunOptions = {}): Promise<DirectoryRunOutcome> {
  const { run, outcome } = await playRun(seed, (random) => new DirectoryRun(random, options), options)
  return { ...outcome, isMild: run.isMild, lists: run.world.oracle.lists }
}

class DirectoryRun extends SimulationRun {
  readonly world: DirectoryWorld
  readonly isMild: boolean
  readonly #hosts: readonly SimulatedDirectoryHost[]
  readonly #clients: readonly DirectoryPeer[]

  constructor(random: Random, options: DirectoryRunOptions) {
    super()
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
    options.log?.(`${this.isMild ? 'mild' : 'wild'} ${JSON.stringify(weather)}`)
    const machines = { ...soundMachines, ...options.machines }
    const world = SimulationRun.worldOf(random, weather, random.pick([0, 0, 0.1]), options)
    this.world = { ...world, machines, oracle: new DirectoryOracle(world.scheduler, this.isMild) }
    const makeRegistry = (...parameters: ConstructorParameters<typeof Registry>) => new machines.Registry(...parameters)
    const settings = { ...times, links: linkOptions, makeRegistry }
    this.#hosts = Array.from(
      { length: random.between(1, 3) },
      (_, at) => new SimulatedDirectoryHost(`h${at}`, this.world, settings),
    )
    const addresses = this.#hosts.map(({ address }) => address)
    this.#clients = Array.from(
      { length: random.between(2, 4) },
      (_, at) => new DirectoryPeer(`c${at}`, this.world, addresses),
    )
  }

  get #all(): readonly TurnProcess[] {
    return [...this.#hosts, ...this.#clients]
  }

  override play(): void {
    const { random } = this.world
    for (const process of this.#all) {
      process.boot()
      this.pass(random.below(500))
    }
    for (let count = random.between(5, 20); count > 0; count--) {
      this.pass(random.below(1500))
      if (random.chance(0.5)) random.pick(this.#clients).act()
      else if (this.isMild) this.#mildTrouble()
      else this.#wildTrouble()
    }
    this.#rest()
  }

  /** Trouble that ends before a lease does, and before there is another. */
  #mildTrouble(): void {
    const { random } = this.world
    const what = random.below(5)
    const ms = random.below(times.leaseMs / 2)
    if (what === 0) this.#apart(ms)
    else if (what === 1) random.pick(this.#all).stall(ms)
    else if (what === 2) for (const connection of [...this.world.network.open]) connection.cut()
    else if (what === 3) this.restart(random.pick(this.#clients), ms)
    // hosts may be away for long, one or all of them
    else for (const host of random.chance(0.3) ? this.#hosts : [random.pick(this.#hosts)]) this.restart(host, 4 * ms)
    this.pass(ms)
    while (!this.#all.every(({ isAlive }) => isAlive) || !this.#clients.every(({ isConnected }) => isConnected)) {
      this.pass(200)
    }
    this.pass(calmMs + random.below(random.pick([1, 2 * times.graceMs])))
  }

  #wildTrouble(): void {
    const { random, network } = this.world
    const what = random.below(7)
    const ms = random.below(random.pick([100, times.leaseMs, 2 * times.staleMs]))
    if (what < 2) this.#apart(ms)
    else if (what < 3) random.pick(this.#all).stall(random.below(2 * times.leaseMs))
    else if (what < 4) for (const connection of [...network.open]) connection.cut()
    else if (what < 5) this.restart(random.pick(this.#clients), ms)
    else for (const host of random.chance(0.3) ? this.#hosts : [random.pick(this.#hosts)]) this.restart(host, ms)
  }

  /** A client reaches nobody for a while. */
  #apart(ms: number): void {
    const client = this.world.random.pick(this.#clients)
    client.note('is apart', ms)
    for (const host of this.#hosts) this.world.network.setApart(wayOf(client, host), ms)
    client.cut()
  }

  /** Nothing goes wrong any more. */
  #rest(): void {
    const { scheduler, network } = this.world
    network.heal()
    const earliest = scheduler.now + 2 * times.leaseMs + 1000
    this.rest({ mostMs: restMs, stepMs: 1000, looks: 1 }, () => {
      if (!this.#all.every(({ isAlive, isStalled }) => isAlive && !isStalled)) return 'somebody is away'
      return this.#fault() ?? (scheduler.now > earliest ? undefined : 'it is too early to know')
    })
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
