/**
 * The subscribing side: streams of topics over one XSUB socket.
 *
 * Subscriptions and requests go up, frames and answers come down. `subscriber-history.ts` fetches what is missing.
 */
import { randomBytes } from 'node:crypto'
import type { Schema } from '../../src/avro/index.js'
import { isSchema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { waitFor } from '../../src/lifecycle/index.js'
import { publishDrop, SparseReports } from '../../src/observe/index.js'
import {
  defaults,
  integer,
  invalidOption,
  milliseconds,
  type Resolved,
  resolveOptions,
  signal,
} from '../../src/options/index.js'
import { HandshakeGate, maxTransportFrameBytes, OneWayResource } from '../../src/socket/index.js'
import { RejectedFrames, type Stream } from '../../src/stream/index.js'
import {
  type DataFrame,
  FrameReceiver,
  frameKind,
  readRecordFrame,
  TopicAnswer,
  TopicRequest,
  writeRecordFrame,
} from '../../src/wire/index.js'
import { conflateBy, type TopicStreamOptions } from './conflate-by.js'
import { type TopicContract, topicOf } from './define-topic.js'
import { answerKind } from './hub-wire.js'
import { Interest } from './interest.js'
import { readLinks } from './link-addresses.js'
import { MadeSubscriptions } from './made-subscriptions.js'
import { type SubscriberOptions, subscriberRules } from './options.js'
import { PublisherChanges } from './publisher-changes.js'
import { Readiness } from './readiness.js'
import { startOf } from './since.js'
import { SlowStreams } from './slow-streams.js'
import type { ReadyOptions, SubscriberStats, TopicSubscriber } from './subscriber-api.js'
import { SubscriberHistory } from './subscriber-history.js'
import {
  eventSubscription,
  type StreamSettings,
  type Subscription,
  type SubscriptionPorts,
  valueSubscription,
} from './subscription.js'
import { topicFrame } from './topic-frame.js'
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
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED
 */
export async function createSubscriber(options: SubscriberOptions): Promise<TopicSubscriber> {
  return SubscriberResource.create(resolveOptions('createSubscriber', options, subscriberRules))
}

type ResolvedSubscriberOptions = Resolved<typeof subscriberRules>

class SubscriberResource extends OneWayResource<SubscriberStats> implements TopicSubscriber {
  readonly #options: ResolvedSubscriberOptions
  readonly #inbox = Buffer.concat([Buffer.of(inboxMark), randomBytes(16)])
  readonly #rejected = new RejectedFrames(this.reports)
  /** Holds new peers while those that are there flood this side. */
  readonly #gate = HandshakeGate.of(this.runtime)
  readonly #receiver: FrameReceiver
  readonly #readiness: Readiness
  readonly #made = new MadeSubscriptions()
  readonly #interest = new Interest<Subscription>()
  readonly #slowReports = new SparseReports(this.runtime.clock, (error) => this.reports.report(error))
  readonly #slow = new SlowStreams<Subscription>(this.runtime.clock, ({ pattern }, forMs) => {
    const text = `${this.name}: the stream of '${pattern.text}' has held up its subscriber for ${Math.round(forMs)} ms: it takes its messages too slowly, and all other streams wait`
    this.#slowReports.report(new RivuletError('RIVULET_SLOW_STREAM', text))
  })
  readonly #ports: SubscriptionPorts
  readonly #history: SubscriberHistory
  readonly #publishers: PublisherChanges
  readonly publishers: TopicSubscriber['publishers']
  /** The number of the present connections, by which it is known whether something may have been lost with others. */
  #epoch = 1

  static create(options: ResolvedSubscriberOptions): Promise<SubscriberResource> {
    return new SubscriberResource(options).#start()
  }

  private constructor(options: ResolvedSubscriberOptions) {
    super('createSubscriber', options, 'any')
    this.#options = options
    this.#receiver = new FrameReceiver(
      { ...defaults, maxMessageBytes: options.maxMessageBytes, clock: this.runtime.clock },
      {
        accept: (frame, text) => this.#accept(frame, text),
        reject: (error) => this.#reject(error),
        newSchema: () => this.#gate.newSchema(),
        lose: (messages, error) => this.#unknownSchema(messages, error),
      },
    )
    this.#readiness = new Readiness({
      clock: this.runtime.clock,
      request: (nonce) => this.#request(nonce),
      served: (source, position, upTo) => this.#served(source, position, upTo),
      connected: () => this.socket.links.connected,
    })
    const ask = () => this.#readiness.ask()
    this.#history = new SubscriberHistory({
      runtime: this.runtime,
      options,
      name: () => this.name,
      endpoints: () => this.endpoints,
      connect: () => this.sockets.connect,
      ask,
      report: (error) => this.reports.report(error),
      reject: (error) => this.#reject(error),
    })
    const { clock } = this.runtime
    this.#publishers = new PublisherChanges({ clock, ask, left: (publisher) => this.#history.left(publisher) })
    this.publishers = this.#publishers.observable
    this.#ports = {
      name: () => this.name,
      clock,
      history: this.#history,
      report: (error) => this.reports.report(error),
      demanded: (subscription, wanted) => (wanted ? this.#enter(subscription) : this.#leave(subscription)),
      changed: (subscription) => this.#changed(subscription),
    }
  }

  async #start(): Promise<this> {
    const { maxMessageBytes, highWaterMark } = this.#options
    await this.openSocket({
      kind: 'xsub',
      sendHighWaterMark: 0,
      receiveHighWaterMark: highWaterMark,
      maxFrameBytes: maxTransportFrameBytes(maxMessageBytes),
      socketBufferBytes: undefined,
      patienceMs: Number.POSITIVE_INFINITY,
      gateName: this.#gate.name,
      // subscriptions are few and must not be lost
      outboxBytes: Number.POSITIVE_INFINITY,
    })
    this.#sendUp(Buffer.concat([Buffer.of(1), this.#inbox]))
    this.socket.links.changes.subscribe(({ state }) => {
      if (state === 'disconnected') this.#publishers.unlinked()
      if (state !== 'connected') return
      this.#epoch += 1
      this.#readiness.linked()
    })
    this.socket.reading = true
    return this
  }

  topic<Out>(given: string | TopicContract, second?: unknown, options?: TopicStreamOptions<Out>): Stream<Out> {
    return this.#make('topic', topicOf('pattern', given, second), options, valueSubscription<Out>)
  }

  events<Out>(given: string | TopicContract, second?: unknown, options?: TopicStreamOptions<Out>): Stream<never> {
    return this.#make('events', topicOf('pattern', given, second), options, eventSubscription<Out>) as Stream<never>
  }

  get ready(): Promise<void> {
    const { promise } = this.#readiness.wait((_, links) => this.#allServe(links))
    return promise
  }

  async whenReady(options?: ReadyOptions): Promise<void> {
    const { publishers, timeoutMs, signal } = resolveOptions('whenReady', options, readyRules)
    const { promise, forget } = this.#readiness.wait((found, links) =>
      publishers > 0 ? found >= publishers : this.#allServe(links),
    )
    const subject = `${this.name}: whenReady`
    try {
      await waitFor(subject, promise, this.runtime.clock, signal ? { timeoutMs, signal } : { timeoutMs })
    } finally {
      forget()
    }
  }

  stats(): SubscriberStats {
    const { parkedMessages } = this.#receiver
    const { dropped, ...sums } = this.#made.sums()
    if (this.#lostUnread > 0) dropped.add('unknown-schema', this.#lostUnread)
    return Object.freeze({
      ...sums,
      received: sums.received + parkedMessages + this.#lostUnread,
      pending: sums.pending + parkedMessages,
      dropped: dropped.snapshot(),
      rejectedFrames: this.#rejected.snapshot(),
    })
  }

  #reject(error: RivuletError): void {
    this.#rejected.add(error)
    this.#gate.malformed()
  }

  #lostUnread = 0

  #make<Out, Item>(
    kind: string,
    { text: pattern, schema }: { readonly text: string; readonly schema: unknown },
    options: TopicStreamOptions<Out> | undefined,
    make: (
      pattern: string,
      schema: Schema<unknown, Out>,
      ports: SubscriptionPorts,
      settings: StreamSettings,
    ) => Subscription & { stream: Stream<Item> },
  ): Stream<Item> {
    if (!isSchema(schema)) throw invalidOption(kind, 'schema', 'a schema of defineSchema', schema)
    const conflate = conflateBy(kind, options)
    const { start, key: beginning } = startOf(options?.since)
    const key = `${kind} ${pattern} ${conflate?.name} ${beginning}`
    const known = this.#made.find(schema, key) as (Subscription & { stream: Stream<Item> }) | undefined
    if (known) return known.stream
    const made = make(pattern, schema as Schema<unknown, Out>, this.#ports, { start, conflate })
    if (this.life.isOpen) this.#made.add(schema, key, made)
    else made.inbound.complete()
    this.#receiver.know(made.codec.schemaId, made.codec.text)
    return made.stream
  }

  #enter(subscription: Subscription): void {
    if (this.#interest.enter(subscription)) this.#sendUp(Buffer.concat([Buffer.of(1), subscription.pattern.prefix]))
    subscription.order = this.#readiness.subscribed()
  }

  #leave(subscription: Subscription): void {
    subscription.order = 0
    const unneeded = this.#interest.leave(subscription)
    if (unneeded && this.life.isOpen) this.#sendUp(Buffer.concat([Buffer.of(0), subscription.pattern.prefix]))
  }

  #sendUp(frame: Buffer): void {
    this.socket.outbox.add({ parts: frame, messages: 0, bytes: frame.length })
  }

  #request(nonce: Buffer): void {
    const request = { kind: 'ready' as const, inbox: this.#inbox, nonce, extensions: this.#history.extension }
    this.#sendUp(writeRecordFrame(TopicRequest, request, frameKind.request, undefined))
  }

  /** Whether publishers over so many links are all there should be. */
  #allServe(links: number): boolean {
    const { connected, accepted } = this.socket.links
    // an answer may arrive before the event of its link, and before those of others
    return links >= Math.max(1, this.sockets.connect.length + accepted) && links <= connected
  }

  #served(source: string, position: number, upTo: number): void {
    for (const subscription of this.#made.inUse) {
      if (subscription.order > 0 && subscription.order <= upTo) subscription.served(source, position, this.#epoch)
    }
  }

  protected override get isWanted(): boolean {
    return true // it is read in any case
  }

  protected onFrame(parts: readonly Buffer[]): void {
    const [topic, frame] = parts
    if (topic === undefined || frame === undefined || parts.length !== 2) {
      this.#reject(new RivuletError('RIVULET_BAD_FRAME', `a message of ${parts.length} parts; topics have two`))
    } else if (topic[0] !== inboxMark) {
      this.#receiver.receive(frame, topic)
    } else if (topic.equals(this.#inbox)) {
      this.#onAnswer(frame)
    }
  }

  #onAnswer(frame: Buffer): void {
    try {
      const answer = readRecordFrame(TopicAnswer, frame, frameKind.answer, this.#inbox)
      const { nonce, source, position, extensions } = answer
      const publisher = source.toString('hex')
      const kind = answerKind(answer)
      if (kind !== 'ready') this.#history.answered(publisher, readLinks(extensions))
      if (kind === 'publisher' || kind === 'behind') this.#publishers.answered(publisher)
      this.#readiness.answered(nonce, publisher, position, kind)
    } catch (error) {
      this.#reject(error as RivuletError)
    }
  }

  #accept(frame: DataFrame, writerText: string): void {
    const { topic: part } = frame
    const match = part && this.#interest.match(part)
    if (!match) {
      this.#reject(
        new RivuletError(
          'RIVULET_BAD_FRAME',
          'a frame has an invalid topic: words that end with a dot, at most 256 bytes of UTF-8',
        ),
      )
      return
    }
    const { topic, subscriptions } = match
    const opened = topicFrame(frame, writerText, topic)
    for (const subscription of subscriptions) if (subscription.wanted) subscription.accept(opened)
  }

  #unknownSchema(messages: number, error: RivuletError | undefined): void {
    this.#lostUnread += messages
    publishDrop(this.name, 'unknown-schema', messages)
    if (error) this.reports.report(error)
  }

  #changed(subscription: Subscription): void {
    this.#made.changed(subscription)
    this.#slow.set(subscription, subscription.wanted && subscription.backlogged)
    // without a pending read the library would not subscribe again after a cut, so only a backlog stops reading
    this.#history.isPaused = this.#slow.areHolding
    if (this.life.isOpen) this.socket.reading = !this.#slow.areHolding
  }

  protected onLost(): void {}

  protected async finish(deadline: number): Promise<number> {
    this.socket.reading = false
    this.#readiness.close()
    await this.#history.close()
    for (const subscription of this.#made.inUse) subscription.settle()
    const drained = [...this.#made.inUse].map(({ inbound }) => inbound.whenDrained())
    await this.waitUntil(deadline, Promise.all(drained))
    // those that nobody uses have streams that end, too
    const subscriptions = new Set([...this.#made.inUse, ...this.#made.all()])
    return [...subscriptions].reduce((sum, { inbound }) => sum + inbound.complete(), this.#receiver.close())
  }

  protected released(): void {
    this.#slow.close()
    this.#publishers.close()
    this.#gate.open()
  }
}
