/** A host of a simulated directory: the registry and the serving side of the package over simulated links. */
import { Registry } from '../../patterns/directory/registry.js'
import { type DirectoryServingHost, serveAttendant } from '../../patterns/directory/serving.js'
import { type AttendRequest, DirectoryService } from '../../patterns/directory/wire.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { type CallContext, CallHost, type CallStream, callerConnectionOf } from '../../src/call/index.js'
import { ServedStreams } from '../../src/conversation/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { addressOf, type SimulatedLinkOptions } from './link-ends.js'
import { SimulatedLinks } from './simulated-links.js'
import { TurnProcess, type TurnWorld } from './turn-process.js'

/** Nobody is refused. */
const anybody = { key: '', mayAnnounce: () => true }

/** How a host is set up. */
export interface SimulatedHostSettings {
  readonly links: SimulatedLinkOptions
  readonly leaseMs: number
  readonly graceMs: number
  /** The registry, which may be broken. */
  readonly makeRegistry?: (...parameters: ConstructorParameters<typeof Registry>) => Registry
}

/** A host. */
export class SimulatedDirectoryHost extends TurnProcess {
  readonly address: string
  /** What it serves, while it is up. */
  serving: DirectoryServingHost | undefined
  readonly #settings: SimulatedHostSettings
  #links: SimulatedLinks | undefined

  constructor(name: string, world: TurnWorld, settings: SimulatedHostSettings) {
    super(name, world, settings.links.link.heartbeatMs)
    this.address = addressOf(name)
    this.#settings = settings
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.enqueue(() => this.#open())
  }

  override crash(): void {
    this.note('crashes')
    this.serving?.registry.close()
    this.#links?.drop()
    this.#links = undefined
    this.serving = undefined
    this.stop()
  }

  override report({ code }: RivuletError): void {
    this.note(code)
  }

  protected override tick(): void {
    this.#links?.tick()
  }

  #open(): void {
    const { clock, random, world } = this
    const { links, leaseMs, graceMs, makeRegistry } = this.#settings
    const settings = { leaseMs, graceMs, maxAnnouncements: 1000, maxClientAnnouncements: 1000 }
    const serving: DirectoryServingHost = {
      id: random.bytes(16).toString('hex'),
      clock,
      registry: makeRegistry?.(settings, clock) ?? new Registry(settings, clock),
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
    this.#links = new SimulatedLinks(this, links, [calls])
    this.#links.listen(this.address)
  }
}
