/**
 * One run of the durable queue: a host, producers and consumers, things that happen to them, an end of all trouble, rest.
 *
 * The producers, the consumers and the host are those of the package, over its call and link machines and its engine; sockets,
 * store, clocks and chance are simulated. Everything is drawn from the seed, so that a run can be had again exactly.
 */

import { wayOf } from './link-ends.js'
import { QueueClient } from './queue-client.js'
import { SimulatedConsumer } from './queue-consumer.js'
import { QueueHost } from './queue-host.js'
import { QueueOracle } from './queue-oracle.js'
import { queuePlanOf } from './queue-plan.js'
import { type QueueProcess, type QueueWorld, queueName } from './queue-process.js'
import { SimulatedProducer } from './queue-producer.js'
import { textOf } from './queue-schemas.js'
import type { Random } from './random.js'
import type { SeedOutcome } from './seeds.js'
import { playRun, type RunOptions, SimulationRun } from './simulation-run.js'

/** How a run ended. */
export interface QueueRunOutcome extends SeedOutcome {
  readonly delivered: number
}

/** How long it takes at most until all is done when nothing goes wrong any more, and how long for each message, in milliseconds. */
const restMs = 60_000
const restMsPerMessage = 300

/** By what the wall clock is set, in milliseconds: by less than what makes a host forget a producer. */
const clockJumpsMs = [-3_600_000, -200, 200, 3_600_000]

/** Runs a seed. */
export async function simulateQueue(seed: number, options: RunOptions = {}): Promise<QueueRunOutcome> {
  const { run, outcome } = await playRun(seed, (random) => new QueueRun(seed, random, options), options)
  return { ...outcome, delivered: run.world.oracle.delivered }
}

class QueueRun extends SimulationRun {
  readonly world: QueueWorld
  readonly #host: QueueHost
  readonly #producers: SimulatedProducer[]
  readonly #consumers: SimulatedConsumer[]

  constructor(seed: number, random: Random, options: RunOptions) {
    super()
    const plan = queuePlanOf(random, seed)
    options.log?.(JSON.stringify(plan))
    const parts = SimulationRun.worldOf(random, plan.weather, plan.turnEnds, options)
    this.world = { ...parts, plan, oracle: new QueueOracle(plan.settings, parts.scheduler) }
    const { world } = this
    const isLocal = () => plan.local > 0 && random.chance(plan.local)
    this.#host = new QueueHost('host', world)
    this.#producers = Array.from(
      { length: plan.producers },
      (_, at) => new SimulatedProducer(`p${at}`, world, this.#host, isLocal()),
    )
    this.#consumers = Array.from(
      { length: plan.consumers },
      (_, at) => new SimulatedConsumer(`c${at}`, world, this.#host, isLocal(), at > 0),
    )
  }

  get #clients(): (SimulatedProducer | SimulatedConsumer)[] {
    return [...this.#producers, ...this.#consumers]
  }

  override play(): void {
    const { random, plan } = this.world
    for (const process of [this.#host, ...this.#clients]) process.boot()
    for (let count = 0; count < plan.happenings; count++) {
      this.pass(random.below(plan.pauseMs + 1))
      // producers of which nothing is stored yet are the hardest to refuse
      if (count === 2 && random.chance(0.2)) this.#fill(random.below(300))
      if (random.below(100) < plan.trouble) this.#trouble()
      else if (random.chance(plan.habits.redrives)) this.#host.redrive()
      else if (random.chance(0.5)) random.pick(this.#producers).act()
      else random.pick(this.#consumers).act()
    }
    this.#rest()
    this.#check()
  }

  #trouble(): void {
    const { scheduler, random, plan, trace, network } = this.world
    const { open } = network
    const what = random.below(16)
    const ms = random.below(random.pick([5, 100, 2 * plan.settings.leaseMs]) + 1)
    trace.note(scheduler.now, 'world', 'trouble', what, ms)
    if (what < 3) this.restart(this.#host, ms)
    else if (what < 5) {
      if (open.length > 0) random.pick(open).cut()
    } else if (what < 6) {
      if (open.length > 0) random.pick(open).hold(ms)
    } else if (what < 7) {
      const client = random.pick(this.#clients)
      network.setApart(wayOf(client, this.#host), ms)
      client.connection?.cut()
    } else if (what < 9) this.#processOf(random.pick([...this.#consumers, ...this.#clients, this.#host])).stall(ms)
    else if (what < 10) this.restart(this.#processOf(random.pick(this.#clients)), ms)
    else if (what < 11) random.pick(this.#clients).close(ms)
    else if (what < 12) this.#host.close()
    else if (what < 13) this.#host.setClock(random.pick(clockJumpsMs))
    else if (what < 14) this.#fill(ms)
    else for (const connection of open) connection.cut()
  }

  /** The process that a client lives in. */
  #processOf(one: QueueHost | QueueClient): QueueProcess {
    return one instanceof QueueClient && one.isLocal ? this.#host : one
  }

  /** The store has no room for a while. */
  #fill(ms: number): void {
    const { scheduler, random } = this.world
    const { store } = this.#host
    store.maxBytes = store.bytes + random.below(random.pick([1, 300]))
    scheduler.after(ms, () => {
      this.#host.store.maxBytes = Number.POSITIVE_INFINITY
    })
  }

  /** Nothing goes wrong any more, and everybody finishes. */
  #rest(): void {
    const { oracle, network, plan } = this.world
    const host = this.#host
    network.heal()
    host.isCalm = true
    for (const client of this.#clients) client.isTame = true
    host.store.maxBytes = Number.POSITIVE_INFINITY
    const mostMs = restMs + restMsPerMessage * oracle.known.size
    for (const consumer of this.#consumers) consumer.finishWork()
    // twice: counts show a write before it is safe, and a message may be in transit that its sender has given up
    this.rest({ mostMs, stepMs: plan.settings.leaseMs / 2, looks: 2 }, () => {
      const unrest = this.#unrest()
      host.store.maxBytes = Number.POSITIVE_INFINITY
      for (const consumer of this.#consumers) consumer.finishWork()
      return unrest
    })
  }

  /** Returns what is not at rest. */
  #unrest(): string | undefined {
    const host = this.#host
    if (![host, ...this.#clients].every(({ isAlive, isStalled }) => isAlive && !isStalled)) return 'somebody is away'
    const counts = host.engine?.counts(queueName)
    if (this.#clients.every(({ isOpen, pending }) => isOpen && pending === 0) && counts?.depth === 0) return undefined
    const pending = this.#clients.map(({ name, pending }) => `${name} ${pending}`).join(', ')
    return `${JSON.stringify(counts)}; without outcome: ${pending}`
  }

  #check(): void {
    const { oracle } = this.world
    const { engine, store } = this.#host
    if (!engine) return
    const counts = engine.counts(queueName)
    const { bytes, leased, ready, delayed, unreadable } = counts
    if ([bytes, leased, ready, delayed, unreadable].some((count) => count !== 0))
      oracle.fail(`an empty queue has ${JSON.stringify(counts)}`)
    // of messages, nothing is left but the dead letters, which are of the second queue
    const left = store.keys.filter((key) => /^(03|04|05|0a|0b|0c|0d)00000001/.test(key))
    if (left.length > 0) oracle.fail(`records are left: ${left.join(' ')}`)
    const dead = engine.peek(`${queueName}.dead`, Number.POSITIVE_INFINITY)
    const { depth } = engine.counts(`${queueName}.dead`)
    if (depth !== dead.length) oracle.fail(`there are ${dead.length} dead letters, not ${depth}`)
    oracle.checkEnd(
      dead.map(({ body, origin, history }) => ({ text: textOf(body), position: origin?.position ?? 0, history })),
    )
  }
}
