/**
 * A process of a simulation that accepts connections at an address and dials any number of others: the sockets and drivers of a
 * set of links, simulated. Endpoints come and go as `src/link` has it.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { type DialerSettings, type LinkUser, type SessionStreams, SharedSession } from '../../src/session/index.js'
import { FrameReads, type ReadingProcess } from './frame-reads.js'
import { Accepting, Dialing, type LinkedProcess } from './mesh-links.js'
import type { Network } from './network.js'
import type { Random } from './random.js'
import { SimulatedProcess, type SimulatedWorld } from './simulated-process.js'
import type { Turns } from './turns.js'

/** The world that the processes of a mesh share. */
export interface MeshWorld extends SimulatedWorld {
  readonly network: Network
  readonly turns: Turns
  readonly link: DialerSettings
  /** Who listens at an address now. */
  readonly listeners: Map<string, MeshProcess>
}

/** Time of day when a run begins, in milliseconds since 1970. */
const wallStart = 1_700_000_000_000

/** A process with links to others. */
export abstract class MeshProcess extends SimulatedProcess implements ReadingProcess, LinkedProcess {
  declare readonly world: MeshWorld
  readonly random: Random
  readonly clock: Clock
  /** Where it listens; another one after it has moved. */
  address = ''
  readonly #reads = new FrameReads(this)
  #users: readonly LinkUser[] = []
  #accepting: Accepting | undefined
  readonly #dialed = new Map<string, Dialing>()
  /** Dialed links, those that are being retired included. */
  readonly #links = new Set<Dialing>()
  /** The link whose last frame was taken in part. */
  #held: Accepting | Dialing | undefined

  constructor(name: string, world: MeshWorld) {
    super(name, world, world.link.heartbeatMs)
    this.random = world.random.fork()
    this.clock = {
      now: () => this.now,
      wallNow: () => wallStart + this.now,
      setTimer: (callback, delayMs) => {
        let isSet = true
        this.enqueueLater(delayMs, () => isSet && callback())
        return {
          cancel: () => {
            isSet = false
          },
        }
      },
    }
  }

  /** Addresses of the links that are dialed, those that are being retired included. */
  get dialedAddresses(): readonly string[] {
    return [...this.#links].map(({ address }) => address)
  }

  override enqueue(event: () => void): void {
    super.enqueue(() => {
      this.world.turns.begin(this)
      event()
    })
  }

  held(): void {
    this.note('holds')
  }

  takeRest(): boolean {
    return this.#held?.takeRest() ?? true
  }

  note(what: string, ...numbers: readonly number[]): void {
    this.world.trace.note(this.now, this.name, what, ...numbers)
  }

  /** Reads something of the sockets, in order. */
  read(link: Accepting | Dialing, take: () => boolean): void {
    const { life } = this
    this.enqueue(() =>
      this.#reads.read(() => {
        if (life !== this.life || take()) return true
        this.#held = link
        return false
      }),
    )
  }

  /** Begins to accept and to dial, with these users of every session. */
  protected openLinks(users: readonly LinkUser[]): void {
    this.#users = users
    this.#accepting = new Accepting(this)
    this.world.listeners.set(this.address, this)
  }

  /** Dials the addresses that are new, and retires the links that are not wanted any more. */
  protected follow(addresses: readonly string[]): void {
    for (const [address, link] of this.#dialed) {
      if (addresses.includes(address)) continue
      this.#dialed.delete(address)
      this.note('retires')
      link.retire()
    }
    for (const address of addresses) {
      if (this.#dialed.has(address)) continue
      this.note('dials')
      const link = new Dialing(this, address)
      this.#dialed.set(address, link)
      this.#links.add(link)
    }
  }

  /** Says goodbye on all links. */
  protected sayGoodbye(): void {
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    for (const link of this.#links) link.close(closed)
    this.#accepting?.close(closed)
  }

  /** Loses all links without a word. */
  protected dropLinks(): void {
    if (this.world.listeners.get(this.address) === this) this.world.listeners.delete(this.address)
    for (const link of this.#links) link.drop()
    this.#accepting?.drop()
    this.#links.clear()
    this.#dialed.clear()
    this.#accepting = undefined
    this.#held = undefined
    this.#reads.clear()
  }

  abstract report(error: RivuletError): void

  protected override tick(): void {
    this.#accepting?.tick()
    for (const link of [...this.#links]) link.tick()
  }

  /** What a turn produced leaves at its end, by `atEndOfTurn`. */
  protected override endTurn(): void {}

  /** What takes connections now. */
  get accepting(): Accepting | undefined {
    return this.#accepting
  }

  accept(session: SessionStreams, dialed: string | undefined): SharedSession {
    const id = this.random.bytes(8).toString('hex')
    return new SharedSession(session, this.#users, { id, identity: undefined, dialed })
  }

  retired(link: Dialing): void {
    this.note('retired')
    this.#links.delete(link)
    link.close(new RivuletError('RIVULET_CLOSED', 'the link was retired'))
    this.enqueueLater(0, () => link.drop())
  }

  /** What both kinds of link machine need alike. */
  readonly linkPorts = {
    now: () => this.now,
    spend: () => turnBudget.exceed(),
    report: (error: RivuletError) => this.report(error),
  }
}
