/**
 * What users hold of incoming messages: an Observable that can also be iterated and processed with backpressure.
 *
 * The interface alone; `message-stream.ts` is the implementation.
 */
import type { Observable, ObservableInput } from 'rxjs'

/** How `process` works. */
export interface ProcessOptions {
  /**
   * Messages that are worked on at the same time, 1 to 65,536.
   * @defaultValue `1`
   */
  readonly concurrency?: number
}

/**
 * Incoming messages, hot and shared: every subscriber sees every message that arrives while it is subscribed.
 *
 * Lifetime: the socket is read only while somebody subscribes or iterates. After the last unsubscribe, what was read and
 * not delivered waits, bounded and counted as `pending`, for the next subscriber. Completes when the resource is closed;
 * never fails: a bad message goes to `errors` of the resource.
 *
 * Backpressure: `subscribe` demands without bound; `process` and `for await` take only what they can work on, and the
 * slowest of them sets the pace for all. `mergeMap(fn, n)` limits work, not memory: use `process`.
 */
export interface Stream<T> extends Observable<T>, AsyncIterable<T> {
  /**
   * Works on messages with a bound: takes the next only when one before it is done.
   *
   * Lifetime: cold; each subscription takes messages, and unsubscribing stops taking and unsubscribes from current
   * work. Results come in the order in which they are ready. A project that throws or fails is reported as
   * `RIVULET_HANDLER_FAILED` on `errors` of the resource, and the stream continues.
   *
   * @param project - Returns a value, or a promise or observable of results; it is done when that completes.
   * @param options - How many messages are worked on at the same time.
   * @throws RIVULET_INVALID_OPTION
   */
  process<R>(project: (value: T) => ObservableInput<R> | R, options?: ProcessOptions): Observable<R>
}
