/**
 * Processes of a simulation for any users of links: one accepts, the others dial it; connections come and go.
 *
 * They drive the machines of `src/session` as `src/link` does.
 */
import { RivuletError } from '../../src/errors/index.js'
import { Acceptor, Dialer, type DialerSettings, type LinkUser, SharedSession } from '../../src/session/index.js'
import type { Connection, Network, NetworkEnd } from '../simulation/network.js'
import { SimulatedProcess, type SimulatedWorld } from '../simulation/simulated-process.js'

/** What they share. */
export interface LinkWorld extends SimulatedWorld {
  readonly network: Network
  readonly settings: DialerSettings & { readonly maxSessions: number }
}

const lost = () => new RivuletError('RIVULET_TRANSPORT_FAILED', 'the connection was cut')

abstract class LinkProcess extends SimulatedProcess implements NetworkEnd {
  declare readonly world: LinkWorld
  readonly #flushes = new Set<() => void>()

  constructor(name: string, world: LinkWorld) {
    super(name, world, world.settings.heartbeatMs)
    this.start()
  }

  abstract arrived(connection: Connection, frame: Buffer): void
  abstract lost(connection: Connection): void

  protected get ports() {
    return {
      now: () => this.now,
      spend: () => false,
      report: ({ code }: RivuletError) => this.world.trace.note(this.now, this.name, code),
    }
  }

  protected flushLater(flush: () => void): void {
    this.#flushes.add(flush)
  }

  protected override endTurn(): void {
    const flushes = [...this.#flushes]
    this.#flushes.clear()
    for (const flush of flushes) flush()
  }
}

/** A process that accepts. */
export class AcceptingProcess extends LinkProcess {
  readonly #connections = new Map<string, Connection>()
  readonly #acceptor: Acceptor

  constructor(name: string, world: LinkWorld, users: readonly LinkUser[]) {
    super(name, world)
    const { random } = world
    this.#acceptor = new Acceptor(world.settings, {
      ...this.ports,
      transmit: (peer, frame) => this.#connections.get(peer)?.send('acceptor', frame),
      flushLater: (flush) => this.flushLater(flush),
      accept: (session) =>
        new SharedSession(session, users, {
          id: random.bytes(8).toString('hex'),
          identity: undefined,
          dialed: undefined,
        }),
    })
  }

  admit(connection: Connection): void {
    this.#connections.set(connection.name, connection)
  }

  override arrived({ name }: Connection, frame: Buffer): void {
    this.enqueue(() => {
      if (this.#connections.has(name) && !this.#acceptor.receive(name, frame)) this.enqueue(() => this.#takeHeld())
    })
  }

  override lost({ name }: Connection): void {
    this.enqueue(() => {
      if (this.#connections.delete(name)) this.#acceptor.gone(name, lost())
    })
  }

  protected override tick(): void {
    this.#acceptor.tick()
  }

  #takeHeld(): void {
    while (!this.#acceptor.takeRest());
  }
}

/** A process that dials, again and again. */
export class DialingProcess extends LinkProcess {
  readonly #to: AcceptingProcess
  readonly #dialer: Dialer
  connection: Connection | undefined

  constructor(name: string, world: LinkWorld, to: AcceptingProcess, users: readonly LinkUser[]) {
    super(name, world)
    this.#to = to
    const { random } = world
    this.#dialer = new Dialer(world.settings, {
      ...this.ports,
      random: (bytes) => random.bytes(bytes),
      transmit: (frame) => this.connection?.send('dialer', frame),
      flushLater: () => this.flushLater(() => this.#dialer.flush()),
      reconnect: () => {
        const { connection } = this
        connection?.cut('dialer')
        if (connection) this.enqueue(() => this.#down(connection))
      },
      accept: (session) =>
        new SharedSession(session, users, {
          id: random.bytes(8).toString('hex'),
          identity: undefined,
          dialed: undefined,
        }),
    })
    this.#connectLater()
  }

  override arrived(connection: Connection, frame: Buffer): void {
    this.enqueue(() => connection === this.connection && this.#dialer.receive(frame))
  }

  override lost(connection: Connection): void {
    this.enqueue(() => this.#down(connection))
  }

  protected override tick(): void {
    this.#dialer.tick()
  }

  #down(connection: Connection): void {
    if (connection !== this.connection) return
    this.connection = undefined
    this.#dialer.down(lost())
    this.#connectLater()
  }

  #connectLater(): void {
    this.enqueueLater(this.world.random.between(1, 200), () => {
      const connection = this.world.network.connect(this.name, { dialer: this, acceptor: this.#to })
      if (connection === undefined) {
        this.#connectLater()
        return
      }
      this.#to.admit(connection)
      this.connection = connection
      this.#dialer.up()
    })
  }
}
