/**
 * A subscriber as a consumer of a stream: it takes messages without bound.
 *
 * RxJS throws what teardowns of a subscriber throw at its notifier. It is the application's, and must not end what
 * notifies: a delivery, the completion of other consumers, a session.
 */
import type { Subscriber } from 'rxjs'
import { RivuletError } from '../errors/index.js'
import type { Consumer } from './consumer.js'

/** Returns the report of what a teardown threw. */
export function teardownFailed(cause: unknown): RivuletError {
  const text = 'a teardown of a subscriber threw, and the stream continues: `cause` is what it threw'
  return new RivuletError('RIVULET_HANDLER_FAILED', text, { cause })
}

/** A subscriber that takes all messages. */
export class SubscriberConsumer<T> implements Consumer<T> {
  demand = Number.POSITIVE_INFINITY
  /** A closure, so that the compiler knows the subscriber itself and inlines its operators: a method costs 10 ns a message. */
  readonly next: (value: T) => void
  readonly #subscriber: Subscriber<T>
  readonly #finish: (subscriber: Subscriber<T>) => void

  /**
   * @param report - Takes what teardowns throw.
   * @param finish - Completes the subscriber, or fails it.
   */
  constructor(
    subscriber: Subscriber<T>,
    report: (error: RivuletError) => void,
    finish: (subscriber: Subscriber<T>) => void = complete,
  ) {
    this.#subscriber = subscriber
    this.next = (value) => {
      try {
        subscriber.next(value)
      } catch (cause) {
        report(teardownFailed(cause))
      }
    }
    this.#finish = finish
  }

  complete(): void {
    this.#finish(this.#subscriber)
  }
}

function complete(subscriber: Subscriber<never>): void {
  subscriber.complete()
}
