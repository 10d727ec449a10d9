/**
 * What `events` shows of a topic: messages with their place, and gaps. And how a frame becomes such events.
 */
import type { RivuletError } from '../../src/errors/index.js'
import type { CheckedSupply } from '../../src/stream/index.js'
import type { Batch } from '../../src/wire/index.js'

/** A message with its place among the messages of its topic. */
export interface TopicMessage<T> {
  /** Tells messages from gaps. */
  readonly kind: 'message'
  /** The message itself. */
  readonly value: T
  /** The topic it was published on. */
  readonly topic: string
  /** The publisher's identity: 16 hexadecimal digits, new with each publisher that is created. */
  readonly publisher: string
  /** Its number among the messages of this publisher on this topic, from 1. */
  readonly sequence: number
  /** When its frame left the publisher, by the publisher's clock. */
  readonly time: Date
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
  /** Why: `lost` in transit, by a cut link or because this subscriber was too slow. */
  readonly reason: 'lost'
}

/** What happens on a topic. */
export type TopicEvent<T> = TopicMessage<T> | TopicGap

/** Messages of one frame as events. */
export class MessageEvents<T> implements CheckedSupply<TopicEvent<T>> {
  readonly #batch: Batch<T>
  readonly #topic: string
  readonly #publisher: string
  readonly #time: Date
  #sequence: number

  constructor(batch: Batch<T>, topic: string, publisher: string) {
    this.#batch = batch
    this.#topic = topic
    this.#publisher = publisher
    this.#sequence = batch.header.sequence + batch.header.count - batch.remaining
    this.#time = new Date(batch.header.time)
  }

  get remaining(): number {
    return this.#batch.remaining
  }

  take(): TopicMessage<T> {
    const value = this.#batch.take()
    const sequence = this.#sequence++
    return { kind: 'message', value, topic: this.#topic, publisher: this.#publisher, sequence, time: this.#time }
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
