/**
 * The contract between the benchmarks and a system of topics: one process publishes on each topic in turn, others subscribe
 * to each by its name.
 */
import type { Counter } from './durable-way.js'
import type { Endpoints } from './way.js'

/** What the publisher and the subscribers talk about. */
export function topicNames(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `ticks.s${number}`)
}

/** The size of a message as bytes: that of the record as Avro. */
export const messageBytes = 23

/** A publisher that is ready, and publishes nothing yet. */
export interface OpenPublisher {
  /** Where subscribers find it, or its server. */
  readonly endpoints: Endpoints
  /** Publishes as fast as it is let, until it is stopped; counts what was handed over. */
  start(): Counter
  /** Resolves with how many messages were published in all, once all have left. */
  stop(): Promise<number>
}

/** A system of topics, as its users would write it. */
export interface TopicWay {
  /** The settings of its clients, for people. */
  readonly settings: string
  /**
   * Opens a publisher.
   *
   * @param server - Where the server is, of a way that has one.
   * @param folder - Where a way may keep history; empty.
   */
  open(server: Endpoints, topics: readonly string[], folder: string): Promise<OpenPublisher>
  /** Subscribes to each topic; resolves when nothing that is published from now on is missed, with a counter of messages. */
  subscribe(endpoints: Endpoints, topics: readonly string[]): Promise<Counter>
}

/** Publishes in batches until it is stopped: hands over a batch, waits as the client says, and again. */
export class BatchLoop {
  readonly #perBatch: number
  readonly #topics: number
  #published = 0
  #isStopped = false
  #ended: Promise<void> = Promise.resolve()

  constructor(messagesPerBatch: number, topics: number) {
    this.#perBatch = messagesPerBatch
    this.#topics = topics
  }

  /**
   * Begins; returns the counter.
   *
   * @param batch - Publishes so many messages, from this one on, on the topics in turn, the first of them on this one.
   */
  start(batch: (messages: number, first: number, topic: number) => Promise<unknown>): Counter {
    const run = async (): Promise<void> => {
      for (let topic = 0; !this.#isStopped; topic = (topic + this.#perBatch) % this.#topics) {
        await batch(this.#perBatch, this.#published, topic)
        this.#published += this.#perBatch
      }
    }
    this.#ended = run()
    return () => this.#published
  }

  async stop(): Promise<number> {
    this.#isStopped = true
    await this.#ended
    return this.#published
  }
}
