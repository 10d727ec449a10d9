/**
 * One subscription of a subscriber: a pattern, a schema, and the stream they feed.
 *
 * It is in force while somebody subscribes to its stream. It is given the frames that match, and follows their numbers.
 */
import { type Codec, codecOf, decodeFailure } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { publishDrop } from '../../src/observe/index.js'
import { type CheckedSupply, type Conflation, Inbound, type Stream } from '../../src/stream/index.js'
import { Batch, CompatibleReader, type DataFrame } from '../../src/wire/index.js'
import { type ConflateBy, conflationOf, KeyedBatch, partsOfEvent, partsOfValue } from './conflate-by.js'
import { SequenceTracker } from './sequence-tracker.js'
import { MessageEvents, type TopicEvent } from './topic-event.js'
import { type TopicPattern, topicPattern } from './topic-name.js'

/** What a subscription needs of its subscriber. */
export interface SubscriptionPorts {
  name(): string
  readonly clock: Clock
  report(error: RivuletError): void
  /** The subscription comes into force, or ends. */
  demanded(subscription: Subscription, wanted: boolean): void
  /** Whether it is backlogged may have changed. */
  changed(subscription: Subscription): void
}

/** A frame that matches, with the parts that were read already. */
export interface TopicFrame {
  readonly frame: DataFrame
  readonly writerText: string
  readonly topic: string
  readonly publisher: string
}

/** What a subscription has counted. */
export interface SubscriptionCounts {
  readonly received: number
  readonly delivered: number
  readonly gaps: number
  readonly missed: number
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
  /** A publisher serves it since this position. */
  served(publisher: string, position: number): void
  accept(frame: TopicFrame): void
}

/** The subscription behind `topic`: values alone. */
export function valueSubscription<Out>(
  pattern: string,
  schema: Schema<unknown, Out>,
  ports: SubscriptionPorts,
  conflate?: ConflateBy,
): Subscription & { readonly stream: Stream<Out> } {
  const report = (error: RivuletError) => ports.report(error)
  const conflation = conflate && conflationOf<Out>(conflate, partsOfValue, { clock: ports.clock, pattern, report })
  const supply = (batch: Batch<Out>, { topic }: TopicFrame) => (conflate ? new KeyedBatch(batch, topic) : batch)
  return new TopicSubscription<Out, Out>(pattern, schema, ports, supply, false, conflation)
}

/** The subscription behind `events`: messages with their place, and gaps. */
export function eventSubscription<Out>(
  pattern: string,
  schema: Schema<unknown, Out>,
  ports: SubscriptionPorts,
  conflate?: ConflateBy,
): Subscription & { readonly stream: Stream<TopicEvent<Out>> } {
  const report = (error: RivuletError) => ports.report(error)
  const conflation =
    conflate && conflationOf<TopicEvent<Out>>(conflate, partsOfEvent, { clock: ports.clock, pattern, report })
  const supply = (batch: Batch<Out>, { topic, publisher }: TopicFrame) => new MessageEvents(batch, topic, publisher)
  return new TopicSubscription<Out, TopicEvent<Out>>(pattern, schema, ports, supply, true, conflation)
}

class TopicSubscription<Out, Item> implements Subscription {
  readonly pattern: TopicPattern
  readonly codec: Codec<never, Out>
  readonly inbound: Inbound<Item>
  order = 0
  readonly #ports: SubscriptionPorts
  readonly #reader: CompatibleReader<Out>
  readonly #supply: (batch: Batch<Out>, frame: TopicFrame) => CheckedSupply<Item>
  readonly #showsGaps: boolean
  readonly #tracker = new SequenceTracker()
  #gaps = 0
  #missed = 0
  /** The counts that were taken. */
  #taken: SubscriptionCounts = { received: 0, delivered: 0, gaps: 0, missed: 0, dropped: {} }

  constructor(
    pattern: string,
    schema: Schema<unknown, Out>,
    ports: SubscriptionPorts,
    supply: (batch: Batch<Out>, frame: TopicFrame) => CheckedSupply<Item>,
    showsGaps: boolean,
    conflation: Conflation<Item> | undefined,
  ) {
    this.pattern = topicPattern(pattern)
    this.codec = codecOf(schema) as Codec<never, Out>
    this.#ports = ports
    this.#supply = supply
    this.#showsGaps = showsGaps
    this.#reader = new CompatibleReader(this.codec, (error) => ports.report(error))
    let inForce = false
    this.inbound = new Inbound<Item>({
      name: ports.name,
      unreadable: (cause) => decodeFailure(cause, `a message on '${pattern}'`),
      report: ports.report,
      conflation,
      changed: () => {
        const { wanted } = this.inbound
        if (wanted !== inForce) {
          inForce = wanted
          // what is missed from here to the next subscriber is no gap
          if (wanted) this.#tracker.resume()
          ports.demanded(this, wanted)
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

  takeCounts(): SubscriptionCounts {
    const { received, delivered } = this.inbound
    const dropped = this.inbound.dropped.snapshot()
    const before = this.#taken
    this.#taken = { received, delivered, gaps: this.#gaps, missed: this.#missed, dropped }
    return {
      received: received - before.received,
      delivered: delivered - before.delivered,
      gaps: this.#gaps - before.gaps,
      missed: this.#missed - before.missed,
      dropped: Object.fromEntries(
        Object.entries(dropped).map(([reason, count]) => [reason, count - (before.dropped[reason] ?? 0)]),
      ),
    }
  }

  served(publisher: string, position: number): void {
    this.#tracker.served(publisher, position)
  }

  accept(topicFrame: TopicFrame): void {
    const { frame, writerText, topic, publisher } = topicFrame
    const { header } = frame
    const { duplicates, gap } = this.#tracker.follow(publisher, topic, header)
    if (gap) this.#miss(topic, publisher, gap.from, gap.to)
    if (duplicates > 0) this.inbound.lose('duplicate', duplicates)
    const fresh = header.count - duplicates
    if (fresh === 0) return
    const reader = this.#reader.readerFor(writerText)
    if (!reader) {
      this.inbound.lose('incompatible-schema', fresh)
      return
    }
    const batch = new Batch(frame, reader)
    for (let skipped = 0; skipped < duplicates && batch.remaining > 0; skipped++) this.#skip(batch)
    this.inbound.push(this.#supply(batch, topicFrame))
  }

  /** Skips a duplicate message; if it is unreadable, that was reported the first time. */
  #skip(batch: Batch<Out>): void {
    try {
      batch.take()
    } catch (cause) {
      batch.failed(cause)
    }
  }

  #miss(topic: string, publisher: string, from: number, to: number): void {
    this.#gaps += 1
    this.#missed += to - from + 1
    publishDrop(this.#ports.name(), 'gap', to - from + 1)
    if (this.#showsGaps) {
      this.inbound.note({ kind: 'gap', topic, publisher, from, to, reason: 'lost' } satisfies TopicEvent<Out> as Item)
    }
  }
}
