/**
 * A hub of a simulation: it is that of the package, with simulated sockets, links and disks.
 */
import { NEVER } from 'rxjs'
import type { OpenLinks } from '../../patterns/pubsub/history-server.js'
import { HubCore } from '../../patterns/pubsub/hub-core.js'
import { openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import { readTopicLogs } from '../../patterns/pubsub/stored-topic-logs.js'
import type { TopicLogs } from '../../patterns/pubsub/topic-log.js'
import type { RivuletError } from '../../src/errors/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import type { SecurityGuard } from '../../src/security/index.js'
import { SimulatedLinks } from './simulated-links.js'
import { SimulatedDisk } from './topics-disk.js'
import { SimulatedHubLinks, SimulatedPublishersSocket, SimulatedSubscribersSocket } from './topics-hub-sockets.js'
import type { HubPlan } from './topics-plan.js'
import type { RealmGuard } from './topics-realm.js'
import type { HubWiring } from './topics-shape.js'
import type { TopicsWorld } from './topics-world.js'
import { TurnProcess } from './turn-process.js'

/** What one life of a hub is made of. */
interface Life {
  readonly core: HubCore
  readonly above: readonly SimulatedPublishersSocket[]
  readonly below: SimulatedSubscribersSocket
  readonly links: SimulatedHubLinks
  readonly served: Set<SimulatedLinks>
  readonly guards: readonly (RealmGuard | undefined)[]
  isOpen: boolean
}

/** A hub. */
export class SimulatedHub extends TurnProcess {
  declare readonly world: TopicsWorld
  readonly #plan: HubPlan
  readonly #wiring: HubWiring
  readonly #disk = new SimulatedDisk()
  /** Whether nothing goes wrong any more: writes are quick. */
  isCalm = false
  #it: Life | undefined

  constructor(name: string, world: TopicsWorld, plan: HubPlan, wiring: HubWiring) {
    super(name, world, world.plan.links.link.heartbeatMs)
    this.#plan = plan
    this.#wiring = wiring
  }

  /** Whether it is connected to all that it takes messages from. */
  get isConnected(): boolean {
    const it = this.#it
    return it?.isOpen === true && it.above.every((socket) => socket.isConnected(this.#wiring.accepts))
  }

  /** Where the sockets led that it has ended for good. */
  get ended(): readonly string[] {
    return this.#it?.above.filter(({ isEnded }) => isEnded).map(({ address }) => address) ?? []
  }

  /** Publishers whose messages it keeps. */
  kept(): string[] {
    const { history } = this.#it?.core.below ?? {}
    return [...(history?.kept() ?? [])].map(({ source }) => source)
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.enqueue(() => void this.#open())
  }

  override crash(): void {
    const kept = this.random.below(this.#disk.writes + 1)
    this.note('crashes', kept)
    const it = this.#it
    this.#it = undefined
    for (const socket of it?.above ?? []) socket.close()
    it?.below.drop()
    it?.links.drop()
    for (const links of it?.served ?? []) links.drop()
    it?.core.close(0)
    for (const one of it?.guards ?? []) one?.guard.close()
    this.#disk.crash(kept)
    this.stop()
  }

  override report({ code, message }: RivuletError): void {
    this.note(code)
    if (code === 'RIVULET_BAD_FRAME' || code === 'RIVULET_CORRUPT_FRAME') this.world.oracle.fail(message)
  }

  protected override tick(): void {
    this.#it?.links.tick()
    for (const links of this.#it?.served ?? []) links.tick()
  }

  async #open(): Promise<void> {
    const { world } = this
    const { above: where, below: down } = this.#wiring
    const { keeping, maxMessages } = this.#plan
    const above: SimulatedPublishersSocket[] = []
    let below: SimulatedSubscribersSocket | undefined
    let links: SimulatedHubLinks | undefined
    const served = new Set<SimulatedLinks>()
    const { realm, plan } = world
    const guards = { above: realm?.open(`${this.name}/above`, this), below: realm?.open(`${this.name}/below`, this) }
    const { sendMs: most = 0 } = plan.slowHubs ?? {}
    const sendMs = () => (most === 0 || this.isCalm ? 0 : this.random.below(most + 1))
    const secured = { insecure: false, highWaterMark: plan.policy?.highWaterMark ?? 1000 }
    const bounds = { maxMessages, maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: Number.POSITIVE_INFINITY }
    const isThis = () => this.#it?.core === core
    const report = (error: RivuletError) => this.report(error)
    const core: HubCore = new HubCore(
      {
        publishers: {
          ...secured,
          security: guards.above?.options,
          bind: where.bind === undefined ? [] : [where.bind],
          connect: where.connect.map((address) => ({ address })),
          maxMessageBytes: 1000,
        },
        subscribers: {
          ...secured,
          security: guards.below?.options,
          bind: down.bind === undefined ? [] : [down.bind],
          connect: down.connect.map((address) => ({ address })),
          slowSubscribers: 'drop',
          outboxBytes: plan.slowHubs?.outboxBytes ?? 1_048_576,
          subscriptionBytes: 1_048_576,
        },
        history: keeping === 'nowhere' ? undefined : { ...bounds, path: undefined, bind: [] },
      },
      {
        runtime: createRuntime({ clock: this.clock }),
        report,
        reports: { report },
        name: () => this.name,
        isOpen: isThis,
        random: (bytes) => this.random.bytes(bytes),
        publishers: (endpoints, ports) => {
          const made = new SimulatedPublishersSocket(this, endpoints, ports, plan.slowHubs !== undefined)
          above.push(made)
          return made
        },
        subscribers: (ports) => {
          below = new SimulatedSubscribersSocket(this, down, world, ports, guards.below?.guard, sendMs)
          return below
        },
        makeLinks: (ports) => {
          links = new SimulatedHubLinks(this, world, ports, guards.above?.guard)
          return links
        },
        openLogs: () => Promise.resolve(this.#openLogs(bounds)),
        openLinks: (_, bind, users) => this.#openLinks(served, isThis, bind, users, guards.below?.guard),
      },
    )
    const it = { core, above, below, links, served, guards: [guards.above, guards.below], isOpen: false } as Life
    this.#it = it
    await core.open()
    if (this.#it !== it) return
    it.isOpen = true
    this.enqueue(() => core.read())
  }

  /** Opens links that are bound, or that dial. */
  async #openLinks(
    served: Set<SimulatedLinks>,
    isThis: () => boolean,
    bind: readonly string[],
    users: Parameters<OpenLinks>[2],
    holding: SecurityGuard | undefined,
  ): ReturnType<OpenLinks> {
    const { plan, realm } = this.world
    const guard = bind.length > 0 ? holding : undefined
    const links = new SimulatedLinks(this, plan.links, users, realm?.securityOf(this.name, guard))
    served.add(links)
    guard?.revoked.subscribe((key) => links.revoke(key, guard.identityOf(key) !== undefined))
    if (isThis()) for (const address of bind) links.listen(address)
    return {
      endpoints: bind,
      securityEvents: NEVER,
      policy: guard,
      dial: (endpoints) => {
        if (bind.length === 0 && isThis()) links.follow(endpoints.map(({ address }) => address))
      },
      limited() {},
      close: () => Promise.resolve({ drained: true, undelivered: 0 }),
    }
  }

  #openLogs(bounds: Parameters<typeof readTopicLogs>[1]['bounds']): TopicLogs {
    const { clock } = this
    const { keeping, flushMs } = this.#plan
    if (keeping === 'memory') return openTopicLogs({ ...bounds, clock })
    const later = (confirm: () => void) =>
      this.enqueueLater(this.isCalm ? 0 : this.random.below(flushMs + 1), () => void confirm())
    return readTopicLogs(this.#disk.open(later), { bounds, clock })
  }
}
