/**
 * A publisher of a simulation: it is that of the package, with simulated sockets, links and disks.
 */
import { NEVER } from 'rxjs'
import { HistoryServer, type OpenLinks, type ServedLogs } from '../../patterns/pubsub/history-server.js'
import { openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import { PublisherCore } from '../../patterns/pubsub/publisher-core.js'
import { PublisherFeed } from '../../patterns/pubsub/publisher-feed.js'
import { PublisherHistory, type PublisherHistoryPorts } from '../../patterns/pubsub/publisher-history.js'
import { readTopicLogs } from '../../patterns/pubsub/stored-topic-logs.js'
import type { TopicLog, TopicLogs } from '../../patterns/pubsub/topic-log.js'
import { inboxMark } from '../../patterns/pubsub/topic-name.js'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { createRuntime } from '../../src/runtime/index.js'
import { Outbox } from '../../src/socket/index.js'
import { type CutFrame, frameKind, readRecordFrame, TopicRequest } from '../../src/wire/index.js'
import { addressOf } from './link-ends.js'
import { SimulatedLinks } from './simulated-links.js'
import { SimulatedDisk } from './topics-disk.js'
import { Note } from './topics-notes.js'
import type { TopicsOracle } from './topics-oracle.js'
import type { PublisherPlan } from './topics-plan.js'
import type { RealmGuard } from './topics-realm.js'
import { type Endpoints, TopicServer } from './topics-sockets.js'
import type { TopicsWorld } from './topics-world.js'
import { TurnProcess } from './turn-process.js'

/** What one life of a publisher is made of. */
interface Life {
  readonly core: PublisherCore
  readonly history: ObservedHistory
  readonly outbox: Outbox
  readonly feed: PublisherFeed | undefined
  readonly guard: RealmGuard | undefined
  server: TopicServer | undefined
  readonly links: Set<SimulatedLinks>
  /** Topics that were used: when others are collected as garbage is not drawn from the seed. */
  readonly sinks: Set<unknown>
}

/** A history whose oracle knows what was published. */
class ObservedHistory extends PublisherHistory {
  readonly #oracle: TopicsOracle

  constructor(
    options: ConstructorParameters<typeof PublisherHistory>[0],
    ports: PublisherHistoryPorts,
    oracle: TopicsOracle,
  ) {
    super(options, ports)
    this.#oracle = oracle
  }

  override keep(topic: string, schemaText: string, frame: CutFrame): ReturnType<PublisherHistory['keep']> {
    this.#oracle.published(topic, frame)
    return super.keep(topic, schemaText, frame)
  }

  override clear(topic: string): ReturnType<PublisherHistory['clear']> {
    this.#oracle.source(this.source.source.toString('hex')).cleared(topic)
    return super.clear(topic)
  }
}

/** A publisher. */
export class SimulatedPublisher extends TurnProcess {
  declare readonly world: TopicsWorld
  readonly #endpoints: Endpoints
  readonly #plan: PublisherPlan
  readonly #disk = new SimulatedDisk()
  /** Whether nothing goes wrong any more: writes are quick. */
  isCalm = false
  /** What those who do not take its topics have said in this life. */
  denials: string[] = []
  #it: Life | undefined

  /** @param connect - Where it connects, if it has no address. */
  constructor(name: string, world: TopicsWorld, plan: PublisherPlan, connect: readonly string[]) {
    super(name, world, world.plan.links.link.heartbeatMs)
    this.#endpoints = plan.dials ? { bind: undefined, connect } : { bind: addressOf(name), connect: [] }
    this.#plan = plan
  }

  /** Who it is in this life: 16 hexadecimal digits. */
  get source(): string | undefined {
    return this.#it?.core.origin.source.toString('hex')
  }

  /** Where subscribers connect; `undefined` if it connects to them. */
  get address(): string | undefined {
    return this.#endpoints.bind
  }

  /** Whether it keeps more than retained values. */
  get keepsMessages(): boolean {
    return this.#plan.keeping !== 'nowhere'
  }

  override boot(): void {
    this.start()
    this.note('boots')
    this.denials = []
    this.enqueue(() => void this.#open())
  }

  override crash(): void {
    const kept = this.random.below(this.#disk.writes + 1)
    this.note('crashes', kept)
    const it = this.#it
    it?.server?.drop()
    for (const links of it?.links ?? []) links.drop()
    it?.core.close()
    it?.feed?.close()
    it?.guard?.guard.close()
    if (it?.server) this.world.oracle.crashed(it.core.origin.source.toString('hex'))
    this.#it = undefined
    this.#disk.crash(kept)
    this.stop()
  }

  override report({ code, message }: RivuletError): void {
    this.note(code)
    if (code === 'RIVULET_PERMISSION_DENIED') this.denials.push(message)
  }

  /** Publishes some messages. */
  publish(topic: string, messages: number, isRetained = false): void {
    this.enqueue(() => {
      const it = this.#it
      if (it?.server === undefined) return
      this.note('publishes', messages)
      const sink = it.core.topic<{ id: number }>(topic, Note)
      it.sinks.add(sink)
      for (let left = messages; left > 0; left--) {
        const value = { id: this.world.nextId() }
        void (isRetained ? sink.retain(value) : sink.send(value)).catch(() => this.note('refuses'))
      }
      if (this.random.chance(0.2)) this.#flush(it.core)
    })
  }

  /** Removes the retained value of a topic. */
  clear(topic: string): void {
    this.enqueue(() => {
      const it = this.#it
      if (it?.server === undefined) return
      const sink = it.core.topic(topic, Note)
      it.sinks.add(sink)
      sink.clear()
    })
  }

  protected override tick(): void {
    for (const links of this.#it?.links ?? []) links.tick()
  }

  /** What was accepted until now outlives a crash when this has resolved. */
  #flush(core: PublisherCore): void {
    const flushed = core.flush()
    const source = this.world.oracle.source(core.origin.source.toString('hex'))
    const { position } = source
    flushed.then(
      () => {
        this.note('has flushed', position)
        source.flushedUpTo = Math.max(source.flushedUpTo, position)
      },
      () => this.note('does not flush'),
    )
  }

  async #open(): Promise<void> {
    const { clock, world } = this
    const { oracle, plan, realm } = world
    const report = (error: RivuletError) => this.report(error)
    const outbox: Outbox = new Outbox(1_048_576)
    let logOf: ServedLogs['log'] = () => undefined
    const { bind, connect } = this.#endpoints
    const runtime = createRuntime({ clock })
    const guard = realm?.open(this.name, this)
    let served: HistoryServer | undefined
    const feed =
      plan.policy &&
      new PublisherFeed({
        runtime,
        options: {
          security: guard?.options,
          highWaterMark: plan.policy.highWaterMark,
          outboxBytes: 1_048_576,
          subscriptionBytes: 1_048_576,
          slowSubscribers: 'drop',
        },
        source: () => core.origin.source,
        policy: () => served?.policy,
        guard: () => guard?.guard,
        addresses: () => served?.addresses ?? [],
        subscription: (subscribed, prefix) => core.subscription(subscribed, prefix),
        reset: () => core.reset(),
        request: (request, reader) => {
          oracle.source(core.origin.source.toString('hex')).requested(request.inbox.toString('latin1'), [])
          core.request(request, reader)
        },
        report,
      })
    const owner = {
      runtime,
      socket: { insecure: false, security: undefined },
      endpoints: () => (bind === undefined ? [] : [bind]),
      connect: () => connect.map((address) => ({ address, serverKeys: [] })),
      adopt() {},
      release() {},
      report,
      feed: feed?.feed,
      accesses: feed?.accesses,
    }
    const frames = feed?.outbox ?? outbox
    const { keeping, maxMessages } = this.#plan
    const bounds = { maxMessages, maxBytes: Number.MAX_SAFE_INTEGER, maxAgeMs: Number.POSITIVE_INFINITY }
    const options = keeping === 'nowhere' ? undefined : { ...bounds, path: undefined, bind: [] }
    const ports: PublisherHistoryPorts = {
      clock,
      name: () => this.name,
      newSource: () => this.random.bytes(8),
      openLogs: () => Promise.resolve(this.#openLogs(bounds)),
      serve: (logs) => {
        logOf = logs.log
        served = new HistoryServer(owner, logs, (_, links, users) => this.#openLinks(it, links.length > 0, users))
        return served
      },
      isServed: feed?.isExclusive === true,
      release: () => frames.release(),
      dropped: () => {},
      report,
    }
    const history = new ObservedHistory(options, ports, oracle)
    const core = new PublisherCore(
      { overflow: 'drop-oldest', maxBatchMessages: this.#plan.maxBatchMessages, maxMessageBytes: 1000 },
      {
        clock,
        history,
        name: () => this.name,
        isOpen: () => this.#it === it,
        onClosing: () => () => {},
        outbox: () => frames,
        ...(feed && {
          feed: { leaving: feed.leaving, answers: () => outbox, extension: (asked) => feed.extension(asked) },
        }),
        nextTurn: (callback) => turnBudget.nextTurn(callback),
        report,
      },
    )
    const it: Life = { core, history, outbox, feed, guard, server: undefined, links: new Set(), sinks: new Set() }
    this.#it = it
    await core.restore()
    await history.openLinks()
    if (this.#it !== it) return
    const { source, position } = core.origin
    const id = source.toString('hex')
    realm?.opened(id, this.name)
    oracle.opened(id, (): TopicLog | undefined => logOf(id), position, this.#plan)
    const server = new TopicServer(
      this,
      this.#endpoints,
      { frames: plan.pipeFrames, isForAnswers: true },
      {
        subscription: (subscribed, prefix) => {
          if (feed?.isExclusive) feed.plain(subscribed, prefix)
          else core.subscription(subscribed, prefix)
        },
        frame: (frame, prefixes) => {
          const request = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
          oracle.source(id).requested(request.inbox.toString('latin1'), prefixes)
          core.request(request)
        },
        // without an answer, a subscriber does not know of the history
        dropped: (topic) => {
          if (topic[0] === inboxMark) world.troubled(0)
        },
        alone: () => history.noSubscriber(),
      },
    )
    it.server = server
    outbox.attach({
      send: (parts) => {
        // what links alone bring has no parts
        if (parts.length > 0) server.send(parts as readonly [Buffer, Buffer])
        return Promise.resolve(undefined)
      },
      failed: () => {},
    })
  }

  /** Opens links that are bound, or that dial. */
  async #openLinks(it: Life, isBound: boolean, users: Parameters<OpenLinks>[2]): ReturnType<OpenLinks> {
    const addresses = isBound ? [`${this.#endpoints.bind}/links`] : []
    if (it.server) {
      // subscribers may ask meanwhile
      await new Promise<void>((resolve) => this.enqueueLater(this.random.below(50), () => resolve()))
    }
    const { realm, plan } = this.world
    const guard = isBound ? it.guard?.guard : undefined
    const links = new SimulatedLinks(this, plan.links, users, realm?.securityOf(this.name, guard))
    it.links.add(links)
    guard?.revoked.subscribe((key) => links.revoke(key, guard.identityOf(key) !== undefined))
    if (this.#it === it) for (const address of addresses) links.listen(address)
    const dial = (endpoints: readonly Endpoint[]) => {
      if (!isBound && this.#it === it) links.follow(endpoints.map(({ address }) => address))
    }
    const close = () => Promise.resolve({ drained: true, undelivered: 0 })
    return { endpoints: addresses, securityEvents: NEVER, policy: guard, dial, limited() {}, close }
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
