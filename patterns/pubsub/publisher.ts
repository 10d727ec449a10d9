/**
 * The publishing side: topics over one XPUB socket.
 *
 * A publisher knows which prefixes are subscribed and how often, never by whom. Nothing is kept for late subscribers.
 */
import { Observable, Subject } from 'rxjs'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { isSchema, type Schema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults, invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { HandshakeGate, OneWayResource, type Pressure } from '../../src/socket/index.js'
import { Outgoing, RejectedFrames } from '../../src/stream/index.js'
import {
  frameKind,
  Origin,
  readRecordFrame,
  TopicAnswer,
  TopicRequest,
  writeRecordFrame,
} from '../../src/wire/index.js'
import { type PublisherOptions, publisherRules } from './options.js'
import type { Publisher, PublisherStats, SubscriptionChange } from './publisher-api.js'
import { SubscriptionCost } from './subscription-cost.js'
import { inboxMark, topicPart } from './topic-name.js'
import { PublishedTopic, type TopicPublisher } from './topic-publisher.js'
import { TopicTable } from './topic-table.js'

/**
 * The largest frame that comes from subscribers, in bytes: a subscription or a request; larger ones end their connection.
 *
 * A topic has 256 bytes, and the handshake of a peer with an identity takes 300. libzmq keeps a trie with a node of 48
 * bytes for each byte of a prefix, before the application sees it, also with ZMQ_XPUB_MANUAL.
 */
const maxUpstreamBytes = 512

/**
 * Frames that one subscriber may have in transit to this side.
 *
 * libzmq takes in all that has arrived before it returns to its caller, and lets each peer send on meanwhile: with one
 * frame a flood leaves room for the rest of the process.
 */
const upstreamHighWaterMark = 1

/** How long disconnected subscribers have to connect again, and then to subscribe, before anything is sent, in milliseconds. */
const returnMs = 2 * defaults.reconnectMs + 100
const subscribeMs = 50

/** How long they are waited for where peers are admitted a few at a time, in milliseconds. */
const admittedMs = 300

/** What answers may add to a full outbox, in bytes; who gets none asks again. */
const maxAnswerBytes = 262_144

/**
 * Opens a publisher.
 *
 * Resolves when the socket is open, whether or not a subscriber is there.
 *
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED
 */
export async function createPublisher(options: PublisherOptions): Promise<Publisher> {
  return PublisherResource.create(resolveOptions('createPublisher', options, publisherRules))
}

type ResolvedPublisherOptions = Resolved<typeof publisherRules>

class PublisherResource extends OneWayResource<PublisherStats> implements Publisher {
  readonly #options: ResolvedPublisherOptions
  readonly #origin = new Origin(this.runtime.clock, defaults.announceMs)
  readonly #outgoing: Outgoing
  readonly #topics = new TopicTable({
    clock: this.runtime.clock,
    announceMs: defaults.announceMs,
    position: () => this.#origin.position,
  })
  readonly #prefixes = new Map<string, number>()
  #cost = new SubscriptionCost()
  readonly #rejected = new RejectedFrames(this.#sparseReports())
  readonly #excess = this.#sparseReports()
  readonly #pressure: Pressure
  /** Holds new peers while those that are there subscribe very much. */
  readonly #gate: HandshakeGate
  #resets = 0
  #isStartingOver = false
  readonly #subscriptionChanges = new Subject<SubscriptionChange>()

  static create(options: ResolvedPublisherOptions): Promise<PublisherResource> {
    return new PublisherResource(options).#start()
  }

  private constructor(options: ResolvedPublisherOptions) {
    super('createPublisher', options, 'any')
    this.#options = options
    this.#pressure = {
      bytes: () => this.#cost.total(this.socket.subscribedPrefixes),
      limitBytes: options.subscriptionBytes,
    }
    this.#gate = HandshakeGate.of(this.runtime, () => this.#isStartingOver || this.socket.isSlow)
    this.#outgoing = new Outgoing({
      overflow: options.overflow,
      queue: () => this.socket.outbox,
      name: () => this.name,
      isOpen: () => this.life.isOpen,
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
    })
  }

  async #start(): Promise<this> {
    const { highWaterMark, outboxBytes, slowSubscribers } = this.#options
    await this.openSocket({
      kind: 'xpub',
      sendHighWaterMark: highWaterMark,
      receiveHighWaterMark: upstreamHighWaterMark,
      maxFrameBytes: maxUpstreamBytes,
      socketBufferBytes: undefined,
      patienceMs: slowSubscribers === 'wait' ? Number.POSITIVE_INFINITY : defaults.slowSubscriberMs,
      outboxBytes,
      gateName: this.#gate.name,
    })
    this.socket.links.changes.subscribe(({ connected }) => {
      if (connected === 0) this.#cost.noSubscriber(this.socket.subscribedPrefixes)
    })
    this.socket.reading = true
    return this
  }

  readonly subscriptions = new Observable<SubscriptionChange>((subscriber) => {
    for (const [prefix, subscribers] of this.#prefixes) subscriber.next({ kind: 'subscribed', prefix, subscribers })
    return this.#subscriptionChanges.subscribe(subscriber)
  })

  topic<In>(name: string, schema: Schema<In>): TopicPublisher<In> {
    if (!isSchema(schema)) throw invalidOption('topic', 'schema', 'a schema of defineSchema', schema)
    const part = topicPart(name)
    if (!this.life.isOpen) throw new RivuletError('RIVULET_CLOSED', `${this.name}: closed`)
    const codec = codecOf(schema) as Codec<In, unknown>
    const madeWith = this.#topics.schemaText(name)
    if (madeWith !== undefined && madeWith !== codec.text) {
      throw new RivuletError(
        'RIVULET_INVALID_OPTION',
        `${this.name}: topic '${name}' was made with another schema; a topic has one schema, so use that or another topic`,
      )
    }
    const known = this.#topics.sink(name)
    if (known) return known as unknown as TopicPublisher<In>
    const topic = new PublishedTopic<In>({
      name,
      part,
      codec,
      origin: this.#origin,
      numbers: this.#topics.numbers(name),
      outgoing: this.#outgoing,
      outbox: () => this.socket.outbox,
      maxBatchMessages: this.#options.maxBatchMessages,
      maxMessageBytes: this.#options.maxMessageBytes,
      subscribed: () => this.#isSubscribed(name),
      used: (used) => this.#topics.used(used),
    })
    this.#topics.add(topic as unknown as PublishedTopic<never>)
    return topic
  }

  #sparseReports(): SparseReports {
    return new SparseReports(this.runtime.clock, (error) => this.reports.report(error))
  }

  stats(): PublisherStats {
    return Object.freeze({
      ...this.#outgoing.stats(),
      rejectedFrames: this.#rejected.snapshot(),
      subscriptionResets: this.#resets,
    })
  }

  protected onFrame(parts: readonly Buffer[]): void {
    // it is of the former socket
    if (this.#isStartingOver) return
    const [frame] = parts
    const mark = frame?.[0]
    if (frame === undefined || parts.length !== 1) {
      this.#rejected.add(
        new RivuletError(
          'RIVULET_BAD_FRAME',
          `a subscriber sent a message of ${parts.length} parts; subscriptions and requests have one`,
        ),
      )
    } else if (mark === 1 || mark === 0) {
      const prefix = frame.subarray(1)
      if (prefix[0] !== inboxMark) this.#onSubscription(mark === 1, prefix)
      this.#bound(mark === 1, prefix)
    } else {
      this.#onRequest(frame)
    }
  }

  #onSubscription(subscribed: boolean, bytes: Buffer): void {
    const beginning = bytes.toString()
    const prefix = beginning.replace(/\.$/, '')
    const before = this.#prefixes.get(prefix) ?? 0
    if (before === 0 && !subscribed) return
    const subscribers = before + (subscribed ? 1 : -1)
    if (subscribers > 0) this.#prefixes.set(prefix, subscribers)
    else this.#prefixes.delete(prefix)
    if (subscribed) this.#topics.introduce(beginning)
    this.#subscriptionChanges.next({ kind: subscribed ? 'subscribed' : 'unsubscribed', prefix, subscribers })
  }

  /** Keeps what subscriptions cost the native library within `subscriptionBytes`. */
  #bound(subscribed: boolean, prefix: Buffer): void {
    const { subscribedPrefixes } = this.socket
    this.#cost.count(subscribed, prefix)
    const bytes = this.#cost.total(subscribedPrefixes)
    const { subscriptionBytes } = this.#options
    if (this.sockets.isShut) return
    if (bytes > subscriptionBytes) void this.#startOver(bytes)
    else if (subscribed && bytes > subscriptionBytes / 4) {
      this.socket.slowDown(this.#pressure)
      this.#gate.narrow()
    }
  }

  /**
   * Disconnects all subscribers and forgets what they have subscribed: it is not known whose subscriptions are too many.
   *
   * Honest ones connect and subscribe again before anything is sent, and see what they missed as gaps.
   */
  async #startOver(bytes: number): Promise<void> {
    this.#isStartingOver = true
    this.#resets += 1
    const text = `${this.name}: subscriptions take ${bytes} bytes, more than subscriptionBytes (${this.#options.subscriptionBytes}); all subscribers were disconnected`
    this.#excess.report(new RivuletError('RIVULET_TOO_MANY_SUBSCRIPTIONS', text))
    const prefixes = [...this.#prefixes.keys()]
    this.#prefixes.clear()
    this.#cost = new SubscriptionCost()
    this.#gate.narrow()
    const renewed = this.renewSocket()
    for (const prefix of prefixes) this.#subscriptionChanges.next({ kind: 'unsubscribed', prefix, subscribers: 0 })
    await renewed
    // nothing is taken from the one that subscribes too much before the others are there, too
    await this.#pause(returnMs)
    this.#isStartingOver = false
    if (this.sockets.isShut) return
    this.socket.reading = true
    await Promise.race([this.#gate.whenNoneWait(), this.#pause(admittedMs)])
    await this.#pause(subscribeMs)
    if (!this.sockets.isShut && !this.#isStartingOver) this.socket.startSending()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.runtime.clock.setTimer(resolve, ms))
  }

  /** Answers that everything subscribed before the request is in force, and from which position on. */
  #onRequest(frame: Buffer): void {
    let request: TopicRequest
    try {
      request = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
    } catch (error) {
      this.#rejected.add(error as RivuletError)
      return
    }
    const { inbox, nonce } = request
    if (inbox[0] !== inboxMark || inbox.length > 64) {
      this.#rejected.add(
        new RivuletError(
          'RIVULET_BAD_FRAME',
          'a request names an invalid inbox: it must begin with byte 0 and have at most 64 bytes',
        ),
      )
      return
    }
    const { outbox } = this.socket
    if (outbox.bytes >= outbox.limitBytes + maxAnswerBytes) return
    const { source, position, clock } = this.#origin
    const answer = { nonce, source, position, time: new Date(clock.wallNow()) }
    const bytes = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
    outbox.add({ parts: [inbox, bytes], messages: 0, bytes: inbox.length + bytes.length })
  }

  #isSubscribed(name: string): boolean {
    if (this.#prefixes.has('') || this.#prefixes.has(name)) return true
    for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
      if (this.#prefixes.has(name.slice(0, dot))) return true
    }
    return false
  }

  protected onLost(messages: number): void {
    this.#outgoing.lost('transport', messages)
  }

  protected async finish(deadline: number): Promise<number> {
    await this.waitUntil(deadline, this.#outgoing.whenEmpty())
    // what is left is counted when the socket is closed
    return 0
  }

  protected released(left: number): void {
    this.#gate.open()
    this.#outgoing.lost('closed', left)
    this.#topics.close()
    this.#subscriptionChanges.complete()
  }
}
