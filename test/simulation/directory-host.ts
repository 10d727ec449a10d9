/** A host of a simulated directory: the registry and the serving side of the package over an acceptor. */
import { type DirectoryServingHost, serveAttendant } from '../../patterns/directory/serving.js'
import { type AttendRequest, DirectoryService } from '../../patterns/directory/wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { type CallContext, CallHost, type CallStream, callerConnectionOf } from '../../src/call/index.js'
import { ServedStreams } from '../../src/conversation/index.js'
import { Acceptor } from '../../src/session/index.js'
import { connectionLost, DirectoryProcess, linkSettings, times } from './directory-process.js'
import type { Connection, NetworkEnd } from './network.js'

/** Nobody is refused. */
const anybody = { key: '', mayAnnounce: () => true }

/** A host. */
export class SimulatedDirectoryHost extends DirectoryProcess implements NetworkEnd {
  /** What it serves, while it is up. */
  serving: DirectoryServingHost | undefined
  #acceptor: Acceptor | undefined
  readonly #connections = new Map<string, Connection>()

  override boot(): void {
    this.start()
    this.note('boots')
    this.enqueue(() => this.#open())
  }

  override crash(): void {
    this.note('crashes')
    this.serving?.registry.close()
    for (const connection of this.#connections.values()) connection.cut('acceptor')
    this.#connections.clear()
    this.#acceptor = undefined
    this.serving = undefined
    this.stop()
  }

  /** A connection is made. */
  admit(connection: Connection): void {
    this.#connections.set(connection.name, connection)
  }

  arrived(connection: Connection, frame: Buffer): void {
    const { name } = connection
    this.enqueue(() => {
      if (this.#connections.get(name) === connection && this.#acceptor?.receive(name, frame) === false) this.#takeRest()
    })
  }

  lost(connection: Connection): void {
    const { name } = connection
    this.enqueue(() => {
      if (this.#connections.get(name) !== connection) return
      this.note('loses')
      this.#connections.delete(name)
      this.#acceptor?.gone(name, connectionLost())
    })
  }

  protected override tick(): void {
    this.#acceptor?.tick()
  }

  #takeRest(): void {
    while (this.#acceptor?.takeRest() === false);
  }

  #open(): void {
    const { clock, random, world } = this
    const { Registry } = world.machines
    const limits = { maxAnnouncements: 1000, maxClientAnnouncements: 1000 }
    const serving: DirectoryServingHost = {
      id: random.bytes(16).toString('hex'),
      clock,
      registry: new Registry({ ...times, ...limits }, clock),
      watches: { count: 0, most: 1000 },
      attending: new Map(),
      streams: new ServedStreams(),
      isOpen: true,
      isServing: true,
      report: (error) => this.report(error),
      refused: (error) => world.oracle.fail(`${this.name} refuses: ${error.message}`),
    }
    const attend = (items: unknown, context: CallContext) =>
      serveAttendant(serving, items as CallStream<AttendRequest>, context.peer, anybody, callerConnectionOf(context))
    const handlers = new Map([['attend', attend]])
    const calls = new CallHost([{ codec: serviceOf(DirectoryService), handlers }], serving)
    this.serving = serving
    this.#acceptor = new Acceptor(
      { ...linkSettings, maxSessions: 100 },
      {
        ...this.linkPorts,
        transmit: (peer, frame) => this.#connections.get(peer)?.send('acceptor', frame),
        flushLater: (flush) => this.flushLater(flush),
        accept: (session) =>
          calls.accept(session, { id: random.bytes(8).toString('hex'), identity: undefined, dialed: undefined }),
      },
    )
  }
}
