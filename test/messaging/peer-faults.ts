/**
 * Peers that all send and ask each other, over a network of its own for each pair, which is cut and swallows what it carries.
 *
 * Each message has its place among those of its pair, each ask a number; what becomes of them is held against what it must be.
 */
import { createPeer, type Peer } from '../../patterns/messaging/index.js'
import { createRuntime, type Runtime } from '../../src/runtime/index.js'
import type { ChaosProxy } from '../support/chaos-proxy.js'
import { until } from '../support/events.js'
import { FaultyNetworks, type NetworkFaults } from '../support/faulty-networks.js'
import { LoadedPairs } from './loaded-pairs.js'

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

class FaultRun {
  readonly #options: PeerFaultOptions
  readonly #runtime: Runtime = createRuntime()
  readonly #networks: FaultyNetworks
  readonly #peers: Peer[] = []
  readonly #pairs = new LoadedPairs((what) => this.#fault(what))
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
    this.#pairs.start()
    await this.#progress()
  }

  async breakNetworks(): Promise<void> {
    await this.#networks.break(this.#options, someOf, ['both', 'up', 'down'], () => this.#progress())
  }

  async finish(): Promise<PeerFaultReport> {
    await this.#pairs.stop()
    await until(() => this.#faults.length > 0 || this.#pairs.all.every((pair) => pair.isSettled))
    this.#pairs.check()
    const { messages, asks } = this.#pairs.counts()
    const { connections } = this.#networks
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
    this.#pairs.enter(peer)
  }

  /** Resolves when each pair has received and answered more. */
  async #progress(): Promise<void> {
    await this.#pairs.progress(this.#options.between, () => this.#faults.length > 0)
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
