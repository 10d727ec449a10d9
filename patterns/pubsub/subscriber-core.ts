/**
 * What a subscriber does with subscriptions, frames and answers, whatever its socket is.
 *
 * Pure but for a clock: `subscriber.ts` gives it a socket and history over links, a simulation gives it simulated ones. What
 * backlogs do to the socket, and which options there are, is decided by those who use it.
 */
import { isSchema, type Schema } from '../../src/avro/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { publishDrop, type Tally } from '../../src/observe/index.js'
import { defaults, invalidOption } from '../../src/options/index.js'
import type { Stream } from '../../src/stream/index.js'
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
import type { FollowedHistory } from './followed-history.js'
import type { SourceCheck } from './followed-topics.js'
import { answerKind } from './hub-wire.js'
import { Interest } from './interest.js'
import { readFollow, readLinks } from './link-addresses.js'
import { MadeSubscriptions, type SubscriptionSums } from './made-subscriptions.js'
import { PublisherChanges } from './publisher-changes.js'
import { Readiness } from './readiness.js'
import { startOf } from './since.js'
import {
  eventSubscription,
  type StreamSettings,
  type Subscription,
  type SubscriptionPorts,
  valueSubscription,
} from './subscription.js'
import type { SinceEvent } from './topic-event.js'
import { topicFrame } from './topic-frame.js'
import { inboxMark } from './topic-name.js'

/** What the core needs. */
export interface SubscriberCorePorts {
  readonly clock: Clock
  readonly maxMessageBytes: number
  /** The topic of answers: 17 bytes, the first of which is 0. */
  readonly inbox: Buffer
  readonly history: FollowedHistory
  name(): string
  /** Whether it is neither closing nor closed. */
  isOpen(): boolean
  /** Connections that are there. */
  connected(): number
  /** Sends a subscription or a request to all publishers. */
  sendUp(frame: Buffer): void
  /** A subscription is in use or not any more, or its backlog has changed. */
  changed(subscription: Subscription): void
  /** A schema has arrived that was not known. */
  newSchema(): void
  /** Something malformed has arrived. */
  reject(error: RivuletError): void
  /** A frame has come over the socket, where messages come over links alone. Default: that does not happen. */
  plain?(topic: Buffer): void
  /** A publisher that can be followed over links has answered over so many connections at least. Default: nobody counts them. */
  found?(publisher: string, connections: number): void
  report(error: RivuletError): void
}

/** A subscription and the stream it feeds. */
export type MadeStream<Item> = Subscription & { readonly stream: Stream<Item> }

/** What subscriptions have counted. */
export interface SubscriberCounts extends Omit<SubscriptionSums, 'dropped'> {
  readonly dropped: ReturnType<Tally['snapshot']>
}

/** Makes the subscription of a kind of stream. */
type Make<Out, Item> = (
  pattern: string,
  schema: Schema<unknown, Out>,
  ports: SubscriptionPorts,
  settings: StreamSettings,
) => MadeStream<Item>

/** The subscriptions of one subscriber, and what it knows of its publishers. */
export class SubscriberCore {
  readonly readiness: Readiness
  readonly publishers: PublisherChanges['observable']
  readonly #ports: SubscriberCorePorts
  readonly #receiver: FrameReceiver
  readonly #made = new MadeSubscriptions()
  readonly #interest = new Interest<Subscription>()
  readonly #subscriptionPorts: SubscriptionPorts
  readonly #presence: PublisherChanges
  /** The number of the present connections, by which it is known whether something may have been lost with others. */
  #epoch = 1
  /** What the answer that is taken does not cover. */
  #refused: ReadonlyMap<string, RivuletError> | undefined
  #lostUnread = 0

  constructor(ports: SubscriberCorePorts) {
    this.#ports = ports
    const { clock, maxMessageBytes, history } = ports
    this.#receiver = new FrameReceiver(
      { ...defaults, maxMessageBytes, clock },
      {
        accept: (frame, text) => this.#accept(frame, text),
        reject: (error) => ports.reject(error),
        newSchema: () => ports.newSchema(),
        lose: (messages, error) => this.#unknownSchema(messages, error),
      },
    )
    this.readiness = new Readiness({
      clock,
      request: (nonce) => this.#request(nonce),
      served: (source, position, upTo) => this.#served(source, position, upTo),
      connected: () => ports.connected(),
    })
    this.#presence = new PublisherChanges({
      clock,
      ask: () => this.readiness.ask(),
      left: (publisher) => {
        history.left(publisher)
        for (const subscription of this.#made.inUse) subscription.left(publisher)
      },
    })
    this.publishers = this.#presence.observable
    this.#subscriptionPorts = {
      name: () => ports.name(),
      clock,
      history,
      report: (error) => ports.report(error),
      demanded: (subscription, wanted) => (wanted ? this.#enter(subscription) : this.#leave(subscription)),
      changed: (subscription) => {
        this.#made.changed(subscription)
        ports.changed(subscription)
      },
    }
  }

  /** The socket is open. */
  open(): void {
    this.#ports.sendUp(Buffer.concat([Buffer.of(1), this.#ports.inbox]))
  }

  /** There is another connection. */
  linked(): void {
    this.#epoch += 1
    this.readiness.linked()
  }

  /** A connection has ended. */
  unlinked(): void {
    this.readiness.unlinked()
    this.#presence.unlinked()
    this.#ports.history.unlinked?.()
  }

  /** The subscription behind `topic`. @throws RIVULET_INVALID_OPTION */
  topic<Out>(given: string | TopicContract, second: unknown, options?: TopicStreamOptions<Out>): MadeStream<Out> {
    return this.#make('topic', topicOf('pattern', given, second), options, valueSubscription<Out>)
  }

  /** The subscription behind `events`. @throws RIVULET_INVALID_OPTION */
  events<Out>(
    given: string | TopicContract,
    second: unknown,
    options?: TopicStreamOptions<Out>,
  ): MadeStream<SinceEvent<Out>> {
    return this.#make('events', topicOf('pattern', given, second), options, eventSubscription<Out>)
  }

  /** Takes what a connection has brought. */
  onFrame(parts: readonly Buffer[]): void {
    const [topic, frame] = parts
    if (topic === undefined || frame === undefined || parts.length !== 2) {
      this.#ports.reject(new RivuletError('RIVULET_BAD_FRAME', `a message of ${parts.length} parts; topics have two`))
    } else if (topic[0] !== inboxMark) {
      if (this.#isExclusive) this.#ports.plain?.(topic)
      else this.#receiver.receive(frame, topic)
    } else if (topic.equals(this.#ports.inbox)) {
      this.#onAnswer(frame)
    }
  }

  /** Takes a frame that came over a link, if its peer may use the source. */
  linkFrame(topic: string, frame: Buffer, check?: SourceCheck): void {
    this.#receiver.receive(frame, Buffer.from(`${topic}.`), check && (({ source }) => check(source.toString('hex'))))
  }

  /** Takes an answer that came over a link, and what its peer has refused. */
  answered(frame: Buffer, refused: ReadonlyMap<string, RivuletError>, check?: SourceCheck): void {
    this.#refused = refused
    this.#onAnswer(frame, check)
    this.#refused = undefined
  }

  /** Takes the text of a schema that came apart from frames. */
  learn(schemaId: Buffer, text: string): void {
    this.#receiver.learn(schemaId, text)
  }

  counts(): SubscriberCounts {
    const { parkedMessages } = this.#receiver
    const { dropped, ...sums } = this.#made.sums()
    if (this.#lostUnread > 0) dropped.add('unknown-schema', this.#lostUnread)
    return {
      ...sums,
      received: sums.received + parkedMessages + this.#lostUnread,
      pending: sums.pending + parkedMessages,
      dropped: dropped.snapshot(),
    }
  }

  /** Nothing arrives any more: what is missing is not waited for. Resolves when consumers have taken what there is. */
  async settle(): Promise<void> {
    for (const subscription of this.#made.inUse) subscription.settle()
    await Promise.all([...this.#made.inUse].map(({ inbound }) => inbound.whenDrained()))
  }

  /** Ends all streams; returns how many messages were not delivered. */
  complete(): number {
    // those that nobody uses have streams that end, too
    const subscriptions = new Set([...this.#made.inUse, ...this.#made.all()])
    return [...subscriptions].reduce((sum, { inbound }) => sum + inbound.complete(), this.#receiver.close())
  }

  /** Nobody is notified of publishers any more. */
  close(): void {
    this.#presence.close()
  }

  #make<Out, Item>(
    kind: string,
    { text: pattern, schema }: { readonly text: string; readonly schema: unknown },
    options: TopicStreamOptions<Out> | undefined,
    make: Make<Out, Item>,
  ): MadeStream<Item> {
    if (!isSchema(schema)) throw invalidOption(kind, 'schema', 'a schema of defineSchema', schema)
    const conflate = conflateBy(kind, options)
    const { start, key: beginning } = startOf(options?.since)
    const key = `${kind} ${pattern} ${conflate?.name} ${beginning}`
    const known = this.#made.find(schema, key) as MadeStream<Item> | undefined
    if (known) return known
    const made = make(pattern, schema as Schema<unknown, Out>, this.#subscriptionPorts, { start, conflate })
    if (this.#ports.isOpen()) this.#made.add(schema, key, made)
    else made.inbound.complete()
    this.#receiver.know(made.codec.schemaId, made.codec.text)
    return made
  }

  #enter(subscription: Subscription): void {
    const { prefix, text } = subscription.pattern
    this.#ports.history.followed?.want(text)
    if (this.#interest.enter(subscription)) this.#subscribe(true, prefix)
    subscription.order = this.readiness.subscribed()
  }

  #leave(subscription: Subscription): void {
    subscription.order = 0
    const { prefix, text } = subscription.pattern
    this.#ports.history.followed?.unwant(text)
    const unneeded = this.#interest.leave(subscription)
    if (unneeded && this.#ports.isOpen()) this.#subscribe(false, prefix)
  }

  /** Tells publishers of a prefix, unless nothing is to come over the socket. */
  #subscribe(subscribed: boolean, prefix: Buffer): void {
    if (!this.#isExclusive) this.#ports.sendUp(Buffer.concat([Buffer.of(subscribed ? 1 : 0), prefix]))
  }

  get #isExclusive(): boolean {
    return this.#ports.history.followed?.isExclusive === true
  }

  #request(nonce: Buffer): void {
    const { inbox, history } = this.#ports
    const request = { kind: 'ready' as const, inbox, nonce, extensions: history.extension }
    const frame = writeRecordFrame(TopicRequest, request, frameKind.request, undefined)
    this.#ports.sendUp(frame)
    history.followed?.request(frame)
  }

  #served(source: string, position: number, upTo: number): void {
    for (const subscription of this.#made.inUse) {
      const { order, pattern } = subscription
      if (order === 0 || order > upTo || this.#refused?.has(pattern.text)) continue
      subscription.served(source, position, this.#epoch)
    }
  }

  #onAnswer(frame: Buffer, check?: SourceCheck): void {
    const { inbox, history, reject } = this.#ports
    try {
      const answer = readRecordFrame(TopicAnswer, frame, frameKind.answer, inbox)
      const { nonce, source, position, extensions } = answer
      const publisher = source.toString('hex')
      const refused = this.#refused
      if (check?.(publisher) === false) return
      const addresses = refused === undefined ? readFollow(extensions) : undefined
      // one that does not follow what the request asks cannot be served
      if (addresses === undefined && refused === undefined && this.#isExclusive) return
      if (addresses !== undefined) {
        history.discovered?.(publisher, addresses)
        const connections = this.readiness.discovered(nonce, publisher)
        if (connections > 0) this.#ports.found?.(publisher, connections)
        return
      }
      const kind = answerKind(answer)
      if (kind === 'left') {
        this.#presence.doubted(publisher)
        return
      }
      if (kind !== 'ready') history.answered(publisher, readLinks(extensions), kind === 'kept')
      for (const error of refused?.values() ?? []) this.readiness.refused(nonce, error)
      const counts = this.readiness.answered(nonce, publisher, position, kind, refused !== undefined)
      if (counts && (kind === 'publisher' || kind === 'behind')) this.#presence.answered(publisher)
    } catch (error) {
      reject(error as RivuletError)
    }
  }

  #accept(frame: DataFrame, writerText: string): void {
    const { topic: part } = frame
    const match = part && this.#interest.match(part)
    if (!match) {
      const text = 'a frame has an invalid topic: words that end with a dot, at most 256 bytes of UTF-8'
      this.#ports.reject(new RivuletError('RIVULET_BAD_FRAME', text))
      return
    }
    const { topic, subscriptions } = match
    const opened = topicFrame(frame, writerText, topic)
    for (const subscription of subscriptions) if (subscription.wanted) subscription.accept(opened)
  }

  #unknownSchema(messages: number, error: RivuletError | undefined): void {
    this.#lostUnread += messages
    publishDrop(this.#ports.name(), 'unknown-schema', messages)
    if (error) this.#ports.report(error)
  }
}
