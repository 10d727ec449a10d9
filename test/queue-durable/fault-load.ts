/**
 * A durable queue under load behind bad networks: one between its host and its producers, one between it and its consumers.
 *
 * All are in this process; who breaks the networks, and when, is the business of the caller.
 */
import type { Subscription } from 'rxjs'
import {
  type Consumer,
  createConsumer,
  createProducer,
  createQueueHost,
  type Producer,
  type QueueHost,
} from '../../patterns/queue/index.js'
import { createRuntime, type Runtime } from '../../src/runtime/index.js'
import type { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { FaultyNetworks, type NetworkFaults } from '../support/faulty-networks.js'
import { Job } from '../support/job.js'
import { seeded } from '../support/seeded.js'
import { foundOf } from './contents.js'
import { Ledger } from './ledger.js'
import { idsPerProducer, SendingLoad, workingLoad } from './load.js'

/** How many there are, and what is broken. */
export interface FaultOptions extends NetworkFaults {
  readonly path: string
  readonly seed: number
  /** Confirmations to producers, and of settlements, between two faults. */
  readonly between: number
}

/** What came of it. */
export interface FaultReport {
  readonly ledger: Ledger
  readonly leasesLost: number
  /** Connections that the two networks took. */
  readonly connections: number
  readonly faults: readonly string[]
}

const producers = 2
const consumers = 3
const inFlight = 64
const maxAttempts = 5
const dedupeMs = 86_400_000

/** Sends and settles while the networks are cut and swallow what they carry, then empties the queue and settles the account. */
export async function queueFaults(options: FaultOptions): Promise<FaultReport> {
  const run = new FaultRun(options)
  try {
    await run.start()
    await run.breakNetworks()
    return await run.finish()
  } finally {
    await run.close()
  }
}

class FaultRun {
  readonly #options: FaultOptions
  readonly #ledger = new Ledger(maxAttempts)
  readonly #runtime: Runtime = createRuntime()
  readonly #networks: FaultyNetworks
  readonly #loads: SendingLoad[] = []
  readonly #producers: Producer<{ id: number; note?: string }>[] = []
  readonly #consumers: Consumer<Job>[] = []
  readonly #work: Subscription[] = []
  #host!: QueueHost
  #settled = 0

  constructor(options: FaultOptions) {
    this.#options = options
    this.#networks = new FaultyNetworks(options.seed)
  }

  async start(): Promise<void> {
    const runtime = this.#runtime
    const { path, seed } = this.#options
    const jobs = { maxAttempts, dedupeMs, backoff: { initialMs: 5, maxMs: 40 } }
    this.#host = await createQueueHost({ runtime, bind: 'tcp://127.0.0.1:*', path, queues: { jobs } })
    const { endpoint } = this.#host
    const [toProducers, toConsumers] = [await this.#networks.open(endpoint), await this.#networks.open(endpoint)]
    const common = { runtime, queue: 'jobs', schema: Job }
    const say = (line: string) => {
      if (line.startsWith('o ')) this.#settled += line.split(' ').length - 2
      this.#ledger.read(line)
    }
    for (let number = 0; number < consumers; number++) {
      const consumer = await createConsumer({ ...common, connect: toConsumers })
      this.#consumers.push(consumer)
      this.#work.push(workingLoad(consumer, seeded(seed + number), say))
    }
    for (let number = 0; number < producers; number++) {
      const producer = await createProducer({ ...common, connect: toProducers })
      this.#producers.push(producer)
      this.#loads.push(new SendingLoad(producer, (number + 1) * idsPerProducer, say, { inFlight }))
    }
    for (const { errors } of [this.#host, ...this.#producers, ...this.#consumers]) {
      errors.subscribe(({ code }) => say(`e ${code}`))
    }
    await this.#progress()
  }

  async breakNetworks(): Promise<void> {
    const faults = { ...this.#options, holes: 2 * this.#options.holes }
    await this.#networks.break(faults, oneOrBoth, ['up', 'down'], () => this.#progress())
  }

  async finish(): Promise<FaultReport> {
    for (const load of this.#loads) load.stop()
    await Promise.all(this.#loads.map(({ done }) => done))
    const jobs = this.#host.queue('jobs')
    await until(() => jobs.stats().depth === 0)
    const ended = await Promise.all([...this.#consumers, ...this.#producers].map((one) => one.close()))
    const letters = this.#host.queue('jobs.dead')
    const dead = await letters.peek(10_000)
    const { stored, duplicates, leasesLost, stale, delivered } = jobs.stats()
    const ledger = this.#ledger
    ledger.checkEnd(dead.map(foundOf))
    const faults: string[] = []
    const { confirmed, distinct } = ledger
    if (stored !== distinct) faults.push(`${stored} stored, ${distinct} of ${confirmed} confirmed`)
    if (ledger.codes.has('send RIVULET_UNKNOWN_OUTCOME')) faults.push('a send has no outcome')
    // beyond those that the load sends, only what the network did can have doubled a message
    if (duplicates !== confirmed - distinct) faults.push(`${duplicates} duplicates, not ${confirmed - distinct}`)
    if (leasesLost === 0 && stale > 0) faults.push(`${stale} late settlements`)
    if (leasesLost === 0 && ledger.repeated !== ledger.failing) {
      faults.push(`${ledger.failing} deliveries failed, ${ledger.repeated} were repeated`)
    }
    if (delivered < ledger.deliveries) faults.push(`${ledger.deliveries} deliveries, ${delivered} at the host`)
    if (ended.some(({ undelivered }) => undelivered > 0)) faults.push('something was left')
    const { connections } = this.#networks
    return { ledger, leasesLost, connections, faults: [...faults, ...ledger.faults] }
  }

  async close(): Promise<void> {
    for (const work of this.#work) work.unsubscribe()
    await this.#runtime.close({ drain: false })
    await this.#networks.close()
  }

  /** Resolves when more was confirmed to producers, and more was settled. */
  async #progress(): Promise<void> {
    const { between } = this.#options
    const [confirmed, settled] = [this.#ledger.confirmed + between, this.#settled + between]
    await until(() => this.#ledger.confirmed >= confirmed && this.#settled >= settled)
  }
}

/** One of the networks, or both. */
function oneOrBoth(networks: readonly ChaosProxy[], random: () => number): readonly ChaosProxy[] {
  const which = Math.floor(random() * 3)
  return networks.filter((_, index) => which === 2 || which === index)
}
