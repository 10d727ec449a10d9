/**
 * One run of named peers: processes with peers that send to each other, things that happen to them, an end of all trouble, rest.
 *
 * Nodes, peers, calls and sessions are those of the package; sockets, clocks, chance and directories are simulated. Everything is
 * drawn from the seed, so that a run can be had again exactly.
 */
import { SimulatedDirectoryHost } from './directory-host.js'
import { Keyring } from './keyring.js'
import { wayOf } from './link-ends.js'
import { LyingNode } from './lying-node.js'
import { MessagingOracle } from './messaging-oracle.js'
import { type MessagingPlan, messagingPlanOf } from './messaging-plan.js'
import { MessagingProcess, type MessagingWorld } from './messaging-process.js'
import type { Random } from './random.js'
import type { SeedOutcome } from './seeds.js'
import { playRun, type RunOptions, SimulationRun } from './simulation-run.js'

/** How a run ended. */
export interface MessagingOutcome extends SeedOutcome {
  readonly delivered: number
}

/** How long it takes at most until all is done when nothing goes wrong any more, and how often that is looked at, in milliseconds. */
const restMs = 300_000
const lookMs = 250

/** Looks in a row that find all at rest: together longer than a peer without a link is present, and a name is asked for. */
const quietLooks = 12

/** Runs a seed. */
export async function simulateMessaging(seed: number, options: RunOptions = {}): Promise<MessagingOutcome> {
  const { run, outcome } = await playRun(seed, (random) => new MessagingRun(seed, random, options), options)
  return { ...outcome, delivered: run.world.oracle.delivered }
}

/** The least and the longest wait before a connection to a host is tried again, in milliseconds. */
const hostWaitMs = [1, 100] as const

class MessagingRun extends SimulationRun {
  readonly world: MessagingWorld
  readonly #hosts: readonly SimulatedDirectoryHost[]
  readonly #processes: MessagingProcess[]
  readonly #liars: readonly LyingNode[]
  /** Whether each process knows all hosts: before, they may disagree. */
  #isUnited = false

  constructor(seed: number, random: Random, options: RunOptions) {
    super()
    const plan = messagingPlanOf(random, seed)
    options.log?.(JSON.stringify(plan))
    const world = SimulationRun.worldOf(random, plan.weather, plan.turnEnds, options)
    this.world = {
      ...world,
      plan,
      oracle: new MessagingOracle(),
      addressesFor: (process) => this.#addressesFor(process),
      keyring: plan.isSecured ? new Keyring(namesOf(plan)) : undefined,
      hostsFor: () => this.#hostsFor(),
    }
    const settings = { links: { link: plan.link, waitMs: hostWaitMs }, ...plan.directory }
    this.#hosts = Array.from(
      { length: plan.hosts },
      (_, at) => new SimulatedDirectoryHost(`h${at}`, this.world, settings),
    )
    this.#processes = Array.from({ length: plan.processes }, (_, at) => new MessagingProcess(at, this.world))
    this.#liars = Array.from({ length: plan.liars }, (_, at) => new LyingNode(`l${at}`, this.world, this.#processes))
  }

  override play(): void {
    const { random, plan } = this.world
    for (const one of [...this.#hosts, ...this.#liars]) one.boot()
    for (const process of this.#processes) {
      process.boot()
      if (random.chance(0.5)) this.pass(random.below(2000))
    }
    for (let count = 0; count < plan.events; count++) {
      this.pass(random.below(plan.pauseMs + 1))
      if (random.below(100) < plan.trouble) this.#trouble()
      else if (this.#liars.length > 0 && random.chance(0.3)) random.pick(this.#liars).act()
      else this.#act()
    }
    this.#heal()
    this.rest({ mostMs: restMs, stepMs: lookMs, looks: quietLooks }, () => this.#unrest())
    this.world.oracle.checkEnd()
  }

  #addressesFor(process: MessagingProcess): readonly string[] {
    const at = this.#processes.indexOf(process)
    const { topology } = this.world.plan
    if (topology === 'directory') return []
    const others =
      topology === 'chain' ? this.#processes.slice(0, at) : this.#processes.filter((one) => one !== process)
    return others.map(({ address }) => address)
  }

  /** Some of the hosts, one at least; in the end all of them. */
  #hostsFor(): readonly string[] {
    const { random } = this.world
    const first = this.#hosts.length > 0 ? random.pick(this.#hosts) : undefined
    const known = this.#hosts.filter((host) => this.#isUnited || host === first || random.chance(0.5))
    return known.map(({ address }) => address)
  }

  /** A peer does something. */
  #act(): void {
    const { random, plan } = this.world
    const process = random.pick(this.#processes)
    const what = random.below(10)
    const to = `peer${random.below(plan.names)}`
    process.enqueue(() => {
      const peers = [...process.peers].filter(({ isOpen }) => isOpen)
      const peer = random.pick(peers)
      if (what < 1) process.add()
      else if (peer === undefined) return
      else if (what < 6) peer.send(to)
      else if (what < 7) peer.ask(to)
      else if (what < 8) peer.look()
      else if (random.chance(0.3)) peer.answer()
      else if (random.chance(0.5)) peer.read()
      else if (random.chance(plan.habits.idle)) peer.rest()
    })
  }

  #trouble(): void {
    const { scheduler, random, plan, trace, network } = this.world
    const { open } = network
    const process = random.pick(this.#processes)
    const what = random.below(13)
    const ms = random.below(random.pick([20, 1000, 2 * plan.link.retentionMs]) + 1)
    trace.note(scheduler.now, 'world', 'trouble', what, ms)
    if (what < 3) {
      if (open.length > 0) random.pick(open).cut()
    } else if (what < 4) {
      if (open.length > 0) random.pick(open).hold(ms)
    } else if (what < 6) this.#part(process, random.pick(this.#processes), ms)
    else if (what < 8) process.stall(ms)
    else if (what < 9) this.restart(process, ms)
    else if (what < 10) process.enqueue(() => void process.close(ms))
    else if (what < 11) {
      process.enqueue(() => {
        const peer = random.pick([...process.peers])
        if (peer !== undefined) void process.remove(peer, ms)
      })
    } else if (what < 12) {
      if (this.#hosts.length > 0) this.restart(random.pick(this.#hosts), ms)
    } else for (const connection of open) connection.cut()
  }

  /** Two processes cannot reach each other for a while. */
  #part(one: MessagingProcess, other: MessagingProcess, ms: number): void {
    const { network } = this.world
    const ways = [wayOf(one, other), wayOf(other, one)]
    for (const way of ways) network.setApart(way, ms)
    for (const connection of network.open) if (ways.includes(connection.name.split('#')[0] as string)) connection.cut()
  }

  /** Nothing goes wrong any more. */
  #heal(): void {
    this.world.network.heal()
    this.#isUnited = true
    for (const process of this.#processes) process.meetHosts(this.#hostsFor())
  }

  /** Returns what is not at rest. */
  #unrest(): string | undefined {
    const { plan } = this.world
    const all = this.#processes
    // whoever consumes late, or has begun late, consumes now
    for (const process of all) {
      for (const peer of process.peers) if (!peer.isReading) process.enqueue(() => peer.read())
    }
    if (!this.#hosts.every(({ isAlive }) => isAlive)) return 'a host is away'
    if (!all.every((process) => process.isAlive && process.isOpen && !process.isStalled)) return 'a process is not open'
    for (const { peers } of all) {
      for (const { isReading, local } of peers)
        if (!isReading || local.mailbox.stats().pending > 0) return 'messages wait to be handed out'
    }
    const problem = this.#linkProblem()
    if (problem !== undefined) return problem
    for (let at = 0; at < plan.names; at++) {
      const problem = this.#nameProblem(`peer${at}`)
      if (problem !== undefined) return problem
    }
    return this.#openProblem()
  }

  #linkProblem(): string | undefined {
    for (const one of this.#processes) {
      for (const other of this.#processes) {
        if (one === other) continue
        const links = one.linksTo(other)
        // a directory lists the holders of names: processes without any may not find each other
        const fewest = this.#hosts.length === 0 || one.holdsName || other.holdsName ? 1 : 0
        if (links > 1 || links < fewest) return `${one.name} has ${links} links to ${other.name}`
      }
    }
    return undefined
  }

  /** Whether all see the same as the holder of a name, which is there if one wants it. */
  #nameProblem(name: string): string | undefined {
    const all = this.#processes
    const views = all.map(({ node }) => node?.roster.find(name)?.ref.incarnation)
    const [view] = views
    if (views.some((one) => one !== view)) return `the processes see ${views.join(', ')} as ${name}`
    let isThere = view === undefined
    for (const { peers } of all) {
      for (const { ref } of peers) {
        if (view === undefined && ref.name === name) return `nobody is ${name}`
        isThere ||= ref.incarnation === view
        const seen = this.world.oracle.seenBy(ref).get(name)
        if (seen !== view && view !== ref.incarnation) return `${ref.name} sees ${seen} as ${name}, not ${view}`
      }
    }
    return isThere ? undefined : `${name} is seen and not there`
  }

  /** Whether what has no outcome may have none: it waits for a peer that nobody is, or in a peer that has lost its name. */
  #openProblem(): string | undefined {
    const { oracle, plan } = this.world
    for (const { about, from, to, isAsk } of oracle.open) {
      if (plan.habits.waitsForAll) return `${about} has no outcome`
      const process = this.#processes.find(({ peers }) => [...peers].some(({ ref }) => ref.incarnation === from))
      const peers = process?.node?.roster.peers ?? []
      const sender = peers.find(({ ref }) => ref.incarnation === from)
      const receiver = process?.node?.roster.find(to)
      if (sender === undefined || receiver === undefined) continue
      if (isAsk && receiver.answers.size === 0) continue
      return `${about} has no outcome, although ${to} is there`
    }
    return undefined
  }
}

/** The names of all processes. */
function namesOf({ processes, hosts, liars }: MessagingPlan): readonly string[] {
  const named = (letter: string, count: number) => Array.from({ length: count }, (_, at) => `${letter}${at}`)
  return [...named('m', processes), ...named('h', hosts), ...named('l', liars)]
}
