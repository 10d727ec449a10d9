/** A victim, its honest peers and an attacker: what the short test and the soak have in common. */
import { generateKeyPair } from '../../src/security/index.js'
import { Attacker } from './attacker.js'
import { attacks, patternsOf } from './attacks/index.js'
import type { HonestLoad } from './honest-load.js'
import { openLoad } from './open-load.js'
import type { Deeds, PatternReport, SiegeKeys, Target, VictimReport } from './orders.js'
import type { PatternName, TransportName } from './patterns.js'
import { Victim, type VictimOptions } from './victim.js'

/** How a siege is set up. */
export interface SiegeOptions extends Omit<VictimOptions, 'patterns'> {
  /** The patterns of the victim, each with the transport of its honest peers. */
  readonly honest: Readonly<Partial<Record<PatternName, TransportName>>>
  /** Patterns whose honest peers may miss messages, beside those of a push. */
  readonly missing?: readonly PatternName[]
  /** What Node is given to run the attacker. Default: the source, as it is run here. */
  readonly attackerProgram?: readonly string[]
}

/** One attack. */
export interface SiegeAttack {
  readonly name: string
  readonly transports: readonly TransportName[]
  readonly seed: number
  readonly scale: number
  readonly lastingMs: number
}

/** Deeds by pattern, over all transports. */
export type DeedsByPattern = Partial<Record<PatternName, Deeds>>

/** Makes the keys of a siege with security. */
export function siegeKeys(): SiegeKeys {
  return { victim: generateKeyPair(), honest: generateKeyPair(), attacker: generateKeyPair() }
}

/** A siege. */
export class Siege {
  readonly victim: Victim
  readonly loads: ReadonlyMap<PatternName, HonestLoad>
  readonly #attacker: Attacker
  /** The keys of a siege with security. */
  readonly #keys: SiegeKeys | undefined

  /** Starts all processes; resolves when the honest peers are linked. */
  static async start({ honest, missing: more = [], attackerProgram, ...options }: SiegeOptions): Promise<Siege> {
    const patterns = Object.keys(honest) as PatternName[]
    const [victim, attacker] = await Promise.all([
      Victim.start({ ...options, patterns }),
      Attacker.start(attackerProgram),
    ])
    const loads = new Map<PatternName, HonestLoad>()
    for (const pattern of patterns) {
      const endpoint = victim.endpoints[pattern]?.[honest[pattern] as TransportName] as string
      const missing = pattern === 'push' || more.includes(pattern) ? 'some' : 'none'
      loads.set(pattern, await victim.alive(openLoad[pattern]({ endpoint, missing, keys: options.keys }, victim)))
    }
    return new Siege(victim, attacker, loads, options.keys)
  }

  private constructor(
    victim: Victim,
    attacker: Attacker,
    loads: ReadonlyMap<PatternName, HonestLoad>,
    keys: SiegeKeys | undefined,
  ) {
    this.#keys = keys
    this.victim = victim
    this.#attacker = attacker
    this.loads = loads
  }

  /** Makes an attack on all patterns that it is made for, and resolves with what it did. */
  async attack({ name, transports, ...how }: SiegeAttack): Promise<DeedsByPattern> {
    const attack = attacks.find((one) => one.name === name)
    const attacked = attack === undefined ? [] : patternsOf(attack, this.#keys !== undefined)
    const patterns = [...this.loads.keys()].filter((pattern) => attacked.includes(pattern))
    const pairs = patterns.flatMap((pattern) => transports.map((transport) => ({ pattern, transport })))
    const keys = { serverKey: this.#keys?.victim.publicKey, keyPair: this.#keys?.attacker }
    const targets = pairs.map(({ pattern, transport }, part): Target => {
      const { [transport]: endpoint, tcp } = this.victim.endpoints[pattern] as Record<TransportName, string>
      return { pattern, endpoint, recorded: tcp, ...keys, part, parts: pairs.length }
    })
    const done = await this.victim.alive(this.#attacker.attack({ attack: name, targets, ...how }))
    const byPattern: DeedsByPattern = {}
    for (const [index, { pattern }] of pairs.entries()) {
      const before = byPattern[pattern] ?? { connections: 0, refused: 0, messages: 0 }
      const { connections, refused, messages } = done[index] as Deeds
      byPattern[pattern] = {
        connections: before.connections + connections,
        refused: before.refused + refused,
        messages: before.messages + messages,
      }
    }
    return byPattern
  }

  /** Lets every honest peer do so many units of work, and resolves when all are done. */
  async work(count: number): Promise<void> {
    const working = [...this.loads.values()].map(async (load) => {
      const wanted = load.seen + count
      load.issue(count)
      if (load.missing === 'some') await this.#replaceLost(load, wanted)
      await this.victim.alive(load.whenSeen(wanted))
    })
    await Promise.all(working)
  }

  /** What a report says of each pattern. */
  patterns(report: VictimReport): [PatternName, PatternReport][] {
    return Object.entries(report.patterns) as [PatternName, PatternReport][]
  }

  /** What honest peers complain of, and the victim about them. */
  faults({ faults, warnings }: VictimReport): string[] {
    const own = [...this.loads].flatMap(([pattern, load]) => load.faults.map((fault) => `${pattern}: ${fault}`))
    return [...own, ...faults, ...warnings]
  }

  /** Ends all processes. */
  async end(): Promise<void> {
    await this.#attacker.stop()
    await Promise.all([...this.loads.values()].map((load) => load.close()))
    await this.victim.stop()
  }

  /** Units that are lost, for example dealt to a worker of an attacker, are replaced. */
  async #replaceLost(load: HonestLoad, wanted: number): Promise<void> {
    while (load.seen < wanted) {
      const { seen } = load
      await this.victim.report()
      if (load.seen === seen) load.issue(1)
    }
  }
}
