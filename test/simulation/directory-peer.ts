/**
 * A client of a simulated directory: the client machine of the package, with a dialer for each host.
 *
 * It announces services and peers, withdraws them, and watches; what it sees goes to the oracle.
 */
import type { Subscription } from 'rxjs'
import { peersOf } from '../../patterns/directory/announced-lists.js'
import { DirectoryClient } from '../../patterns/directory/directory-client.js'
import type { MergedViews, MergedViewsPorts } from '../../patterns/directory/merged-views.js'
import { ViewReaders } from '../../patterns/directory/view-readers.js'
import { peersView, type View, viewKey } from '../../patterns/directory/wire.js'
import { Dialer, SharedSession } from '../../src/session/index.js'
import type { SimulatedDirectoryHost } from './directory-host.js'
import { connectionLost, DirectoryProcess, type DirectoryWorld, linkSettings, times } from './directory-process.js'
import type { Connection, NetworkEnd } from './network.js'

/** The names of services that are announced. */
export const serviceNames = ['a', 'b'] as const
/** The names of peers: few, so that they collide. */
const peerNames = ['p', 'q'] as const

const views: readonly View[] = [...serviceNames.map((name) => ({ role: 'SERVICE', name }) as const), peersView]

/** One host as a client reaches it. */
class Place implements NetworkEnd {
  readonly #process: DirectoryPeer
  readonly host: SimulatedDirectoryHost
  readonly #dialer: Dialer
  #connection: Connection | undefined

  constructor(process: DirectoryPeer, host: SimulatedDirectoryHost, client: DirectoryClient) {
    this.#process = process
    this.host = host
    const { random } = process
    this.#dialer = new Dialer(linkSettings, {
      ...process.ports,
      random: (bytes) => random.bytes(bytes),
      transmit: (frame) => this.#connection?.send('dialer', frame),
      flushLater: () => process.atEnd(() => this.#dialer.flush()),
      reconnect: () => {
        const connection = this.#connection
        connection?.cut('dialer')
        if (connection) process.enqueue(() => this.#down(connection))
      },
      accept: (session) =>
        new SharedSession(session, [client], {
          id: random.bytes(8).toString('hex'),
          identity: undefined,
          dialed: host.name,
        }),
    })
    this.#connectLater()
  }

  get connection(): Connection | undefined {
    return this.#connection
  }

  get isLive(): boolean {
    return this.#dialer.session.status === 'live'
  }

  arrived(connection: Connection, frame: Buffer): void {
    this.#process.enqueue(() => {
      if (connection !== this.#connection || this.#dialer.receive(frame)) return
      while (!this.#dialer.takeRest());
    })
  }

  lost(connection: Connection): void {
    this.#process.enqueue(() => this.#down(connection))
  }

  tick(): void {
    this.#dialer.tick()
  }

  /** The process has died: nothing comes to this any more. */
  crash(): void {
    this.#connection?.cut('dialer')
    this.#connection = undefined
  }

  #down(connection: Connection): void {
    if (connection !== this.#connection) return
    this.#connection = undefined
    this.#process.note(`down ${this.host.name}`)
    this.#dialer.down(connectionLost())
    this.#connectLater()
  }

  #connectLater(): void {
    const { random, world, name } = this.#process
    this.#process.enqueueLater(random.between(50, 1000), () => {
      const { host } = this
      const ends = { dialer: this, acceptor: host }
      const connection = host.isAlive ? world.network.connect(name, ends) : undefined
      if (!connection) {
        this.#connectLater()
        return
      }
      this.#process.note(`up ${host.name}`)
      host.admit(connection)
      this.#connection = connection
      this.#dialer.up()
    })
  }
}

/** A client. */
export class DirectoryPeer extends DirectoryProcess {
  readonly #hosts: readonly SimulatedDirectoryHost[]
  #client: DirectoryClient | undefined
  #readers: ViewReaders | undefined
  #announced: string[] = []
  readonly #subscriptions = new Map<string, Subscription>()
  places: readonly Place[] = []
  readonly ports = this.linkPorts

  constructor(name: string, world: DirectoryWorld, hosts: readonly SimulatedDirectoryHost[]) {
    super(name, world)
    this.#hosts = hosts
  }

  /** Whether it speaks with all hosts. */
  get isConnected(): boolean {
    return this.places.length === this.#hosts.length && this.places.every(({ isLive }) => isLive)
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.enqueue(() => {
      const { clock, random, world, name } = this
      const { MergedViews } = world.machines
      class Client extends DirectoryClient {
        protected override makeViews(ports: MergedViewsPorts): MergedViews {
          return new MergedViews(ports)
        }
      }
      const client = new Client({
        clock,
        random: () => random.below(1000) / 1000,
        id: random.bytes(16).toString('hex'),
        staleMs: times.staleMs,
        name: () => name,
        report: (error) => this.report(error),
        changed: (view) => this.#readers?.changed(view),
      })
      this.#client = client
      this.#readers = new ViewReaders(client)
      this.places = this.#hosts.map((host) => new Place(this, host, client))
      for (const view of views) this.#watch(view)
      if (random.chance(0.7)) this.act()
    })
  }

  override crash(): void {
    this.note('crashes')
    for (const place of this.places) place.crash()
    this.places = []
    this.#client = undefined
    this.#readers = undefined
    this.#announced = []
    this.world.oracle.died(this.name)
    this.stop()
  }

  /** Announces or withdraws something. */
  act(): void {
    this.enqueue(() => {
      const { random } = this
      if (random.chance(0.2)) this.#readAgain(random.pick(views))
      else if (this.#announced.length > 0 && random.chance(0.4)) this.#withdraw(random.pick(this.#announced))
      else this.#announce()
    })
  }

  atEnd(flush: () => void): void {
    this.flushLater(flush)
  }

  protected override tick(): void {
    for (const place of this.places) place.tick()
  }

  #announce(): void {
    const { random, world, name } = this
    const instance = random.bytes(4).toString('hex')
    const role = random.chance(0.3) ? 'PEER' : 'SERVICE'
    const service = random.pick(role === 'PEER' ? peerNames : serviceNames)
    const epoch = role === 'PEER' ? random.between(1, 2) : 0
    const places = [{ address: `tcp://${name}:1`, serverKeys: [] }]
    this.note('announces')
    this.#announced.push(instance)
    world.oracle.announced(name, { role, name: service, instance, epoch })
    this.#client?.announce(
      { instance, role, name: service, epoch, places, metadata: {} },
      { confirmed: () => this.note('confirmed'), refused: (error) => world.oracle.fail(error.message) },
    )
  }

  #withdraw(instance: string): void {
    this.note('withdraws')
    this.#announced.splice(this.#announced.indexOf(instance), 1)
    this.world.oracle.withdrawn(instance)
    const { life } = this
    void this.#client?.withdraw(instance).then(() => life === this.life && this.note('withdrawn'))
  }

  /** Reads a view no more, and again: what is in transit for the former reader must not disturb the next. */
  #readAgain(view: View): void {
    this.note('reads again')
    const key = viewKey(view)
    this.#subscriptions.get(key)?.unsubscribe()
    this.world.oracle.forgets(this.name, key)
    this.#watch(view)
  }

  #watch(view: View): void {
    const { world, name, life } = this
    const subscription = this.#readers?.read(view).subscribe((entries) => {
      if (life !== this.life) return
      const conflicts = view.role === 'PEER' ? world.machines.conflictsOf(peersOf(entries.values())) : []
      const told = conflicts.map(({ name, winner, losers }) => `${name}: ${winner.instance} of ${losers.length + 1}`)
      this.note('sees', entries.size)
      world.oracle.saw(name, viewKey(view), [...entries.keys()], told.sort().join(', '))
    })
    if (subscription) this.#subscriptions.set(viewKey(view), subscription)
  }
}
