/**
 * One subscription of a subscriber: a pattern, a schema, and the stream they feed.
 *
 * It is in force while somebody subscribes to its stream. It is given the frames that match, and what was fetched of history;
 * `topic-follower.ts` puts them in order.
 */
import { type Codec, codecOf, decodeFailure } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import type { Clock, Timer } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { publishDrop } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import { type CheckedSupply, type Conflation, Inbound, type Stream } from '../../src/stream/index.js'
import { Batch, CompatibleReader } from '../../src/wire/index.js'
import { type ConflateBy, conflationOf, KeyedBatch, partsOfEvent, partsOfValue } from './conflate-by.js'
import { CursorJournal } from './cursor-journal.js'
import type { HoldBudget } from './held-frames.js'
import type { HistoryAsker } from './history-call.js'
import type { GapReason, HistoryFetch } from './history-fetch.js'
import type { Start } from './since.js'
import { MessageEvents, marked, overtakes, type SinceEvent, type TopicGap, type TopicLive } from './topic-event.js'
import { TopicFollower } from './topic-follower.js'
import type { TopicFrame } from './topic-frame.js'
import { type TopicPattern, topicPattern } from './topic-name.js'
import type { Way } from './topic-order.js'

/** What a subscription needs of its subscriber. */
export interface SubscriptionPorts {
  name(): string
  readonly clock: Clock
  readonly history: SubscriptionHistory
  report(error: RivuletError): void
  /** The subscription comes into force, or ends. */
  demanded(subscription: Subscription, wanted: boolean): void
  /** Whether it is backlogged may have changed. */
  changed(subscription: Subscription): void
}

/** What a subscription needs of the history of its publishers. */
export interface SubscriptionHistory {
  readonly budget: HoldBudget
  /** How long connections have been read so far, in milliseconds. */
  readingMs(): number
  /** Whether a publisher serves history. */
  isOffered(publisher: string): boolean
  fetch(fetch: HistoryFetch, asker: HistoryAsker): void
  cancel(fetch: HistoryFetch): void
  /** Messages of a publisher were missed, for good. */
  missed(publisher: string, messages: number): void
}

/** What a stream shows, and from where. */
export interface StreamSettings {
  readonly start: Start
  readonly conflate?: ConflateBy | undefined
}

/** What a subscription has counted. */
export interface SubscriptionCounts {
  readonly received: number
  readonly delivered: number
  readonly gaps: number
  readonly missed: number
  readonly expired: number
  readonly repaired: number
  /** By reason. */
  readonly dropped: Readonly<Record<string, number>>
}

/** What a subscriber does with its subscriptions, whatever their types. */
export interface Subscription {
  readonly pattern: TopicPattern
  readonly codec: Codec<never, unknown>
  /** Its number, by which readiness tells what an answer covers; 0 while it is not in force. */
  order: number
  readonly wanted: boolean
  readonly backlogged: boolean
  /** What was counted since the last call. */
  takeCounts(): SubscriptionCounts
  /** The way in. */
  readonly inbound: Inbound<unknown>
  /** Messages that wait for what is missing before them. */
  readonly held: number
  /** A publisher serves it since this position, as known by connections of this number. */
  served(publisher: string, position: number, epoch: number): void
  /** A publisher has left. */
  left(publisher: string): void
  /** What is missing is not waited for any more. */
  settle(): void
  accept(frame: TopicFrame): void
}

/** The subscription behind `topic`: values alone. */
export function valueSubscription<Out>(
  pattern: string,
  schema: Schema<unknown, Out>,
  ports: SubscriptionPorts,
  settings: StreamSettings,
): Subscription & { readonly stream: Stream<Out> } {
  const { conflate } = settings
  const report = (error: RivuletError) => ports.report(error)
  const conflation = conflate && conflationOf<Out>(conflate, partsOfValue, { clock: ports.clock, pattern, report })
  const supply = (batch: Batch<Out>, { topic }: TopicFrame) => (conflate ? new KeyedBatch(batch, topic) : batch)
  return new TopicSubscription<Out, Out>(pattern, schema, ports, settings, { supply, conflation })
}

/** The subscription behind `events`: messages with their place, gaps, and the seam. */
export function eventSubscription<Out>(
  pattern: string,
  schema: Schema<unknown, Out>,
  ports: SubscriptionPorts,
  settings: StreamSettings,
): Subscription & { readonly stream: Stream<SinceEvent<Out>> } {
  const { conflate } = settings
  const report = (error: RivuletError) => ports.report(error)
  const conflation =
    conflate &&
    conflationOf<SinceEvent<Out>>(conflate, partsOfEvent, { clock: ports.clock, pattern, report }, overtakes)
  const journal = new CursorJournal()
  const compact = (publisher: string) => subscription.compact(publisher)
  const supply = (batch: Batch<Out>, { topic, publisher }: TopicFrame) => {
    return new MessageEvents(batch, topic, publisher, { mark: journal.mark(), compact })
  }
  const note = (event: TopicGap | TopicLive) => (conflate ? marked(event, journal.mark()) : event)
  const shown = { supply, conflation, journal, note }
  const subscription = new TopicSubscription<Out, SinceEvent<Out>>(pattern, schema, ports, settings, shown)
  return subscription
}

/** How items are made of frames. */
interface Shown<Out, Item> {
  supply(batch: Batch<Out>, frame: TopicFrame): CheckedSupply<Item>
  readonly conflation: Conflation<Item> | undefined
  /** Where messages have cursors. */
  readonly journal?: CursorJournal
  /** How what is no message is shown; left out where it is not. */
  note?(event: TopicGap | TopicLive): Item
}

class TopicSubscription<Out, Item> implements Subscription {
  readonly pattern: TopicPattern
  readonly codec: Codec<never, Out>
  readonly inbound: Inbound<Item>
  order = 0
  readonly #ports: SubscriptionPorts
  readonly #reader: CompatibleReader<Out>
  readonly #shown: Shown<Out, Item>
  readonly #follower: TopicFollower<TopicFrame>
  #timer: Timer | undefined
  #gaps = 0
  #missed = 0
  #expired = 0
  #repaired = 0
  /** The counts that were taken. */
  #taken: SubscriptionCounts = noCounts

  constructor(
    pattern: string,
    schema: Schema<unknown, Out>,
    ports: SubscriptionPorts,
    { start }: StreamSettings,
    shown: Shown<Out, Item>,
  ) {
    this.pattern = topicPattern(pattern)
    this.codec = codecOf(schema) as Codec<never, Out>
    this.#ports = ports
    this.#shown = shown
    this.#reader = new CompatibleReader(this.codec, (error) => ports.report(error))
    const { history, clock } = ports
    const follower: TopicFollower<TopicFrame> = new TopicFollower<TopicFrame>(
      { pattern, start, answerMs: defaults.topicAnswerMs, budget: history.budget },
      {
        now: () => clock.now(),
        readingMs: () => history.readingMs(),
        watch: (at) => this.#watch(at),
        hasHistory: (source) => history.isOffered(source),
        deliver: (_, frame, skipped, way) => this.#deliver(frame, skipped, way),
        gap: (source, topic, from, to, reason) => this.#miss(source, topic, from, to, reason),
        duplicates: (messages) => this.inbound.lose('duplicate', messages),
        abandoned: (messages) => this.inbound.lose('unsubscribed', messages),
        live: (publisher) => this.#note({ kind: 'live', publisher }),
        fetch: (fetch) => history.fetch(fetch, follower),
        cancel: (fetch) => history.cancel(fetch),
        done: (source, position, isWhole) => shown.journal?.done(source, position, isWhole),
        moved: (source, topic, sequence, position) => shown.journal?.moved(source, topic, sequence, position),
      },
    )
    this.#follower = follower
    let inForce = false
    this.inbound = new Inbound<Item>({
      name: ports.name,
      unreadable: (cause) => decodeFailure(cause, `a message on '${pattern}'`),
      report: ports.report,
      conflation: shown.conflation,
      changed: () => {
        const { wanted } = this.inbound
        if (wanted !== inForce) {
          inForce = wanted
          // what is missed from here to the next subscriber is no gap
          if (wanted) follower.resume()
          ports.demanded(this, wanted)
          if (!wanted) this.settle()
        }
        ports.changed(this)
      },
    })
  }

  get stream(): Stream<Item> {
    return this.inbound.stream
  }

  get wanted(): boolean {
    return this.inbound.wanted
  }

  get backlogged(): boolean {
    return this.inbound.backlogged
  }

  get held(): number {
    return this.#follower.heldMessages
  }

  takeCounts(): SubscriptionCounts {
    const { delivered } = this.inbound
    const dropped = this.inbound.dropped.snapshot()
    const before = this.#taken
    const now: SubscriptionCounts = {
      received: this.inbound.received + this.held,
      delivered,
      gaps: this.#gaps,
      missed: this.#missed,
      expired: this.#expired,
      repaired: this.#repaired,
      dropped,
    }
    this.#taken = now
    return {
      received: now.received - before.received,
      delivered: now.delivered - before.delivered,
      gaps: now.gaps - before.gaps,
      missed: now.missed - before.missed,
      expired: now.expired - before.expired,
      repaired: now.repaired - before.repaired,
      dropped: Object.fromEntries(
        Object.entries(dropped).map(([reason, count]) => [reason, count - (before.dropped[reason] ?? 0)]),
      ),
    }
  }

  served(publisher: string, position: number, epoch: number): void {
    this.#follower.served(publisher, position, epoch)
  }

  left(publisher: string): void {
    this.#follower.left(publisher)
  }

  accept(frame: TopicFrame): void {
    this.#follower.frame(frame.publisher, frame)
  }

  settle(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#follower.stop()
  }

  /** Makes the cursors of a publisher shorter. */
  compact(publisher: string): void {
    if (this.wanted) this.#follower.compact(publisher)
  }

  #deliver(topicFrame: TopicFrame, skipped: number, way: Way): void {
    const { frame, writerText } = topicFrame
    const fresh = frame.header.count - skipped
    const reader = this.#reader.readerFor(writerText)
    if (!reader) {
      this.inbound.lose('incompatible-schema', fresh)
      return
    }
    const batch = new Batch(frame, reader)
    for (let at = 0; at < skipped && batch.remaining > 0; at++) this.#skip(batch)
    if (way === 'repair') this.#repaired += batch.remaining
    this.inbound.push(this.#shown.supply(batch, topicFrame))
  }

  /** Skips a duplicate message; if it is unreadable, that was reported the first time. */
  #skip(batch: Batch<Out>): void {
    try {
      batch.take()
    } catch (cause) {
      batch.failed(cause)
    }
  }

  #miss(publisher: string, topic: string, from: number, to: number, reason: GapReason): void {
    const messages = to - from + 1
    this.#gaps += 1
    this.#missed += messages
    if (reason === 'expired') this.#expired += messages
    publishDrop(this.#ports.name(), 'gap', messages)
    this.#ports.history.missed(publisher, messages)
    this.#note({ kind: 'gap', topic, publisher, from, to, reason })
  }

  #note(event: TopicGap | TopicLive): void {
    const { note } = this.#shown
    if (note) this.inbound.note(note(event))
  }

  #watch(at: number): void {
    const { clock } = this.#ports
    this.#timer?.cancel()
    this.#timer = clock.setTimer(() => this.#follower.unanswered(clock.now()), Math.max(0, at - clock.now()))
  }
}

const noCounts: SubscriptionCounts = Object.freeze({
  received: 0,
  delivered: 0,
  gaps: 0,
  missed: 0,
  expired: 0,
  repaired: 0,
  dropped: {},
})
