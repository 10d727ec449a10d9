/**
 * What a publisher does with topics, subscriptions and requests, whatever its socket is.
 *
 * Pure but for a clock: `publisher.ts` gives it a socket and a history, a simulation gives it simulated ones. It knows which
 * prefixes are subscribed and how often, never by whom.
 */
import { Observable, Subject } from 'rxjs'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import { isSchema } from '../../src/avro/index.js'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { defaults, invalidOption } from '../../src/options/index.js'
import type { Outbox } from '../../src/socket/index.js'
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
import type { FeedReader } from './feed-reader.js'
import type { SubscriptionChange } from './publisher-api.js'
import type { PublisherHistory } from './publisher-history.js'
import { TopicBeacons } from './topic-beacons.js'
import { inboxMark, noInbox, topicPart } from './topic-name.js'
import { type Leaving, PublishedTopic, type TopicPublisher, type TopicTail } from './topic-publisher.js'
import { TopicTable } from './topic-table.js'

/** What is decided for it. */
export interface PublisherCoreOptions {
  readonly overflow: OutgoingPorts['overflow']
  readonly maxBatchMessages: number
  readonly maxMessageBytes: number
}

/** What links are fed with. */
export interface CoreFeed {
  /** What is to be called when a frame leaves. */
  readonly leaving: Leaving
  /** Where answers to requests of the socket wait, if its frames wait elsewhere. */
  answers(): Outbox
  /** The extension of such an answer to a request with these, if messages come over links alone. */
  extension(asked: TopicRequest['extensions']): Readonly<Record<string, Buffer>> | undefined
}

type OutgoingPorts = ConstructorParameters<typeof Outgoing>[0]

/** What it needs. */
export interface PublisherCorePorts extends Pick<OutgoingPorts, 'name' | 'onClosing' | 'report'> {
  readonly clock: Clock
  readonly history: PublisherHistory
  /** Whether it is neither closing nor closed. */
  isOpen(): boolean
  /** Where frames and answers wait. */
  outbox(): Outbox
  /** What links are fed with as it leaves. Default: nothing. */
  readonly feed?: CoreFeed
  nextTurn(callback: () => void): void
}

/** What answers may add to a full outbox, in bytes; who gets none asks again. */
const maxAnswerBytes = 262_144

/** The topics of one publisher, and what its subscribers ask. */
export class PublisherCore {
  readonly #options: PublisherCoreOptions
  readonly #ports: PublisherCorePorts
  readonly #outgoing: Outgoing
  readonly #topics: TopicTable
  readonly #beacons: TopicBeacons<TopicTail>
  readonly #prefixes = new Map<string, number>()
  readonly #subscriptionChanges = new Subject<SubscriptionChange>()
  #origin: Origin

  constructor(options: PublisherCoreOptions, ports: PublisherCorePorts) {
    this.#options = options
    this.#ports = ports
    const { clock, history } = ports
    const { announceMs } = defaults
    this.#origin = new Origin(clock, announceMs)
    this.#topics = new TopicTable({ clock, announceMs, position: () => this.#origin.position })
    this.#beacons = new TopicBeacons<TopicTail>({
      clock,
      nextTurn: (callback) => ports.nextTurn(callback),
      send: (tail) => this.#sendBeacon(tail),
    })
    this.#outgoing = new Outgoing({
      overflow: options.overflow,
      queue: () => ports.outbox(),
      backlog: () => ports.outbox(),
      name: () => ports.name(),
      isOpen: () => ports.isOpen() && history.failure === undefined,
      failure: () => (ports.isOpen() ? history.failure : undefined),
      onClosing: (callback) => ports.onClosing(callback),
      report: (error) => ports.report(error),
    })
  }

  /** Its identity, and how far it has come. */
  get origin(): Pick<Origin, 'source' | 'position'> {
    return this.#origin
  }

  readonly subscriptions = new Observable<SubscriptionChange>((subscriber) => {
    for (const [prefix, subscribers] of this.#prefixes) subscriber.next({ kind: 'subscribed', prefix, subscribers })
    return this.#subscriptionChanges.subscribe(subscriber)
  })

  /**
   * Opens the log, and continues its numbers; to be called before anything else.
   *
   * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
   */
  async restore(): Promise<void> {
    const { clock, history } = this.#ports
    const ends = await history.openLog(() => this.#topics.earlier())
    this.#topics.restore(ends, !history.areNumbersLost)
    this.#origin = new Origin(clock, defaults.announceMs, history.source)
  }

  /** @throws RIVULET_INVALID_OPTION, RIVULET_CLOSED */
  topic<In>(given: string | TopicContract, second?: unknown): TopicPublisher<In> {
    const { text: name, schema } = topicOf('name', given, second)
    if (!isSchema(schema)) throw invalidOption('topic', 'schema', 'a schema of defineSchema', schema)
    const part = topicPart(name)
    this.checkOpen()
    const codec = codecOf(schema) as Codec<In, unknown>
    const madeWith = this.#topics.schemaText(name)
    if (madeWith !== undefined && madeWith !== codec.text) {
      throw new RivuletError(
        'RIVULET_INVALID_OPTION',
        `${this.#ports.name()}: topic '${name}' was made with another schema; a topic has one schema, so use that or another topic`,
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
      outbox: () => this.#ports.outbox(),
      maxBatchMessages: this.#options.maxBatchMessages,
      maxMessageBytes: this.#options.maxMessageBytes,
      subscribed: () => this.#isSubscribed(name),
      used: (used) => {
        this.#topics.used(used)
        this.#beacons.used(used.tail)
      },
      checkOpen: () => this.checkOpen(),
      history: this.#ports.history,
      leaving: this.#ports.feed?.leaving,
    })
    this.#topics.add(topic as unknown as PublishedTopic<never>)
    return topic
  }

  async flush(): Promise<void> {
    this.checkOpen()
    this.#outgoing.flush()
    await this.#ports.history.flush()
  }

  stats(): ReturnType<Outgoing['stats']> {
    return this.#outgoing.stats()
  }

  /** Messages were dropped. */
  lost(reason: string, messages: number): void {
    this.#outgoing.lost(reason, messages)
  }

  /** Resolves when nothing waits in the outbox. */
  whenEmpty(): Promise<unknown> {
    return this.#outgoing.whenEmpty()
  }

  /** @throws RIVULET_CLOSED */
  checkOpen(): void {
    if (!this.#ports.isOpen()) throw new RivuletError('RIVULET_CLOSED', `${this.#ports.name()}: closed`)
  }

  /** A peer subscribes to a prefix, or cancels it; inboxes are among them. */
  subscription(subscribed: boolean, bytes: Buffer): void {
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

  /** All subscribers were disconnected. */
  reset(): void {
    const prefixes = [...this.#prefixes.keys()]
    this.#prefixes.clear()
    for (const prefix of prefixes) this.#subscriptionChanges.next({ kind: 'unsubscribed', prefix, subscribers: 0 })
  }

  /**
   * Answers that everything subscribed before the request is in force, and from which position on; or where that is to be asked.
   *
   * @param reader - Who asks over a link.
   */
  request({ inbox, nonce, extensions }: TopicRequest, reader?: Pick<FeedReader, 'answer'>): void {
    const { history, feed } = this.#ports
    if (reader === undefined) history.requested(extensions)
    if (inbox.equals(noInbox)) return
    history.answer((offer) => {
      const outbox = (reader === undefined && feed?.answers()) || this.#ports.outbox()
      if (outbox.bytes >= outbox.limitBytes + maxAnswerBytes) return
      const { source, position, clock } = this.#origin
      const extension = (reader === undefined && feed?.extension(extensions)) || offer
      const answer = { nonce, source, position, time: new Date(clock.wallNow()), extensions: extension }
      const bytes = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
      // an answer over a link leaves behind the frames before it, as one of the socket does
      const size = inbox.length + bytes.length
      if (reader === undefined) outbox.add({ parts: [inbox, bytes], messages: 0, bytes: size })
      else outbox.add({ parts: [], messages: 0, bytes: size, leaves: () => reader.answer(bytes) })
    })
  }

  /** Nothing is shown any more of where topics stand. */
  stopBeacons(): void {
    this.#beacons.close()
  }

  close(): void {
    this.#beacons.close()
    this.#topics.close()
    this.#prefixes.clear()
    this.#subscriptionChanges.complete()
  }

  /** Shows those who may have lost the last messages of a topic where its numbers stand. */
  #sendBeacon(tail: TopicTail): void {
    // without messages nothing can be lost, and the next sink of the topic may have begun numbers of its own
    if (tail.numbers.previous === 0) return
    const { history } = this.#ports
    const outbox = this.#ports.outbox()
    if (tail.isWaiting || outbox.isFull() || history.failure || !this.#isSubscribed(tail.name)) return
    const { part, codec, numbers } = tail
    const { fingerprint, schemaId, text: writerSchema } = codec
    const { source, position } = this.#origin
    const { sequence, previous, time } = numbers
    const header = { fingerprint, schemaId, writerSchema, source, position: position + 1, sequence, previous, time }
    const bytes = writeIntroduction(header, part)
    const fed = this.#ports.feed?.leaving(part, tail.name, codec, bytes, 0)
    tail.isWaiting = true
    const leaves = () => {
      tail.isWaiting = false
      fed?.()
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
}
