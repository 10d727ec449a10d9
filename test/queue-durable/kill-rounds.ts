/**
 * Rounds of `kill -9`: a host with a folder, producers and consumers in processes of their own, under load; each round one of
 * them is killed after a random number of events and started anew. The account is kept here, outside of all of them.
 *
 * A seed repeats who is killed and after how many events, not the run.
 */
import type { QueueOptions } from '../../patterns/queue/index.js'
import { QueueChild, type QueueRole } from '../support/queue-child.js'
import { seeded } from '../support/seeded.js'
import { contentsOf } from './contents.js'
import { Ledger } from './ledger.js'
import { idsPerProducer } from './load.js'

/** What is run. */
export interface KillOptions {
  /** A folder that is not there yet. */
  readonly path: string
  readonly rounds: number
  readonly seed: number
  /** Each so manyth kill of the host its folder is compared with the account, also at the last flushed transaction. */
  readonly compareEvery: number
  /** Confirmations between two kills at the most. */
  readonly mostEvents: number
  readonly producers?: number
  readonly consumers?: number
  /** Sends that each producer has under way. */
  readonly inFlight?: number
  readonly leaseMs?: number
  /** What Node runs as the processes. Default: the source, as it is run here. */
  readonly program?: readonly string[]
  /** How long nothing may happen, in milliseconds. */
  readonly stillMs?: number
  /** Told after each round. */
  readonly progress?: (round: number, ledger: Ledger) => void
}

/** What it found. */
export interface KillReport {
  readonly ledger: Ledger
  readonly kills: Readonly<Record<Place['role'], number>>
  /** How often the folder was compared with the account. */
  readonly compared: number
  /** How often the last flushed transaction was not the last one. */
  readonly older: number
}

interface Place {
  readonly role: 'host' | 'producer' | 'consumer'
  child: QueueChild
  killed: boolean
}

const maxAttempts = 5

/** Runs the rounds, then drains the queue and settles the account. */
export async function killRounds(options: KillOptions): Promise<KillReport> {
  const run = new KillRun(options)
  try {
    await run.start()
    for (let round = 1; round <= options.rounds; round++) {
      await run.round()
      options.progress?.(round, run.ledger)
      if (run.ledger.faults.length > 0) break
    }
    if (run.ledger.faults.length === 0) await run.drain()
  } finally {
    await run.end()
  }
  return run
}

class KillRun implements KillReport {
  readonly ledger = new Ledger(maxAttempts)
  readonly kills = { host: 0, producer: 0, consumer: 0 }
  compared = 0
  older = 0
  readonly #options: Required<Omit<KillOptions, 'progress' | 'program'>> & Pick<KillOptions, 'program'>
  readonly #queue: QueueOptions
  readonly #random: () => number
  readonly #places: Place[] = []
  #bind = 'tcp://127.0.0.1:*'
  #started = 0
  #events = 0
  #goal: { readonly events: number; readonly resolve: () => void } | undefined

  constructor(options: KillOptions) {
    this.#options = { producers: 2, consumers: 3, inFlight: 32, leaseMs: 2000, stillMs: 60_000, ...options }
    const { leaseMs } = this.#options
    this.#queue = { maxAttempts, leaseMs, backoff: { initialMs: 5, maxMs: 40 }, dedupeMs: 86_400_000 }
    this.#random = seeded(options.seed)
    this.ledger.progress = (events) => this.#happened(events)
  }

  async start(): Promise<void> {
    const { producers, consumers } = this.#options
    const host = this.#open('host')
    await this.#within('the host is bound', host.child.says('b'))
    for (let count = 0; count < producers; count++) this.#open('producer')
    for (let count = 0; count < consumers; count++) this.#open('consumer')
    await this.#within('the load has begun', this.#happen(1))
  }

  /** Waits for some events and kills one. */
  async round(): Promise<void> {
    const random = this.#random
    const events = random() < 0.15 ? 1 : 1 + Math.floor(random() * this.#options.mostEvents)
    const role = (['host', 'producer', 'consumer'] as const)[Math.floor(random() * 3)] as Place['role']
    const some = this.#places.filter((place) => place.role === role)
    const place = some[Math.floor(random() * some.length)] as Place
    await this.#within(`${events} more events`, this.#happen(events))
    this.kills[role] += 1
    place.killed = true
    await place.child.kill()
    if (role === 'host' && this.kills.host % this.#options.compareEvery === 0) await this.#compare()
    this.#spawn(place)
  }

  /** Ends the producers, empties the queue, ends the rest, and settles the account. */
  async drain(): Promise<void> {
    await this.#stop('producer')
    const [host] = this.#places.filter(({ role }) => role === 'host') as [Place]
    const empty = host.child.says('z')
    host.child.tell('drain')
    await this.#within('the queue is empty', empty)
    await this.#stop('consumer')
    await this.#stop('host')
    const { waiting, dead, complaints } = await contentsOf(this.#options.path, false)
    for (const what of complaints) this.ledger.fault(`at the end: ${what}`)
    if (waiting.length > 0) this.ledger.fault(`at the end: ${waiting.length} messages wait`)
    this.ledger.checkEnd(dead)
  }

  /** Kills whoever is left. */
  async end(): Promise<void> {
    this.#goal = undefined
    for (const place of this.#places) place.killed = true
    await Promise.all(this.#places.map(({ child }) => child.kill()))
  }

  /** The host is dead: what is in its folder, seen from what everybody was told by now. */
  async #compare(): Promise<void> {
    await Promise.all(this.#places.map(({ child }) => child.synced()))
    const held = new Set<string>()
    for (const flushedOnly of [true, false]) {
      const where = flushedOnly ? 'flushed only' : 'as it is'
      const { waiting, dead, complaints } = await contentsOf(this.#options.path, flushedOnly)
      for (const what of complaints) this.ledger.fault(`${where}: ${what}`)
      this.ledger.checkRest(where, waiting, dead)
      held.add(JSON.stringify([waiting, dead]))
    }
    this.compared += 1
    if (held.size > 1) this.older += 1
  }

  async #stop(role: Place['role']): Promise<void> {
    const places = this.#places.filter((place) => place.role === role)
    for (const { child } of places) child.tell('stop')
    await this.#within(`each ${role} has ended`, Promise.all(places.map(({ child }) => child.ended)))
  }

  #open(role: Place['role']): Place {
    const place = { role, killed: false } as Place
    this.#spawn(place)
    this.#places.push(place)
    return place
  }

  #spawn(place: Place): void {
    const number = ++this.#started
    const read = (line: string) => {
      if (line.startsWith('b ')) this.#bind = line.slice(2)
      if (line === 'u') this.#happened(1)
      this.ledger.read(line)
    }
    const child = new QueueChild(this.#roleOf(place.role, number), read, this.#options.program)
    place.child = child
    place.killed = false
    void child.ended.then((code) => {
      if (code !== 0 && !place.killed) this.ledger.fault(`a ${place.role} ended by itself with ${code}`)
    })
  }

  #roleOf(role: Place['role'], number: number): QueueRole {
    const { path, inFlight, seed } = this.#options
    if (role === 'host') return { role, bind: this.#bind, path, queue: this.#queue }
    const connect = this.#bind
    if (role === 'producer') return { role, connect, inFlight, firstId: number * idsPerProducer }
    return { role, connect, seed: seed + number }
  }

  #happened(events: number): void {
    this.#events += events
    if (this.#goal === undefined || this.#events < this.#goal.events) return
    this.#goal.resolve()
    this.#goal = undefined
  }

  #happen(events: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goal = { events: this.#events + events, resolve }
    })
  }

  /** Fails if it takes too long, with the counts of the host if it has any. */
  async #within(what: string, waiting: Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const codes = JSON.stringify(Object.fromEntries(this.ledger.codes))
        reject(new Error(`it takes too long until ${what}; ${this.#events} events, ${codes}`))
      }, this.#options.stillMs)
    })
    await Promise.race([waiting, late]).finally(() => clearTimeout(timer))
  }
}
