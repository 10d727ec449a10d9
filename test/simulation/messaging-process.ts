/**
 * A process with peers in simulated trouble: a node of the package over simulated links, and the peers that come and go in it.
 *
 * It stalls, dies without a word, closes in good order, and starts again, perhaps elsewhere.
 */
import { PeerNode } from '../../patterns/messaging/node.js'
import type { Endpoint } from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { MessagingOracle } from './messaging-oracle.js'
import { SimulatedPeer } from './messaging-peer.js'
import type { MessagingPlan } from './messaging-plan.js'
import type { DirectoryClient, SimulatedDirectory } from './simulated-directory.js'
import { SimulatedLinks } from './simulated-links.js'
import { TurnProcess, type TurnWorld } from './turn-process.js'

/** The world that all parts of a run share. */
export interface MessagingWorld extends TurnWorld {
  readonly plan: MessagingPlan
  readonly oracle: MessagingOracle
  /** The addresses that a process dials whatever a directory lists. */
  addressesFor(process: MessagingProcess): readonly string[]
  /** Where processes find each other, if there is such a place. */
  readonly directory: SimulatedDirectory | undefined
}

/** The least and the longest wait before a connection is tried again, in milliseconds. */
const waitMs = [1, 100] as const

/** A process. */
export class MessagingProcess extends TurnProcess {
  declare readonly world: MessagingWorld
  #node: PeerNode | undefined
  readonly peers = new Set<SimulatedPeer>()
  #isOpen = false
  #directory: DirectoryClient | undefined
  #links: SimulatedLinks | undefined
  /** Where it listens; another one after it has moved. */
  address = ''

  constructor(name: string, world: MessagingWorld) {
    super(name, world, world.plan.link.heartbeatMs)
  }

  get node(): PeerNode | undefined {
    return this.#node
  }

  /** Whether it takes part, rather than being closed or about to. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Whether one of its peers holds its name, as far as it knows. */
  get holdsName(): boolean {
    return [...this.peers].some(({ ref }) => this.#node?.roster.get(ref.incarnation) !== undefined)
  }

  override boot(): void {
    const { world, life } = this
    // a process may come back elsewhere, where others find it again
    if (world.directory !== undefined && this.random.chance(0.5)) this.address = `sim://${this.name}/${life}`
    this.start()
    this.note('boots')
    this.enqueue(() => {
      const { clock, random } = this
      const addresses = this.world.addressesFor(this)
      this.#directory = world.directory?.connect()
      const node = new PeerNode({
        clock,
        id: random.bytes(16).toString('hex'),
        jitter: () => random.below(1000) / 1000,
        name: () => this.name,
        directory: this.#directory,
        connect: addresses.map((address) => ({ address })),
        report: (error: RivuletError) => this.report(error),
        endpoints: () => [this.address],
        permits: () => true,
        policy: undefined,
        unreachable: () => '',
        limited: () => {},
        identity: undefined,
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
    const peer = new SimulatedPeer(this, node, `peer${random.below(names)}`)
    this.note(`adds ${peer.ref.name} ${peer.ref.incarnation.slice(28)}`)
    peer.begin()
    if (node.add(peer.local, random.chance(habits.takeovers)) !== undefined) {
      peer.ended()
      return
    }
    this.peers.add(peer)
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
    this.#forget(false)
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
    await node.callHost.drain()
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    await Promise.all([node.stopAll(closed), node.callHost.stopAll(closed)])
    if (life !== this.life) return
    node.stop()
    this.#links?.sayGoodbye()
    // what was said leaves at the end of this turn
    this.enqueueLater(0, () => {
      this.#forget(true)
      this.world.scheduler.after(this.random.below(3000), () => this.isAlive || this.boot())
    })
  }

  protected override tick(): void {
    this.#links?.tick()
  }

  override report(error: RivuletError): void {
    this.note(error.code)
    this.world.oracle.watch((oracle) => oracle.reported(this.name, error))
  }

  #forget(isOrderly: boolean): void {
    if (this.#directory !== undefined) this.world.directory?.disconnect(this.#directory, isOrderly)
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
