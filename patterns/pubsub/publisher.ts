/**
 * The publishing side: topics over one XPUB socket.
 *
 * What it does with topics and requests is in `publisher-core.ts`, what it keeps in `publisher-history.ts`.
 */
import { randomBytes } from 'node:crypto'
import { merge, type Observable } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { type Resolved, resolveOptions } from '../../src/options/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { OneWayResource, type Outbox } from '../../src/socket/index.js'
import type { TopicContract } from './define-topic.js'
import { HistoryServer } from './history-server.js'
import { openLogsOf } from './open-topic-logs.js'
import { historyRules, type PublisherOptions, publisherRules } from './options.js'
import type { Publisher, PublisherStats } from './publisher-api.js'
import { PublisherCore } from './publisher-core.js'
import { PublisherFeed } from './publisher-feed.js'
import { PublisherHistory } from './publisher-history.js'
import { SubscriberSide } from './subscriber-side.js'
import { checkTopicPolicy } from './topic-access.js'
import type { TopicPublisher } from './topic-publisher.js'

/**
 * Opens a publisher.
 *
 * Resolves when the socket is open, whether or not a subscriber is there; with `history.path`, when the history is read.
 *
 * @param options - `bind`, `connect`, or both; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed; with `history.path` also
 * RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createPublisher } from 'rivulet/pubsub'
 *
 * const Tick = defineSchema(record('Tick', { price: 'double' }))
 *
 * await using publisher = await createPublisher({ bind: 'tcp://127.0.0.1:7003', history: { maxMessages: 10_000 } })
 * const acme = publisher.topic('ticks.acme', Tick)
 * await acme.send({ price: 12.5 }) // resolves when the outbox has room, whether or not anybody subscribes
 * ```
 */
export async function createPublisher(options: PublisherOptions): Promise<Publisher> {
  return PublisherResource.create(resolveOptions('createPublisher', options, publisherRules))
}

type ResolvedPublisherOptions = Resolved<typeof publisherRules>

class PublisherResource extends OneWayResource<PublisherStats> implements Publisher {
  readonly #options: ResolvedPublisherOptions
  readonly #feed: PublisherFeed
  readonly #history: PublisherHistory
  readonly #core: PublisherCore
  readonly subscriptions: Publisher['subscriptions']
  readonly #side: SubscriberSide

  static create(options: ResolvedPublisherOptions): Promise<PublisherResource> {
    return new PublisherResource(options).#start()
  }

  private constructor(options: ResolvedPublisherOptions) {
    checkTopicPolicy('createPublisher', options)
    super('createPublisher', options, 'any', { takesPolicy: true })
    this.#options = options
    let server: HistoryServer | undefined
    const feed = new PublisherFeed({
      runtime: this.runtime,
      options,
      source: () => this.#core.origin.source,
      policy: () => server?.policy,
      guard: () => this.sockets.guard,
      addresses: () => server?.addresses ?? [],
      subscription: (subscribed, prefix) => this.#core.subscription(subscribed, prefix),
      reset: () => this.#core.reset(),
      request: (request, reader) => this.#core.request(request, reader),
      report: (error) => this.reports.report(error),
    })
    this.#feed = feed
    this.#side = new SubscriberSide(options, {
      runtime: this.runtime,
      name: () => this.name,
      report: (error) => this.reports.report(error),
      socket: () => this.socket,
      isShut: () => this.sockets.isShut,
      renew: () => this.renewSocket(),
      subscription: (subscribed, prefix) => {
        if (feed.isExclusive) feed.plain(subscribed, prefix)
        else this.#core.subscription(subscribed, prefix)
      },
      reset: () => feed.reset(),
      request: (request) => this.#core.request(request),
    })
    const history = options.history && resolveOptions('createPublisher: history', options.history, historyRules)
    const { runtime } = this
    const report = (error: RivuletError) => this.reports.report(error)
    const owner = {
      runtime,
      socket: options,
      endpoints: () => this.endpoints,
      connect: () => this.sockets.connect,
      adopt() {},
      release() {},
      report,
      feed: feed.feed,
      accesses: feed.accesses,
    }
    this.#history = new PublisherHistory(history, {
      clock: runtime.clock,
      name: () => this.name,
      newSource: () => randomBytes(8),
      openLogs: (kept) => openLogsOf(kept, runtime.clock, report),
      serve: (logs) => {
        server = new HistoryServer(owner, logs)
        return server
      },
      isServed: feed.isExclusive,
      release: () => this.#outbox.release(),
      dropped: (messages) => this.#core.lost('not-kept', messages),
      report,
    })
    this.#core = new PublisherCore(options, {
      clock: runtime.clock,
      history: this.#history,
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      outbox: () => this.#outbox,
      feed: { leaving: feed.leaving, answers: () => this.socket.outbox, extension: (asked) => feed.extension(asked) },
      nextTurn: (callback) => turnBudget.nextTurn(callback),
      report,
    })
    this.subscriptions = this.#core.subscriptions
  }

  /** Where frames with messages wait. */
  get #outbox(): Outbox {
    return this.#feed.outbox ?? this.socket.outbox
  }

  async #start(): Promise<this> {
    await this.openSocket({ ...this.#side.settings, whenRoom: this.#feed.whenRoom })
    this.socket.links.changes.subscribe(({ connected }) => {
      if (connected > 0) return
      this.#side.noSubscriber()
      this.#history.noSubscriber()
    })
    this.socket.reading = true
    return this
  }

  topic<In>(given: string | TopicContract, second?: unknown): TopicPublisher<In> {
    return this.#core.topic(given, second)
  }

  flush(): Promise<void> {
    return this.#core.flush()
  }

  override get securityEvents(): Observable<SecurityEvent> {
    return this.#options.security ? merge(super.securityEvents, this.#history.securityEvents) : super.securityEvents
  }

  stats(): PublisherStats {
    return Object.freeze({
      ...this.#core.stats(),
      rejectedFrames: this.#side.rejectedFrames,
      subscriptionResets: this.#side.resets,
      history: this.#history.stats(),
      links: this.#feed.stats(),
    })
  }

  protected override async openTransport(): Promise<void> {
    try {
      await this.#core.restore()
      await super.openTransport()
      await this.#history.openLinks()
      // what its runtime has closed meanwhile has not closed these
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.name}: the runtime was closed`)
    } catch (error) {
      await this.#history.close(0)
      throw error
    }
  }

  protected onFrame(parts: readonly Buffer[]): void {
    this.#side.onFrame(parts)
  }

  protected onLost(messages: number): void {
    this.#core.lost('transport', messages)
  }

  protected async finish(deadline: number): Promise<number> {
    await this.waitUntil(deadline, this.#core.whenEmpty())
    this.#core.stopBeacons()
    await this.#history.close(deadline - this.runtime.clock.now())
    // what is left is counted when the socket is closed
    return 0
  }

  protected override released(left: number): void {
    this.#side.close()
    this.#core.lost('closed', left + this.#feed.close())
    this.#core.close()
  }
}
