/**
 * One run of named peers: processes with peers that send to each other, things that happen to them, an end of all trouble, rest.
 *
 * Nodes, peers, calls and sessions are those of the package; sockets, clocks, chance and directories are simulated. Everything is
 * drawn from the seed, so that a run can be had again exactly.
 */
import { frameKind } from '../../src/wire/prelude.js'
import { wayOf } from './mesh-links.js'
import { MessagingOracle } from './messaging-oracle.js'
import { messagingPlanOf } from './messaging-plan.js'
import { MessagingProcess, type MessagingWorld } from './messaging-process.js'
import { Network } from './network.js'
import { Random } from './random.js'
import { Scheduler } from './scheduler.js'
import { BrokenPromise } from './session-oracle.js'
import { kindOf } from './session-process.js'
import { SimulatedDirectory } from './simulated-directory.js'
import { Trace } from './trace.js'
import { Turns } from './turns.js'

/** How a run ended. */
export interface MessagingOutcome {
  readonly seed: number
  readonly hash: string
  readonly steps: number
  readonly delivered: number
  readonly violation: string | undefined
}

/** How long it takes at most until all is done when nothing goes wrong any more, in milliseconds. */
const restMs = 300_000

/** Runs a seed. */
export async function simulateMessaging(
  seed: number,
  options: { readonly log?: (line: string) => void } = {},
): Promise<MessagingOutcome> {
  const { stackTraceLimit } = Error
  if (!options.log) Error.stackTraceLimit = 0
  const run = new MessagingRun(seed, options.log)
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
  return { seed, hash: trace.hash, steps: scheduler.steps, delivered: oracle.delivered, violation }
}

class MessagingRun {
  readonly world: MessagingWorld
  readonly #processes: MessagingProcess[]

  constructor(seed: number, log?: (line: string) => void) {
    const random = new Random(seed)
    const plan = messagingPlanOf(random, seed)
    log?.(JSON.stringify(plan))
    const scheduler = new Scheduler()
    const network = new Network(scheduler, random.fork(), plan.weather, (frame) => kindOf(frame) === frameKind.hello)
    this.world = {
      scheduler,
      random,
      plan,
      network,
      link: plan.link,
      turns: new Turns(scheduler, random.fork(), plan.turnEnds),
      oracle: new MessagingOracle(),
      trace: new Trace(log),
      listeners: new Map(),
      addressesFor: (process) => this.#addressesFor(process),
      directory:
        plan.topology === 'directory' ? new SimulatedDirectory(scheduler, random.fork(), plan.hosts) : undefined,
    }
    this.#processes = Array.from({ length: plan.processes }, (_, at) => {
      const process = new MessagingProcess(`m${at}`, this.world)
      process.address = `sim://m${at}`
      return process
    })
  }

  async play(): Promise<void> {
    const { random, plan } = this.world
    for (const process of this.#processes) {
      process.boot()
      if (random.chance(0.5)) await this.#pass(random.below(2000))
    }
    for (let count = 0; count < plan.events; count++) {
      await this.#pass(random.below(plan.pauseMs + 1))
      if (random.below(100) < plan.trouble) this.#trouble()
      else this.#act()
    }
    await this.#rest()
  }

  #addressesFor(process: MessagingProcess): readonly string[] {
    const at = this.#processes.indexOf(process)
    const { topology } = this.world.plan
    if (topology === 'directory') return []
    const others =
      topology === 'chain' ? this.#processes.slice(0, at) : this.#processes.filter((one) => one !== process)
    return others.map(({ address }) => address)
  }

  async #pass(ms: number): Promise<void> {
    const { turns, oracle } = this.world
    await turns.run(ms, () => {
      if (oracle.broken) throw oracle.broken
    })
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
    else if (what < 9) this.#restart(process, ms)
    else if (what < 10) process.enqueue(() => void process.close(ms))
    else if (what < 11) {
      process.enqueue(() => {
        const peer = random.pick([...process.peers])
        if (peer !== undefined) void process.remove(peer, ms)
      })
    } else if (what < 12) this.world.directory?.restartOne()
    else for (const connection of open) connection.cut()
  }

  /** Two processes cannot reach each other for a while. */
  #part(one: MessagingProcess, other: MessagingProcess, ms: number): void {
    const { network } = this.world
    const ways = [wayOf(one, other), wayOf(other, one)]
    for (const way of ways) network.setApart(way, ms)
    for (const connection of network.open) if (ways.includes(connection.name.split('#')[0] as string)) connection.cut()
  }

  #restart(process: MessagingProcess, downMs: number): void {
    if (!process.isAlive) return
    process.crash()
    this.world.scheduler.after(downMs, () => process.isAlive || process.boot())
  }

  /** Nothing goes wrong any more, and everybody finishes. */
  async #rest(): Promise<void> {
    const { network, oracle } = this.world
    network.heal()
    this.world.directory?.unite()
    for (const process of this.#processes) {
      process.enqueue(() => {
        for (const peer of process.peers) peer.read()
      })
    }
    let problem = ''
    for (let waited = 0, quiet = 0; waited < restMs; waited += 1000) {
      for (const process of this.#processes)
        process.enqueue(() => {
          for (const peer of process.peers) peer.read()
        })
      await this.#pass(1000)
      problem = this.#unrest() ?? ''
      quiet = problem === '' ? quiet + 1 : 0
      if (quiet < 4) continue
      oracle.checkEnd()
      return
    }
    oracle.fail(`no rest: ${problem}`)
  }

  /** Returns what is not at rest. */
  #unrest(): string | undefined {
    const { oracle, plan } = this.world
    const ready = this.#processes.filter((process) => process.isAlive && process.isOpen && !process.isStalled)
    if (ready.length < this.#processes.length) return 'a process is not open'
    if (oracle.open.length > 0) return `these messages have no outcome: ${oracle.open.join(', ')}`
    const isRead = ready.every(({ peers }) => [...peers].every(({ local }) => local.mailbox.stats().pending === 0))
    if (!isRead) return 'messages wait to be handed out'
    for (const one of ready) {
      for (const other of ready) {
        const links = one.node?.linksTo(other.node?.id ?? '') ?? 0
        // a directory lists the holders of names: processes without any may not find each other
        const fewest = this.world.directory === undefined || one.holdsName || other.holdsName ? 1 : 0
        if (one !== other && (links > 1 || links < fewest)) return `${one.name} has ${links} links to ${other.name}`
      }
    }
    for (let at = 0; at < plan.names; at++) {
      const name = `peer${at}`
      const views = ready.map(({ node }) => node?.roster.find(name)?.ref.incarnation)
      if (new Set(views).size !== 1) return `the processes see ${views.join(', ')} as ${name}`
      const [view] = views
      const isThere = ready.some(({ peers }) => [...peers].some(({ ref }) => ref.incarnation === view))
      if (view !== undefined && !isThere) return `${name} is seen and not there`
      const isWanted = ready.some(({ peers }) => [...peers].some(({ ref }) => ref.name === name))
      if (isWanted && view === undefined) return `nobody is ${name}`
      for (const { peers } of ready) {
        for (const { ref } of peers) {
          const seen = oracle.seenBy(ref).get(name)
          if (seen !== view && view !== ref.incarnation) return `${ref.name} sees ${seen} as ${name}, not ${view}`
        }
      }
    }
    return undefined
  }
}
