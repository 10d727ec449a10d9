/**
 * The subscribing side: streams of topics over one XSUB socket.
 *
 * Subscriptions and requests go up, frames and answers come down. `subscriber-history.ts` fetches what is missing.
 */
import { randomBytes } from 'node:crypto'
import { merge, type Observable } from 'rxjs'
import { RivuletError } from '../../src/errors/index.js'
import { waitFor } from '../../src/lifecycle/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults, integer, milliseconds, type Resolved, resolveOptions, signal } from '../../src/options/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { HandshakeGate, OneWayResource } from '../../src/socket/index.js'
import { RejectedFrames, type Stream } from '../../src/stream/index.js'
import type { TopicStreamOptions } from './conflate-by.js'
import type { TopicContract } from './define-topic.js'
import { type SubscriberOptions, subscriberRules } from './options.js'
import { notePlain, PlainPublishers } from './plain-publishers.js'
import { publishersSocketSettings } from './publishers-socket-settings.js'
import { SlowStreams } from './slow-streams.js'
import type { ReadyOptions, SubscriberStats, TopicSubscriber } from './subscriber-api.js'
import { SubscriberCore } from './subscriber-core.js'
import { SubscriberHistory } from './subscriber-history.js'
import type { Subscription } from './subscription.js'
import { checkTopicPolicy } from './topic-access.js'
import { inboxMark } from './topic-name.js'

const readyRules = {
  /** NaN stands for the default, which is known only when it is needed. */
  publishers: integer({ min: 1, max: 1024, fallback: Number.NaN }),
  timeoutMs: milliseconds({ max: Number.POSITIVE_INFINITY, fallback: defaults.waitTimeoutMs }),
  signal,
}

/**
 * Opens a subscriber.
 *
 * Resolves when the socket is open, whether or not a publisher is there.
 *
 * @param options - `bind`, `connect`, or both; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createSubscriber } from 'rivulet/pubsub'
 *
 * const Tick = defineSchema(record('Tick', { price: 'double' }))
 *
 * await using subscriber = await createSubscriber({ connect: 'tcp://127.0.0.1:7003' })
 * subscriber.topic('ticks.*', Tick).subscribe(({ price }) => console.log(price))
 * subscriber.events('ticks.acme', Tick, { since: { last: 10 } }).subscribe((event) => console.log(event.kind))
 * ```
 */
export async function createSubscriber(options: SubscriberOptions): Promise<TopicSubscriber> {
  return SubscriberResource.create(resolveOptions('createSubscriber', options, subscriberRules))
}

type ResolvedSubscriberOptions = Resolved<typeof subscriberRules>

class SubscriberResource extends OneWayResource<SubscriberStats> implements TopicSubscriber {
  readonly #options: ResolvedSubscriberOptions
  readonly #rejected = new RejectedFrames(this.reports)
  /** Holds new peers while those that are there flood this side. */
  readonly #gate = HandshakeGate.of(this.runtime)
  readonly #slowReports = new SparseReports(this.runtime.clock, (error) => this.reports.report(error))
  readonly #slow = new SlowStreams<Subscription>(this.runtime.clock, ({ pattern }, forMs) => {
    const text = `the stream of '${pattern.text}' has held up its subscriber for ${Math.round(forMs)} ms: it takes its messages too slowly, and all other streams wait`
    this.#slowReports.report(new RivuletError('RIVULET_SLOW_STREAM', text))
  })
  readonly #history: SubscriberHistory
  readonly #core: SubscriberCore
  /** Publishers that cannot be followed over links, where messages come in no other way. */
  readonly #plain: PlainPublishers | undefined
  readonly publishers: TopicSubscriber['publishers']

  static create(options: ResolvedSubscriberOptions): Promise<SubscriberResource> {
    return new SubscriberResource(options).#start()
  }

  private constructor(options: ResolvedSubscriberOptions) {
    checkTopicPolicy('createSubscriber', options)
    super('createSubscriber', options, 'any', { takesPolicy: true })
    this.#options = options
    this.#history = new SubscriberHistory({
      runtime: this.runtime,
      options,
      name: () => this.name,
      endpoints: () => this.endpoints,
      connect: () => this.sockets.connect,
      ask: () => this.#core.readiness.ask(),
      report: (error) => this.reports.report(error),
      reject: (error) => this.#reject(error),
      followed: {
        opened: () => this.#core.linked(),
        lost: () => this.#core.unlinked(),
        refused: (error) => this.reports.report(error),
        learn: (schemaId, text) => this.#core.learn(schemaId, text),
        frame: (...frame) => this.#core.linkFrame(...frame),
        answer: (...answer) => this.#core.answered(...answer),
        denied: () => this.#rejected.count('denied'),
      },
    })
    this.#core = new SubscriberCore({
      clock: this.runtime.clock,
      maxMessageBytes: options.maxMessageBytes,
      inbox: Buffer.concat([Buffer.of(inboxMark), randomBytes(16)]),
      history: this.#history.offers,
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      connected: () => this.socket.links.connected,
      sendUp: (frame) => this.socket.outbox.add({ parts: frame, messages: 0, bytes: frame.length }),
      changed: (subscription) => this.#changed(subscription),
      newSchema: () => this.#gate.newSchema(),
      reject: (error) => this.#reject(error),
      plain: (topic) => this.#plain?.frame(topic),
      found: (publisher, connections) => this.#plain?.answered(publisher, connections),
      report: (error) => this.reports.report(error),
    })
    this.publishers = this.#core.publishers
    if (!this.#history.isExclusive) return
    this.#plain = new PlainPublishers({
      clock: this.runtime.clock,
      accepted: () => this.socket.links.accepted,
      isReading: () => !this.#slow.areHolding,
      denied: (count, topic) => this.#onPlain(count, topic),
    })
  }

  protected override async openTransport(): Promise<void> {
    await super.openTransport()
    await this.#history.openLinks()
    // what its runtime has closed meanwhile has not closed these
    if (this.status !== 'opening') {
      await this.#history.close()
      throw new RivuletError('RIVULET_CLOSED', `${this.name}: the runtime was closed`)
    }
  }

  async #start(): Promise<this> {
    await this.openSocket(publishersSocketSettings(this.#options, this.#gate.name))
    this.#core.open()
    this.socket.links.changes.subscribe(({ state }) => {
      this.#plain?.changed(state === 'disconnected')
      if (state === 'connected') this.#core.linked()
      else if (state === 'disconnected') this.#core.unlinked()
    })
    this.socket.reading = true
    return this
  }

  topic<Out>(given: string | TopicContract, second?: unknown, options?: TopicStreamOptions<Out>): Stream<Out> {
    return this.#core.topic<Out>(given, second, options).stream
  }

  events<Out>(given: string | TopicContract, second?: unknown, options?: TopicStreamOptions<Out>): Stream<never> {
    return this.#core.events<Out>(given, second, options).stream as Stream<never>
  }

  get ready(): Promise<void> {
    const { promise } = this.#core.readiness.wait((_, links) => this.#allServe(links))
    return promise
  }

  async whenReady(options?: ReadyOptions): Promise<void> {
    const { publishers, timeoutMs, signal } = resolveOptions('whenReady', options, readyRules)
    const { promise, forget } = this.#core.readiness.wait((found, links) =>
      publishers > 0 ? found >= publishers : this.#allServe(links),
    )
    const subject = `${this.name}: whenReady`
    try {
      await waitFor(subject, promise, this.runtime.clock, signal ? { timeoutMs, signal } : { timeoutMs })
    } finally {
      forget()
    }
  }

  override get securityEvents(): Observable<SecurityEvent> {
    return this.#options.security ? merge(super.securityEvents, this.#history.securityEvents) : super.securityEvents
  }

  stats(): SubscriberStats {
    return Object.freeze({ ...this.#core.counts(), rejectedFrames: this.#rejected.snapshot() })
  }

  #onPlain(count: number, topic: Buffer | undefined): void {
    notePlain(this.sockets.guard, count, topic)
    if (topic === undefined) return
    this.#rejected.count('denied')
    this.#gate.malformed()
  }

  #reject(error: RivuletError): void {
    this.#rejected.add(error)
    this.#gate.malformed()
  }

  /** Whether publishers over so many links are all there should be. */
  #allServe(links: number): boolean {
    const { connected, accepted } = this.socket.links
    // an answer may arrive before the event of its link, and before those of others
    return links >= Math.max(1, this.sockets.connect.length + accepted) && links <= connected
  }

  protected override get isWanted(): boolean {
    return true // it is read in any case
  }

  protected onFrame(parts: readonly Buffer[]): void {
    this.#core.onFrame(parts)
  }

  #changed(subscription: Subscription): void {
    this.#slow.set(subscription, subscription.wanted && subscription.backlogged)
    // without a pending read the library would not subscribe again after a cut, so only a backlog stops reading
    this.#history.offers.isPaused = this.#slow.areHolding
    if (this.life.isOpen) this.socket.reading = !this.#slow.areHolding
  }

  protected onLost(): void {}

  protected async finish(deadline: number): Promise<number> {
    this.socket.reading = false
    this.#core.readiness.close()
    await this.#history.close()
    await this.waitUntil(deadline, this.#core.settle())
    return 0
  }

  /** Behind the socket: a read that has begun brings a frame until then. */
  protected override ended(): number {
    const undelivered = this.#core.complete()
    this.#slow.close()
    this.#plain?.close()
    this.#core.close()
    this.#gate.open()
    return undelivered
  }
}
