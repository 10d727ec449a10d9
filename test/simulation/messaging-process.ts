/**
 * A process with peers in simulated trouble: a node of the package over simulated links, and the peers that come and go in it.
 *
 * It stalls, dies without a word, closes in good order, and starts again, perhaps elsewhere.
 */
import { PeerNode } from '../../patterns/messaging/node.js'
import { memberWith } from '../../patterns/messaging/peer-claim.js'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import { addressOf } from './link-ends.js'
import type { MessagingOracle } from './messaging-oracle.js'
import { SimulatedPeer } from './messaging-peer.js'
import type { MessagingPlan } from './messaging-plan.js'
import { SimulatedDirectory } from './simulated-directory.js'
import { SimulatedLinks } from './simulated-links.js'
import { TurnProcess, type TurnWorld } from './turn-process.js'

/** The world that all parts of a run share. */
export interface MessagingWorld extends TurnWorld {
  readonly plan: MessagingPlan
  readonly oracle: MessagingOracle
  /** The addresses that a process dials whatever a directory lists. */
  addressesFor(process: MessagingProcess): readonly string[]
  /** Where processes find each other, if there are such places: the addresses of hosts that a process knows. */
  hostsFor(): readonly string[]
}

/** The least and the longest wait before a connection is tried again, in milliseconds. */
const waitMs = [1, 100] as const

/** A process. */
export class MessagingProcess extends TurnProcess {
  declare readonly world: MessagingWorld
  #node: PeerNode | undefined
  readonly peers = new Set<SimulatedPeer>()
  #isOpen = false
  #directory: SimulatedDirectory | undefined
  #links: SimulatedLinks | undefined
  /** Where it listens; another one after it has moved. */
  address = ''

  /** Its place among the processes. */
  readonly number: number

  constructor(number: number, world: MessagingWorld) {
    super(`m${number}`, world, world.plan.link.heartbeatMs)
    this.number = number
    this.address = addressOf(this.name)
  }

  /** Who its peers are. */
  get identity(): PeerIdentity | undefined {
    return this.world.keyring?.identityOf(this.name)
  }

  get node(): PeerNode | undefined {
    return this.#node
  }

  /** Whether it takes part, rather than being closed or about to. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Its links to another process. */
  linksTo({ node, identity }: MessagingProcess): number {
    return node === undefined ? 0 : (this.#node?.linksTo(memberWith(node.id, identity?.publicKey)) ?? 0)
  }

  /** Whether one of its peers holds its name, as far as it knows. */
  get holdsName(): boolean {
    const { roster } = this.#node ?? {}
    return [...this.peers].some(({ ref }) => roster?.find(ref.name)?.ref.incarnation === ref.incarnation)
  }

  override boot(): void {
    const { world, life } = this
    // a process may come back elsewhere, where others find it again
    if (world.plan.hosts > 0 && this.random.chance(0.5)) this.address = addressOf(this.name, life)
    this.start()
    this.note('boots')
    this.enqueue(() => {
      const { clock, random } = this
      const addresses = this.world.addressesFor(this)
      this.#directory = world.plan.hosts > 0 ? new SimulatedDirectory(this, world.plan) : undefined
      this.#directory?.links.follow(world.hostsFor())
      const node = new PeerNode({
        clock,
        id: random.bytes(16).toString('hex'),
        jitter: () => random.below(1000) / 1000,
        name: () => this.name,
        directory: this.#directory?.peers,
        connect: addresses.map((address) => ({ address })),
        report: (error: RivuletError) => this.report(error),
        endpoints: () => [this.address],
        permits: () => true,
        policy: undefined,
        unreachable: () => '',
        limited: () => {},
        identity: this.identity,
      })
      this.#node = node
      this.#isOpen = true
      this.add()
      const links = new SimulatedLinks(this, { link: world.plan.link, waitMs }, [node, node.callHost])
      this.#links = links
      links.listen(this.address)
      node.roster.start()
      node.announce([{ address: this.address }])
      node.dialing.lists.subscribe((list) => {
        if (links === this.#links) links.follow(list.map((endpoint) => (endpoint as Endpoint).address))
      })
    })
  }

  /** Adds a peer of one of the names. */
  add(): void {
    const { random, world } = this
    const { names, peers, habits } = world.plan
    const node = this.#node
    if (node === undefined || !this.#isOpen || this.peers.size >= peers) return
    const peer = new SimulatedPeer(this, node, this.#drawName(names))
    this.note(`adds ${peer.ref.name} ${peer.ref.incarnation.slice(28)}`)
    peer.begin()
    if (node.add(peer.local, random.chance(habits.takeovers)) !== undefined) {
      peer.ended()
      return
    }
    this.peers.add(peer)
  }

  /** A name; with keys a name that is no other process's, since it belongs to the key of its first holder. */
  #drawName(names: number): string {
    const { plan, keyring } = this.world
    const drawn = this.random.below(names)
    if (keyring === undefined) return `peer${drawn}`
    return `peer${drawn - (drawn % plan.processes) + this.number}`
  }

  /** Closes a peer. */
  async remove(peer: SimulatedPeer, waitMs: number): Promise<void> {
    const { life } = this
    this.note(`removes ${peer.ref.incarnation.slice(28)}`, waitMs)
    await peer.finish(this.now + waitMs)
    if (life === this.life) this.peers.delete(peer)
  }

  /** Ends without a word. */
  override crash(): void {
    this.note('crashes')
    this.#forget()
  }

  /** Closes in good order, waiting at most so long. */
  async close(waitMs: number): Promise<void> {
    const node = this.#node
    if (node === undefined || !this.#isOpen) return
    const { life } = this
    this.note('closes', waitMs)
    this.#isOpen = false
    await Promise.all([...this.peers].map((peer) => this.remove(peer, waitMs)))
    await node.finish()
    if (life !== this.life) return
    await this.#links?.finish()
    if (life !== this.life) return
    // hosts that are not there are not waited for
    await this.#directory?.finish()
    if (life !== this.life) return
    // what was said leaves at the end of this turn
    this.enqueueLater(0, () => {
      this.#forget()
      this.world.scheduler.after(this.random.below(3000), () => this.isAlive || this.boot())
    })
  }

  /** Knows other hosts of directories. */
  meetHosts(addresses: readonly string[]): void {
    this.enqueue(() => this.#directory?.links.follow(addresses))
  }

  protected override tick(): void {
    this.#links?.tick()
    this.#directory?.links.tick()
  }

  override report(error: RivuletError): void {
    this.note(error.code)
    this.world.oracle.watch((oracle) => oracle.reported(this.name, error))
  }

  #forget(): void {
    this.#directory?.drop()
    this.#directory = undefined
    for (const peer of this.peers) peer.ended()
    this.peers.clear()
    this.#links?.drop()
    this.#links = undefined
    this.#node = undefined
    this.#isOpen = false
    this.stop()
  }
}
