/**
 * The contract between a stream and those who take its messages: subscribers, iterators, `process`.
 *
 * A consumer says how much it can take; the stream hands out in step with the slowest.
 */

/** One who takes messages. */
export interface Consumer<T> {
  /** How many messages it can take now; infinite without backpressure. */
  demand: number
  next(value: T): void
  complete(): void
}

/** What a consumer sees of its stream. */
export interface Consumers<T> {
  /**
   * Adds a consumer; returns how it leaves.
   *
   * It delivers nothing: `resume` does, once the consumer can leave in the middle of it.
   */
  attach(consumer: Consumer<T>): () => void
  /** A consumer can take more. */
  resume(): void
}
