/**
 * What `events` shows: messages with their place, gaps, and the seam. And how a frame becomes such events.
 */
import type { RivuletError } from '../../src/errors/index.js'
import type { CheckedSupply } from '../../src/stream/index.js'
import type { Batch } from '../../src/wire/index.js'
import type { Cursor } from './cursor.js'
import { type CursorMark, cursorAt, cursorBehind, fewTopics } from './cursor-journal.js'
import type { GapReason } from './history-fetch.js'

/** A message with its place among the messages of its topic. */
export interface TopicMessage<T> {
  /** Tells messages from gaps. */
  readonly kind: 'message'
  /** The message itself. */
  readonly value: T
  /** The topic it was published on. */
  readonly topic: string
  /** The publisher's identity: 16 hexadecimal digits, new with each publisher that has no history on disk. */
  readonly publisher: string
  /** Its number among the messages of this publisher on this topic, from 1. */
  readonly sequence: number
  /** When its frame left the publisher, by the publisher's clock. */
  readonly time: Date
  /**
   * The place of the stream behind this message: a text to keep, and to give as `since` to a stream that continues here.
   *
   * It is made when it is read, in a time that grows with the number of topics since the last ones that are known to be complete.
   * With `conflateBy`, it is the place before the oldest message or gap that waits when this message is delivered.
   */
  readonly cursor: Cursor
}

/** Messages that did not arrive. */
export interface TopicGap {
  /** Tells gaps from messages. */
  readonly kind: 'gap'
  /** The topic they were published on. */
  readonly topic: string
  /** The publisher's identity. */
  readonly publisher: string
  /** The number of the first message that is known to be missing. */
  readonly from: number
  /** The number of the last one. */
  readonly to: number
  /**
   * Why: `lost` in transit, from a publisher that keeps no history or has not answered in time; `expired`, no longer kept by it; `unavailable`, kept, but its
   * history was refused, or could not be reached in time.
   */
  readonly reason: GapReason
}

/** Everything that `since` asks for of one publisher has been delivered: what follows from it is live. */
export interface TopicLive {
  /** Tells it from messages and gaps. */
  readonly kind: 'live'
  /** The publisher's identity. */
  readonly publisher: string
}

/** What happens on a topic. */
export type TopicEvent<T> = TopicMessage<T> | TopicGap

/** What a stream shows that begins with history: `live` comes once for each publisher. */
export type SinceEvent<T> = TopicEvent<T> | TopicLive

/** The place of a frame in its stream. */
export interface StreamPlace {
  readonly mark: CursorMark
  /** The cursor names many topics of a publisher: it can be made shorter. */
  compact(publisher: string): void
}

/** What the messages of one frame have in common. */
class FrameMessages {
  readonly topic: string
  readonly publisher: string
  readonly time: Date
  /** The position of a message is its number and this. */
  readonly #offset: number
  readonly #place: StreamPlace
  /** The number of the first message that is delivered. */
  readonly #first: number

  constructor(
    topic: string,
    publisher: string,
    header: { position: number; sequence: number; time: number | Date },
    place: StreamPlace,
    first: number,
  ) {
    this.topic = topic
    this.publisher = publisher
    this.time = new Date(header.time)
    this.#offset = header.position - header.sequence
    this.#place = place
    this.#first = first
  }

  cursor(sequence: number): Cursor {
    const { topic, publisher } = this
    const last = { sequence, position: sequence + this.#offset }
    const { cursor, topics } = cursorBehind(this.#place.mark, publisher, topic, last)
    if (topics > fewTopics) this.#place.compact(publisher)
    return cursor
  }

  /** The cursor before a message. */
  cursorBefore(sequence: number): Cursor {
    return sequence > this.#first ? this.cursor(sequence - 1) : cursorAt(this.#place.mark)
  }
}

class MessageEvent<T> implements TopicMessage<T> {
  readonly kind = 'message'
  readonly value: T
  readonly topic: string
  readonly publisher: string
  readonly sequence: number
  readonly time: Date
  readonly #frame: FrameMessages
  /** The cursor before what waits when this is delivered, and is older. */
  #lagging: (() => Cursor) | undefined

  constructor(value: T, sequence: number, frame: FrameMessages) {
    this.value = value
    this.topic = frame.topic
    this.publisher = frame.publisher
    this.sequence = sequence
    this.time = frame.time
    this.#frame = frame
  }

  get cursor(): Cursor {
    return this.#lagging?.() ?? this.#frame.cursor(this.sequence)
  }

  /** Returns what makes the cursor before this message. */
  before(): () => Cursor {
    const frame = this.#frame
    const { sequence } = this
    return () => frame.cursorBefore(sequence)
  }

  /** It is delivered while something older waits. */
  lag(cursor: (() => Cursor) | undefined): void {
    this.#lagging = cursor
  }
}

/** Where streams with `conflateBy` stood before what they show beside messages. */
const marks = new WeakMap<TopicGap | TopicLive, CursorMark>()

/** Notes where a stream stood before something that is no message, and may be overtaken. */
export function marked<Event extends TopicGap | TopicLive>(event: Event, mark: CursorMark): Event {
  marks.set(event, mark)
  return event
}

/** A message is delivered before an older one, or an older event: its cursor must not pass that. */
export function overtakes(item: SinceEvent<unknown>, oldest: SinceEvent<unknown>): void {
  if (!(item instanceof MessageEvent)) return
  if (oldest instanceof MessageEvent) {
    item.lag(oldest.before())
    return
  }
  const mark = oldest.kind === 'message' ? undefined : marks.get(oldest)
  if (mark) item.lag(() => cursorAt(mark))
}

/** Messages of one frame as events. */
export class MessageEvents<T> implements CheckedSupply<TopicEvent<T>> {
  readonly #batch: Batch<T>
  readonly #frame: FrameMessages
  #sequence: number

  constructor(batch: Batch<T>, topic: string, publisher: string, place: StreamPlace) {
    this.#batch = batch
    this.#sequence = batch.header.sequence + batch.header.count - batch.remaining
    this.#frame = new FrameMessages(topic, publisher, batch.header, place, this.#sequence)
  }

  get remaining(): number {
    return this.#batch.remaining
  }

  take(): TopicMessage<T> {
    const value = this.#batch.take()
    return new MessageEvent(value, this.#sequence++, this.#frame)
  }

  failed(cause: unknown): number {
    this.#sequence = this.#batch.header.sequence + this.#batch.header.count
    const lost = this.#batch.failed(cause)
    this.#sequence -= this.#batch.remaining
    return lost
  }

  discard(): number {
    return this.#batch.discard()
  }

  trailing(): RivuletError | undefined {
    return this.#batch.trailing()
  }
}
