/**
 * The publishing side: topics over one XPUB socket.
 *
 * A publisher knows which prefixes are subscribed and how often, never by whom. What it keeps is in `publisher-history.ts`.
 */
import { merge, Observable, Subject } from 'rxjs'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { isSchema } from '../../src/avro/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { defaults, invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import { OneWayResource } from '../../src/socket/index.js'
import { Outgoing } from '../../src/stream/index.js'
import {
  frameKind,
  Origin,
  TopicAnswer,
  type TopicRequest,
  writeIntroduction,
  writeRecordFrame,
} from '../../src/wire/index.js'
import { type TopicContract, topicOf } from './define-topic.js'
import { historyRules, type PublisherOptions, publisherRules } from './options.js'
import type { Publisher, PublisherStats, SubscriptionChange } from './publisher-api.js'
import { PublisherHistory } from './publisher-history.js'
import { SubscriberSide } from './subscriber-side.js'
import { TopicBeacons } from './topic-beacons.js'
import { inboxMark, topicPart } from './topic-name.js'
import { PublishedTopic, type TopicPublisher, type TopicTail } from './topic-publisher.js'
import { TopicTable } from './topic-table.js'

/** What answers may add to a full outbox, in bytes; who gets none asks again. */
const maxAnswerBytes = 262_144

/**
 * Opens a publisher.
 *
 * Resolves when the socket is open, whether or not a subscriber is there; with `history.path`, when the history is read.
 *
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; with `history.path` also RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT,
 * RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 */
export async function createPublisher(options: PublisherOptions): Promise<Publisher> {
  return PublisherResource.create(resolveOptions('createPublisher', options, publisherRules))
}

type ResolvedPublisherOptions = Resolved<typeof publisherRules>

class PublisherResource extends OneWayResource<PublisherStats> implements Publisher {
  readonly #options: ResolvedPublisherOptions
  #origin = new Origin(this.runtime.clock, defaults.announceMs)
  readonly #history: PublisherHistory
  readonly #outgoing: Outgoing
  readonly #topics = new TopicTable({
    clock: this.runtime.clock,
    announceMs: defaults.announceMs,
    position: () => this.#origin.position,
  })
  readonly #beacons = new TopicBeacons<TopicTail>({
    clock: this.runtime.clock,
    nextTurn: (callback) => turnBudget.nextTurn(callback),
    send: (tail) => this.#sendBeacon(tail),
  })
  readonly #prefixes = new Map<string, number>()
  readonly #side: SubscriberSide
  readonly #subscriptionChanges = new Subject<SubscriptionChange>()

  static create(options: ResolvedPublisherOptions): Promise<PublisherResource> {
    return new PublisherResource(options).#start()
  }

  private constructor(options: ResolvedPublisherOptions) {
    super('createPublisher', options, 'any')
    this.#options = options
    this.#side = new SubscriberSide(options, {
      runtime: this.runtime,
      name: () => this.name,
      report: (error) => this.reports.report(error),
      socket: () => this.socket,
      isShut: () => this.sockets.isShut,
      renew: () => this.renewSocket(),
      subscription: (subscribed, prefix) => this.#onSubscription(subscribed, prefix),
      reset: () => this.#onReset(),
      request: (request) => this.#onRequest(request),
    })
    const history = options.history && resolveOptions('createPublisher: history', options.history, historyRules)
    this.#history = new PublisherHistory(history, {
      runtime: this.runtime,
      socket: options,
      name: () => this.name,
      endpoints: () => this.endpoints,
      connect: () => this.sockets.connect,
      adopt() {},
      release: () => this.socket.outbox.release(),
      dropped: (messages) => this.#outgoing.lost('not-kept', messages),
      report: (error) => this.reports.report(error),
    })
    this.#outgoing = new Outgoing({
      overflow: options.overflow,
      queue: () => this.socket.outbox,
      backlog: () => this.socket.outbox,
      name: () => this.name,
      isOpen: () => this.life.isOpen && this.#history.failure === undefined,
      failure: () => (this.life.isOpen ? this.#history.failure : undefined),
      onClosing: (callback) => this.life.onClosing(callback),
      report: (error) => this.reports.report(error),
    })
  }

  async #start(): Promise<this> {
    await this.openSocket(this.#side.settings)
    this.socket.links.changes.subscribe(({ connected }) => {
      if (connected > 0) return
      this.#side.noSubscriber()
      this.#history.noSubscriber()
    })
    this.socket.reading = true
    return this
  }

  readonly subscriptions = new Observable<SubscriptionChange>((subscriber) => {
    for (const [prefix, subscribers] of this.#prefixes) subscriber.next({ kind: 'subscribed', prefix, subscribers })
    return this.#subscriptionChanges.subscribe(subscriber)
  })

  topic<In>(given: string | TopicContract, second?: unknown): TopicPublisher<In> {
    const { text: name, schema } = topicOf('name', given, second)
    if (!isSchema(schema)) throw invalidOption('topic', 'schema', 'a schema of defineSchema', schema)
    const part = topicPart(name)
    this.#checkOpen()
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
      used: (used) => {
        this.#topics.used(used)
        this.#beacons.used(used.tail)
      },
      checkOpen: () => this.#checkOpen(),
      history: this.#history,
    })
    this.#topics.add(topic as unknown as PublishedTopic<never>)
    return topic
  }

  async flush(): Promise<void> {
    this.#checkOpen()
    this.#outgoing.flush()
    await this.#history.flush()
  }

  override get securityEvents(): Observable<SecurityEvent> {
    return this.#options.security ? merge(super.securityEvents, this.#history.securityEvents) : super.securityEvents
  }

  stats(): PublisherStats {
    return Object.freeze({
      ...this.#outgoing.stats(),
      rejectedFrames: this.#side.rejectedFrames,
      subscriptionResets: this.#side.resets,
      history: this.#history.stats(),
    })
  }

  #checkOpen(): void {
    if (!this.life.isOpen) throw new RivuletError('RIVULET_CLOSED', `${this.name}: closed`)
  }

  protected override async openTransport(): Promise<void> {
    try {
      const ends = await this.#history.openLog()
      this.#topics.restore(ends, !this.#history.areNumbersLost)
      this.#origin = new Origin(this.runtime.clock, defaults.announceMs, this.#history.source)
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

  #onSubscription(subscribed: boolean, bytes: Buffer): void {
    if (bytes[0] === inboxMark) return
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

  #onReset(): void {
    const prefixes = [...this.#prefixes.keys()]
    this.#prefixes.clear()
    for (const prefix of prefixes) this.#subscriptionChanges.next({ kind: 'unsubscribed', prefix, subscribers: 0 })
  }

  /** Answers that everything subscribed before the request is in force, and from which position on. */
  #onRequest({ inbox, nonce, extensions }: TopicRequest): void {
    this.#history.requested(extensions)
    this.#history.answer((extension) => {
      const { outbox } = this.socket
      if (outbox.bytes >= outbox.limitBytes + maxAnswerBytes) return
      const { source, position, clock } = this.#origin
      const answer = { nonce, source, position, time: new Date(clock.wallNow()), extensions: extension }
      const bytes = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
      outbox.add({ parts: [inbox, bytes], messages: 0, bytes: inbox.length + bytes.length })
    })
  }

  /** Shows those who may have lost the last messages of a topic where its numbers stand. */
  #sendBeacon(tail: TopicTail): void {
    const { outbox } = this.socket
    if (tail.isWaiting || outbox.isFull() || this.#history.failure || !this.#isSubscribed(tail.name)) return
    const { part, codec, numbers } = tail
    const { fingerprint, schemaId, text: writerSchema } = codec
    const { source, position, clock } = this.#origin
    const header = { fingerprint, schemaId, writerSchema, source, position: position + 1, time: clock.wallNow() }
    const bytes = writeIntroduction({ ...header, ...numbers }, part)
    tail.isWaiting = true
    const leaves = () => {
      tail.isWaiting = false
    }
    outbox.add({ parts: [part, bytes], messages: 0, bytes: part.length + bytes.length, leaves })
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
    this.#beacons.close()
    await this.#history.close(deadline - this.runtime.clock.now())
    // what is left is counted when the socket is closed
    return 0
  }

  protected released(left: number): void {
    this.#side.close()
    this.#beacons.close()
    this.#outgoing.lost('closed', left)
    this.#topics.close()
    this.#subscriptionChanges.complete()
  }
}
