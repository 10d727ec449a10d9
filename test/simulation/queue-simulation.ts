/**
 * One run of the durable queue: a host, producers and consumers, things that happen to them, an end of all trouble, rest.
 *
 * Everything is drawn from the seed, so that a run can be had again exactly.
 */

import { SimulatedConsumer } from './queue-consumer.js'
import { QueueHost, type QueueWorld, queueName } from './queue-host.js'
import { QueueOracle } from './queue-oracle.js'
import { queuePlanOf } from './queue-plan.js'
import { SimulatedProducer } from './queue-producer.js'
import { Random } from './random.js'
import { Scheduler } from './scheduler.js'
import { BrokenPromise } from './session-oracle.js'
import { Trace } from './trace.js'

/** How a run ended. */
export interface QueueRunOutcome {
  readonly seed: number
  readonly hash: string
  readonly steps: number
  readonly delivered: number
  readonly violation: string | undefined
}

/** How long it takes at the most until all is done when nothing goes wrong any more, in milliseconds. */
const restMs = 60_000

/** By what the wall clock is set, in milliseconds: by less than what makes a host forget a producer. */
const clockJumpsMs = [-3_600_000, -200, 200, 3_600_000]

/** Runs a seed. */
export function simulateQueue(seed: number, options: { readonly log?: (line: string) => void } = {}): QueueRunOutcome {
  const { stackTraceLimit } = Error
  if (!options.log) Error.stackTraceLimit = 0
  const run = new QueueRun(seed, options.log)
  let violation: string | undefined
  try {
    run.play()
  } catch (error) {
    const cause = run.world.oracle.broken ?? error
    violation = cause instanceof BrokenPromise ? cause.message : ((cause as Error).stack ?? String(cause))
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
  const { scheduler, trace, oracle } = run.world
  return { seed, hash: trace.hash, steps: scheduler.steps, delivered: oracle.delivered, violation }
}

class QueueRun {
  readonly world: QueueWorld
  readonly #host: QueueHost
  readonly #producers: SimulatedProducer[]
  readonly #consumers: SimulatedConsumer[]

  constructor(seed: number, log?: (line: string) => void) {
    const random = new Random(seed)
    const plan = queuePlanOf(random)
    log?.(JSON.stringify(plan))
    const scheduler = new Scheduler()
    this.world = { scheduler, random, plan, trace: new Trace(log), oracle: new QueueOracle(plan.settings, scheduler) }
    this.#host = new QueueHost(this.world)
    const { world } = this
    this.#producers = Array.from(
      { length: plan.producers },
      (_, at) => new SimulatedProducer(`p${at}`, world, this.#host),
    )
    this.#consumers = Array.from(
      { length: plan.consumers },
      (_, at) => new SimulatedConsumer(`c${at}`, world, this.#host, at > 0),
    )
  }

  play(): void {
    const { scheduler, random, plan } = this.world
    this.#host.open()
    for (let count = 0; count < plan.happenings; count++) {
      scheduler.run(random.below(plan.pauseMs + 1))
      if (random.below(100) < plan.trouble) this.#trouble()
      else if (random.chance(plan.habits.redrives)) this.#host.redrive()
      else if (random.chance(0.5)) random.pick(this.#producers).act()
      else random.pick(this.#consumers).act()
    }
    this.#rest()
    this.#check()
  }

  #trouble(): void {
    const { scheduler, random, plan, trace } = this.world
    const what = random.below(9)
    const ms = random.below(random.pick([5, 100, 2 * plan.settings.leaseMs]) + 1)
    trace.note(scheduler.now, 'world', 'trouble', what, ms)
    if (what < 2) this.#host.crash(ms)
    else if (what < 4) random.pick(this.#consumers).lose(ms)
    else if (what < 5) random.pick(this.#producers).lose(ms)
    else if (what < 7) random.pick(this.#consumers).freeze(ms)
    else if (what < 8) this.#host.setClock(random.pick(clockJumpsMs))
    else this.#fill(ms)
  }

  /** The store has no room for a while. */
  #fill(ms: number): void {
    const { scheduler } = this.world
    const { store } = this.#host
    store.maxBytes = store.bytes + this.world.random.below(300)
    scheduler.after(ms, () => {
      this.#host.store.maxBytes = Number.POSITIVE_INFINITY
    })
  }

  /** Nothing goes wrong any more, and everybody finishes. */
  #rest(): void {
    const { scheduler, oracle } = this.world
    const host = this.#host
    host.store.maxBytes = Number.POSITIVE_INFINITY
    host.isCalm = true
    for (const consumer of this.#consumers) consumer.isTame = true
    if (!host.engine) host.open()
    scheduler.run(2 * this.world.plan.settings.leaseMs + 500)
    host.store.maxBytes = Number.POSITIVE_INFINITY
    for (let waited = 0; waited < restMs; waited += 1000) {
      scheduler.run(1000)
      const { depth } = this.#counts()
      if (depth === 0 && this.#producers.every(({ pending }) => pending === 0)) return
    }
    oracle.fail(`the queue does not come to rest: ${JSON.stringify(this.#counts())}`)
  }

  #check(): void {
    const { oracle } = this.world
    const { engine, store } = this.#host
    if (!engine) return
    const counts = this.#counts()
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
      dead.map(({ body, origin, history }) => ({
        text: Buffer.from(body).toString(),
        position: origin?.position ?? 0,
        history,
      })),
    )
  }

  #counts() {
    const { engine } = this.#host
    return engine ? engine.counts(queueName) : this.world.oracle.fail('the host is down')
  }
}
