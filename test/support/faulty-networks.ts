/**
 * Networks of a test that are cut, and swallow what they carry: each is a proxy in front of one endpoint.
 *
 * What they carry, and what tells that it still arrives, is up to the test.
 */
import type { Chaos } from './chaos-pipe.js'
import { ChaosProxy } from './chaos-proxy.js'
import { seeded } from './seeded.js'

/** What is broken. */
export interface NetworkFaults {
  readonly resets: number
  readonly holes: number
  readonly holeMs: number
}

/** What breaks networks. */
export class FaultyNetworks {
  readonly #seed: number
  readonly #random: () => number
  readonly #proxies: ChaosProxy[] = []

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seeded(seed)
  }

  /** Connections that they took. */
  get connections(): number {
    return this.#proxies.reduce((sum, { accepted }) => sum + accepted, 0)
  }

  /** Opens a network in front of an endpoint; returns where it is reached. */
  async open(endpoint: string): Promise<string> {
    const proxy = await ChaosProxy.open(endpoint, this.#seed)
    this.#proxies.push(proxy)
    return proxy.endpoint
  }

  /**
   * Cuts some of the networks again and again, and then lets some of them swallow everything for a while.
   *
   * @param pick - Returns which networks are broken this time, drawing from `random`.
   * @param holes - What they swallow, one after the other.
   * @param progress - Resolves when enough has arrived since.
   */
  async break(
    faults: NetworkFaults,
    pick: (proxies: readonly ChaosProxy[], random: () => number) => readonly ChaosProxy[],
    holes: readonly Chaos['blackHole'][],
    progress: () => Promise<void>,
  ): Promise<void> {
    const some = () => pick(this.#proxies, this.#random)
    for (let reset = 0; reset < faults.resets; reset++) {
      for (const proxy of some()) proxy.cut(this.#random() < 0.25 ? 'end' : 'reset')
      await progress()
    }
    for (let hole = 0; hole < faults.holes; hole++) {
      const broken = some()
      for (const proxy of broken) proxy.set({ blackHole: holes[hole % holes.length] as (typeof holes)[number] })
      await new Promise((resolve) => setTimeout(resolve, faults.holeMs))
      for (const proxy of broken) proxy.calm()
      await progress()
    }
  }

  async close(): Promise<void> {
    for (const proxy of this.#proxies) await proxy.close()
  }
}
