/**
 * Peers that all send and ask each other, over a network of its own for each pair, which is cut and swallows what it carries.
 *
 * Each message has its place among those of its pair, each ask a number; what becomes of them is held against what it must be.
 */
import { createPeer, defineAsk, type Peer } from '../../patterns/messaging/index.js'
import { defineSchema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { createRuntime, type Runtime } from '../../src/runtime/index.js'
import type { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { FaultyNetworks, type NetworkFaults } from '../support/faulty-networks.js'
import { Order, Report } from './peers.js'

/** How many there are, and what is broken. */
export interface PeerFaultOptions extends NetworkFaults {
  readonly peers: number
  readonly seed: number
  /** Messages and asks of each pair, in each direction, between two faults. */
  readonly between: number
}

/** What came of it. */
export interface PeerFaultReport {
  readonly messages: number
  readonly asks: number
  /** Connections that the networks took. */
  readonly connections: number
  /** Peers that were seen to leave, though none has. */
  readonly left: number
  readonly faults: readonly string[]
}

const echo = defineAsk('echo', defineSchema('int'), defineSchema('int'))

/** Messages that a pair has in flight, in one direction. */
const inFlight = 16

/** Sends and asks while the networks are broken, then lets all come to its end and settles the account. */
export async function peerFaults(options: PeerFaultOptions): Promise<PeerFaultReport> {
  const run = new FaultRun(options)
  try {
    await run.start()
    await run.breakNetworks()
    return await run.finish()
  } finally {
    await run.close()
  }
}

/** What one peer sends to another, and asks it. */
class Pair {
  sent = 0
  received = 0
  asked = 0
  answered = 0
  /** How often each ask was run, by number. */
  readonly runs = new Map<number, number>()
  readonly #from: Peer
  readonly #to: Peer
  readonly #fault: (what: string) => void
  #stopped = false
  #ends: Promise<void>[] = []

  constructor(from: Peer, to: Peer, fault: (what: string) => void) {
    this.#from = from
    this.#to = to
    this.#fault = (what) => fault(`${from.name} to ${to.name}: ${what}`)
  }

  start(): void {
    this.#ends = [this.#asks(), ...Array.from({ length: inFlight }, () => this.#sends())]
  }

  /** Resolves when everything has its outcome. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#ends)
  }

  take(place: number): void {
    if (place !== this.received) this.#fault(`${place} came where ${this.received} is due`)
    this.received = place + 1
  }

  check(): void {
    if (this.received !== this.sent) this.#fault(`${this.sent} were taken, ${this.received} have arrived`)
  }

  async #sends(): Promise<void> {
    while (!this.#stopped) {
      const id = this.sent++
      const schema = id % 3 === 0 ? Order : Report
      await this.#from
        .send(this.#to.name, schema, { id })
        .catch(({ code }: RivuletError) => this.#fault(`message ${id} has the outcome ${code}`))
    }
  }

  async #asks(): Promise<void> {
    while (!this.#stopped) {
      const number = this.asked++
      const outcome = await this.#from.ask(this.#to.name, echo, number).catch((error: RivuletError) => error)
      const runs = this.runs.get(number) ?? 0
      if (typeof outcome !== 'number')
        this.#fault(`ask ${number} ran ${runs} times and has the outcome ${outcome.code}`)
      else if (outcome !== number || runs !== 1)
        this.#fault(`ask ${number} ran ${runs} times, its answer is ${outcome}`)
      this.answered += 1
    }
  }
}

class FaultRun {
  readonly #options: PeerFaultOptions
  readonly #runtime: Runtime = createRuntime()
  readonly #networks: FaultyNetworks
  readonly #peers: Peer[] = []
  readonly #pairs = new Map<string, Pair>()
  readonly #faults: string[] = []
  #left = 0

  constructor(options: PeerFaultOptions) {
    this.#options = options
    this.#networks = new FaultyNetworks(options.seed)
  }

  async start(): Promise<void> {
    const { peers } = this.#options
    for (let number = 0; number < peers; number++) {
      const connect: string[] = []
      for (const other of this.#peers) connect.push(await this.#networks.open(other.endpoint))
      const ways = { bind: 'tcp://127.0.0.1:*', ...(connect.length > 0 && { connect }) }
      this.#enter(await createPeer({ name: `peer-${number}`, ...ways, runtime: this.#runtime }))
    }
    await until(() => this.#peers.every((peer) => peer.peers.length === peers - 1))
    for (const from of this.#peers) {
      for (const to of this.#peers.filter((peer) => peer !== from)) {
        this.#pairs.set(`${from.name} ${to.name}`, new Pair(from, to, (what) => this.#fault(what)))
      }
    }
    for (const pair of this.#pairs.values()) pair.start()
    await this.#progress()
  }

  async breakNetworks(): Promise<void> {
    await this.#networks.break(this.#options, someOf, ['both', 'up', 'down'], () => this.#progress())
  }

  async finish(): Promise<PeerFaultReport> {
    const pairs = [...this.#pairs.values()]
    await Promise.all(pairs.map((pair) => pair.stop()))
    await until(() => this.#faults.length > 0 || pairs.every(({ sent, received }) => received >= sent))
    for (const pair of pairs) pair.check()
    const sum = (count: (pair: Pair) => number) => pairs.reduce((total, pair) => total + count(pair), 0)
    const { connections } = this.#networks
    const [messages, asks] = [sum(({ received }) => received), sum(({ answered }) => answered)]
    return { messages, asks, connections, left: this.#left, faults: this.#faults }
  }

  async close(): Promise<void> {
    await this.#runtime.close({ drain: false })
    await this.#networks.close()
  }

  #enter(peer: Peer): void {
    this.#peers.push(peer)
    peer.errors.subscribe(() => {}) // a link that is cut
    peer.presence.subscribe(({ kind }) => {
      if (kind === 'left') this.#left += 1
    })
    const pairFrom = (from: { readonly name: string }) => this.#pairs.get(`${from.name} ${peer.name}`)
    for (const schema of [Order, Report]) {
      peer.deliveries(schema).subscribe(({ from, value: { id } }) => pairFrom(from)?.take(id))
    }
    peer.answer(echo, (number, { from }) => {
      const runs = pairFrom(from)?.runs
      runs?.set(number, (runs.get(number) ?? 0) + 1)
      return number
    })
  }

  /** Resolves when each pair has received and answered more. */
  async #progress(): Promise<void> {
    const { between } = this.#options
    const marks = [...this.#pairs.values()].map((pair) => ({ pair, received: pair.received, answered: pair.answered }))
    await until(
      () =>
        this.#faults.length > 0 ||
        marks.every(({ pair, received, answered }) => pair.received - received >= between && pair.answered > answered),
    )
  }

  #fault(what: string): void {
    if (this.#faults.length < 20) this.#faults.push(what)
  }
}

/** A fifth of the networks, one at least; all of them now and then. */
function someOf(networks: readonly ChaosProxy[], random: () => number): readonly ChaosProxy[] {
  const share = random() < 0.1 ? 1 : 0.2
  const some = networks.filter(() => random() < share)
  return some.length > 0 ? some : networks.slice(0, 1)
}
