/**
 * The sockets and links of a simulated hub, as the machines of the package use them.
 */
import { Subject } from 'rxjs'
import { HistoryOffers } from '../../patterns/pubsub/history-offers.js'
import type { HubLinks, HubLinksPorts } from '../../patterns/pubsub/hub-above.js'
import type {
  PublishersSocket,
  PublishersSocketPorts,
  SubscribersSocket,
  SubscribersSocketPorts,
  UpstreamEndpoints,
} from '../../patterns/pubsub/hub-ends.js'
import { PublisherAccesses } from '../../patterns/pubsub/publisher-access.js'
import { inboxMark } from '../../patterns/pubsub/topic-name.js'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { SecurityGuard } from '../../src/security/index.js'
import { Outbox } from '../../src/socket/index.js'
import { frameKind, readRecordFrame, TopicRequest } from '../../src/wire/index.js'
import type { Connection } from './network.js'
import { SimulatedLinks } from './simulated-links.js'
import { TopicClient } from './topics-client.js'
import { type Endpoints, type TopicRoom, TopicServer, unread } from './topics-sockets.js'
import type { TopicsWorld } from './topics-world.js'
import type { TurnProcess } from './turn-process.js'

/** A socket to publishers. */
export class SimulatedPublishersSocket implements PublishersSocket {
  readonly address: string
  readonly endpoints: readonly string[]
  readonly connect: PublishersSocket['connect']
  readonly #process: TurnProcess
  readonly #ports: PublishersSocketPorts
  readonly #changes = new Subject<{ readonly state: 'connected' | 'disconnected' }>()
  #client: TopicClient | undefined
  /** What was read by the socket, and not by the hub. */
  #unread: (readonly [topic: Buffer, frame: Buffer, connection: Connection])[] = []
  /** Whether what is not read takes room of its connection. */
  readonly #isBounded: boolean
  #isReading = false
  #isClosed = false

  constructor(
    process: TurnProcess,
    { bind, connect }: UpstreamEndpoints,
    ports: PublishersSocketPorts,
    isBounded: boolean,
  ) {
    this.#process = process
    this.#isBounded = isBounded
    this.#ports = ports
    this.endpoints = bind
    this.connect = (connect as readonly Endpoint[]).map(({ address }) => ({ address, serverKeys: [] }))
    this.address = this.connect[0]?.address ?? ''
  }

  get links(): PublishersSocket['links'] {
    const { connections = [], accepted = 0 } = this.#client ?? {}
    return { connected: connections.length, accepted, changes: this.#changes }
  }

  /** Whether it was ended for good. */
  get isEnded(): boolean {
    return this.#isClosed
  }

  /** Whether its connections are there, if it was not ended for good. */
  isConnected(accepted: number): boolean {
    return this.#isClosed || this.#client?.isConnected(this.endpoints.length > 0 ? accepted : 0) === true
  }

  set reading(on: boolean) {
    this.#isReading = on
    if (!on) return
    for (let read = this.#unread.shift(); read !== undefined; read = this.#unread.shift()) {
      const [topic, frame, connection] = read
      this.#room(connection, -1)
      this.#ports.onFrame([topic, frame])
      if (!this.#isReading) return
    }
  }

  /** Frames wait for the hub, so many more of a connection. */
  #room(connection: Connection, frames: number): void {
    const pipe = this.#isBounded ? unread.get(connection) : undefined
    if (pipe) pipe.frames += frames
  }

  async open(): Promise<void> {
    const connect = this.connect.map(({ address }) => address)
    const changed = (state: 'connected' | 'disconnected') => () => {
      if (!this.#isClosed) this.#changes.next({ state })
    }
    this.#client = new TopicClient(
      this.#process,
      { bind: this.endpoints[0], connect },
      {
        linked: changed('connected'),
        unlinked: changed('disconnected'),
        frame: (topic, frame, connection) => {
          if (this.#isReading && this.#unread.length === 0) {
            this.#ports.onFrame([topic, frame])
            return
          }
          this.#room(connection, 1)
          this.#unread.push([topic, frame, connection])
        },
      },
    )
  }

  send(frame: Buffer): void {
    this.#client?.sendUp(frame)
  }

  malformed(): void {}

  plain(): void {}

  whenQuiet(): Promise<unknown> {
    return Promise.resolve()
  }

  release(): void {}

  close(): void {
    this.#isClosed = true
    this.#client?.drop()
  }
}

/** The socket to which subscribers are linked. */
export class SimulatedSubscribersSocket implements SubscribersSocket {
  readonly outbox: Outbox
  readonly endpoints: readonly string[]
  readonly connect: SubscribersSocket['connect']
  readonly guard: SecurityGuard | undefined
  readonly isShut = false
  readonly #process: TurnProcess
  readonly #where: Endpoints
  readonly #world: TopicsWorld
  readonly #ports: SubscribersSocketPorts
  readonly #sendMs: () => number
  #server: TopicServer | undefined
  #isReading = false
  #unread: (() => void)[] = []

  constructor(
    process: TurnProcess,
    where: Endpoints,
    world: TopicsWorld,
    ports: SubscribersSocketPorts,
    guard: SecurityGuard | undefined,
    sendMs: () => number,
  ) {
    this.guard = guard
    this.outbox = new Outbox(world.plan.slowHubs?.outboxBytes ?? 1_048_576)
    this.#sendMs = sendMs
    this.#process = process
    this.#where = where
    this.#world = world
    this.#ports = ports
    this.endpoints = where.bind === undefined ? [] : [where.bind]
    this.connect = where.connect.map((address) => ({ address, serverKeys: [] }))
  }

  set reading(on: boolean) {
    this.#isReading = on
    for (const take of on ? this.#unread.splice(0) : []) take()
  }

  async open(): Promise<void> {
    const { subscription, request, alone } = this.#ports
    const server = new TopicServer(this.#process, this.#where, this.#room, {
      subscription: (subscribed, prefix) => this.#read(() => subscription(subscribed, prefix)),
      frame: (frame) => this.#read(() => request(readRecordFrame(TopicRequest, frame, frameKind.request, undefined))),
      // without an answer, a subscriber does not know of the history
      dropped: (topic) => {
        if (topic[0] === inboxMark) this.#world.troubled(0)
      },
      alone,
    })
    this.#server = server
    this.outbox.attach({
      send: (parts) => {
        // what links alone bring has no parts
        const send = () => parts.length > 0 && server.send(parts as readonly [Buffer, Buffer])
        const ms = this.#sendMs()
        if (ms > 0) {
          return new Promise((resolve) =>
            this.#process.enqueueLater(ms, () => {
              send()
              resolve(undefined)
            }),
          )
        }
        send()
        return Promise.resolve(undefined)
      },
      failed: () => {},
    })
  }

  /**
   * There is room for the beacons of all topics, which come at once, and for answers: one behind which a hub says that all have
   * answered is not asked for again if it is dropped.
   */
  get #room(): TopicRoom {
    const { pipeFrames, topics, publishers } = this.#world.plan
    return { frames: Math.max(pipeFrames, 2 * topics.length * publishers.length), isForAnswers: false }
  }

  reject(error: RivuletError): void {
    this.#world.oracle.fail(`${this.#process.name} rejects ${error.message}`)
  }

  disconnect(): string {
    this.#server?.drop()
    return this.#where.connect.join(', ')
  }

  release(): void {}

  drop(): void {
    this.#server?.drop()
  }

  #read(take: () => void): void {
    if (this.#isReading) take()
    else this.#unread.push(take)
  }
}

/** The links of a hub to the history of its publishers. */
export class SimulatedHubLinks implements HubLinks {
  readonly offers: HistoryOffers
  readonly isExclusive: boolean
  readonly securityEvents: HubLinks['securityEvents'] = new Subject()
  readonly #links: SimulatedLinks
  readonly #ports: HubLinksPorts

  /** @param guard - Holds publishers that dial it to a policy. */
  constructor(
    process: TurnProcess,
    { plan, realm }: TopicsWorld,
    ports: HubLinksPorts,
    guard: SecurityGuard | undefined,
  ) {
    this.#ports = ports
    this.isExclusive = guard !== undefined
    const bind = async (address: string): Promise<readonly string[]> => {
      await new Promise<void>((resolve) => process.enqueueLater(process.random.below(50), () => resolve()))
      this.#links.listen(address)
      return [address]
    }
    this.offers = new HistoryOffers(
      { maxMessageBytes: 1000, ...ports.options },
      {
        ...ports,
        clock: process.clock,
        dial: (endpoints) => this.#links.follow(endpoints.map(({ address }) => address)),
        bind: () => {
          const [first] = ports.endpoints()
          return first === undefined ? undefined : bind(`${first}.links`)
        },
        report: (error) => process.report(error),
        accesses: guard && new PublisherAccesses(() => guard),
      },
    )
    this.#links = new SimulatedLinks(process, plan.links, [this.offers.user], realm?.securityOf(process.name, guard))
    guard?.revoked.subscribe((key) => this.#links.revoke(key, guard.identityOf(key) !== undefined))
  }

  async openLinks(): Promise<void> {
    if (!this.isExclusive) return
    const address = `${this.#ports.endpoints()[0]}.links`
    this.#links.listen(address)
    this.offers.bound([address])
  }

  close(): Promise<void> {
    return this.offers.close()
  }

  tick(): void {
    this.#links.tick()
  }

  drop(): void {
    this.#links.drop()
  }
}
