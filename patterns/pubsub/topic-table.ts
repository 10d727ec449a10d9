/**
 * The topics of one publisher: those in use or held, and the numbers of those that were.
 *
 * A sink that is neither held by its user nor used within the last seconds is no longer referenced. Its numbers
 * are kept apart, for so many topics, so that a topic that is used again continues where it ended.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import type { EarlierTopic, TopicEnd } from './topic-log.js'
import type { PublishedNumbers, PublishedTopic } from './topic-publisher.js'

/** Topics without a sink whose numbers were kept last; up to as many of those before them are kept too. */
const maxPast = 32_768

/** What is known of a topic. */
interface KnownTopic {
  readonly name: string
  readonly schemaText: string
  /** `undefined` for a topic of an earlier life, which is in its log. */
  readonly schemaId: Buffer | undefined
  readonly numbers: PublishedNumbers
}

interface LiveTopic extends KnownTopic {
  readonly sink: WeakRef<PublishedTopic<never>>
}

/** What the table needs of its publisher. */
export interface TopicTablePorts {
  readonly clock: Clock
  /** How long a new subscriber may still get a frame without its schema, in milliseconds. */
  readonly announceMs: number
  /** The position of the last message over all topics. */
  position(): number
}

/** The topics of one publisher. */
export class TopicTable {
  readonly #ports: TopicTablePorts
  #maxPast: number
  readonly #live = new Map<string, LiveTopic>()
  /** The live topics under each beginning of their names, by whole words as on the wire. */
  readonly #under = new Map<string, Set<LiveTopic>>()
  readonly #collected = new FinalizationRegistry<LiveTopic>((topic) => this.#release(topic))
  /** Topics without a sink, in two turns: taking the oldest out of one large map is slow. */
  #past = new Map<string, KnownTopic>()
  #former = new Map<string, KnownTopic>()
  #forgot = false
  /** Sinks that were used since the last tick and before it: a new subscriber gets their schemas. */
  #recent = new Set<PublishedTopic<never>>()
  #lately = new Set<PublishedTopic<never>>()
  #tick: Timer | undefined

  constructor(ports: TopicTablePorts, past = maxPast) {
    this.#ports = ports
    this.#maxPast = past
  }

  /**
   * Enters topics of an earlier life of the publisher, all of which are kept.
   *
   * @param areAll - Whether there were no others.
   */
  restore(ends: Iterable<TopicEnd>, areAll = true): void {
    this.#forgot ||= !areAll
    for (const { topic: name, schemaText, sequence, position } of ends) {
      const numbers = { sequence: sequence + 1, previous: position, time: 0 }
      this.#past.set(name, { name, schemaText, schemaId: undefined, numbers })
    }
    this.#maxPast = Math.max(this.#maxPast, this.#past.size)
  }

  /** The topics with messages, for a log that begins behind them. */
  *earlier(): Iterable<EarlierTopic> {
    for (const topics of [this.#former, this.#past, this.#live]) {
      for (const { name, schemaText, schemaId, numbers } of topics.values()) {
        const { sequence, previous, time } = numbers
        if (previous === 0 || schemaId === undefined) continue
        yield { topic: name, schemaText, schemaId, sequence: sequence - 1, position: previous, time }
      }
    }
  }

  /** The sink of a topic, if it may still be held. */
  sink(name: string): PublishedTopic<never> | undefined {
    return this.#live.get(name)?.sink.deref()
  }

  /** The schema that a topic was made with, as long as it is known. */
  schemaText(name: string): string | undefined {
    return this.#known(name)?.schemaText
  }

  /**
   * The numbers that a new sink of a topic continues with.
   *
   * A topic that may have been forgotten begins with a number above all that it may have had: each message has taken a
   * position as well.
   */
  numbers(name: string): PublishedNumbers {
    const sequence = this.#forgot ? this.#ports.position() + 1 : 1
    return this.#known(name)?.numbers ?? { sequence, previous: 0, time: 0 }
  }

  /** Enters a sink. */
  add(topic: PublishedTopic<never>): void {
    const { name, schemaText, numbers, tail } = topic
    const former = this.#live.get(name)
    if (former) this.#leave(former)
    this.#past.delete(name)
    this.#former.delete(name)
    const { schemaId } = tail.codec
    const live = { name, schemaText, schemaId, numbers, sink: new WeakRef(topic) }
    this.#live.set(name, live)
    for (const beginning of beginningsOf(name)) {
      const under = this.#under.get(beginning)
      if (under) under.add(live)
      else this.#under.set(beginning, new Set([live]))
    }
    this.#collected.register(topic, live)
  }

  /** A frame of a topic leaves. */
  used(topic: PublishedTopic<never>): void {
    this.#recent.add(topic)
    this.#tick ??= this.#ports.clock.setTimer(() => this.#onTick(), this.#ports.announceMs)
  }

  /** Tells a new subscriber the schemas of what it may get. */
  introduce(beginning: string): void {
    for (const { sink } of this.#under.get(beginning) ?? []) sink.deref()?.introduce()
  }

  close(): void {
    this.#tick?.cancel()
    this.#tick = undefined
    this.#recent.clear()
    this.#lately.clear()
  }

  #known(name: string): KnownTopic | undefined {
    return this.#live.get(name) ?? this.#past.get(name) ?? this.#former.get(name)
  }

  #onTick(): void {
    this.#tick = undefined
    this.#lately = this.#recent
    this.#recent = new Set()
    if (this.#lately.size > 0) this.#tick = this.#ports.clock.setTimer(() => this.#onTick(), this.#ports.announceMs)
  }

  /** A sink was collected: keeps the numbers of what was published. */
  #release(topic: LiveTopic): void {
    // another sink may have taken its place
    if (this.#live.get(topic.name) !== topic) return
    this.#leave(topic)
    const { name, schemaText, schemaId, numbers } = topic
    if (numbers.previous === 0) return
    if (this.#past.size >= this.#maxPast) {
      this.#forgot ||= this.#former.size > 0
      this.#former = this.#past
      this.#past = new Map()
    }
    this.#past.set(name, { name, schemaText, schemaId, numbers })
  }

  #leave(topic: LiveTopic): void {
    this.#live.delete(topic.name)
    for (const beginning of beginningsOf(topic.name)) {
      const under = this.#under.get(beginning)
      under?.delete(topic)
      if (under?.size === 0) this.#under.delete(beginning)
    }
  }
}

/** The beginnings of a name by whole words, as on the wire: none of its words, one of them, all of them. */
function beginningsOf(name: string): string[] {
  const words = name.split('.').map((word) => `${word}.`)
  return Array.from({ length: words.length + 1 }, (_, count) => words.slice(0, count).join(''))
}
