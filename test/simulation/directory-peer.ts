/**
 * A client of a simulated directory: the client machine of the package, with a link to each host.
 *
 * It announces services and peers, withdraws them, and watches; what it sees goes to the oracle.
 */
import type { Subscription } from 'rxjs'
import { peersOf } from '../../patterns/directory/announced-lists.js'
import { DirectoryClient } from '../../patterns/directory/directory-client.js'
import type { MergedViews, MergedViewsPorts } from '../../patterns/directory/merged-views.js'
import { ViewReaders } from '../../patterns/directory/view-readers.js'
import { peersView, type View, viewKey } from '../../patterns/directory/wire.js'
import type { RivuletError } from '../../src/errors/index.js'
import { type DirectoryWorld, linkOptions, times } from './directory-world.js'
import { SimulatedLinks } from './simulated-links.js'
import { TurnProcess } from './turn-process.js'

/** The names of services that are announced. */
export const serviceNames = ['a', 'b'] as const
/** The names of peers: few, so that they collide. */
const peerNames = ['p', 'q'] as const

const views: readonly View[] = [...serviceNames.map((name) => ({ role: 'SERVICE', name }) as const), peersView]

/** A client. */
export class DirectoryPeer extends TurnProcess {
  declare readonly world: DirectoryWorld
  readonly #hosts: readonly string[]
  #client: DirectoryClient | undefined
  #readers: ViewReaders | undefined
  #links: SimulatedLinks | undefined
  #announced: string[] = []
  readonly #subscriptions = new Map<string, Subscription>()

  /** @param hosts - The addresses of all hosts. */
  constructor(name: string, world: DirectoryWorld, hosts: readonly string[]) {
    super(name, world, linkOptions.link.heartbeatMs)
    this.#hosts = hosts
  }

  /** Whether it speaks with all hosts. */
  get isConnected(): boolean {
    const dialed = this.#links?.dialed ?? []
    return dialed.length === this.#hosts.length && dialed.every(({ isLive }) => isLive)
  }

  /** Loses its connections. */
  cut(): void {
    for (const { connection } of this.#links?.dialed ?? []) connection?.cut()
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
      this.#links = new SimulatedLinks(this, linkOptions, [client])
      this.#links.follow(this.#hosts)
      for (const view of views) this.#watch(view)
      if (random.chance(0.7)) this.act()
    })
  }

  override crash(): void {
    this.note('crashes')
    this.#links?.drop()
    this.#links = undefined
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

  override report({ code }: RivuletError): void {
    this.note(code)
  }

  protected override tick(): void {
    this.#links?.tick()
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
