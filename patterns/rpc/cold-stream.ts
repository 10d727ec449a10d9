/**
 * The responses of a call that is made on demand: each subscription, iteration and process is a call.
 */
import type { Observable } from 'rxjs'
import {
  concurrencyOf,
  FallibleObservable,
  type Handler,
  type ProcessOptions,
  type Stream,
} from '../../src/stream/index.js'

/** A stream that starts a call for each of its consumers. */
export class ColdStream<T> extends FallibleObservable<T> implements Stream<T> {
  readonly #start: () => Stream<T>

  /**
   * @param start - Starts a call and returns its responses; the call is cancelled when their last consumer leaves.
   */
  constructor(start: () => Stream<T>) {
    super((subscriber) => start().subscribe(subscriber))
    this.#start = start
  }

  process<R>(project: Handler<T, R>, options?: ProcessOptions): Observable<R> {
    concurrencyOf(project, options)
    return new FallibleObservable((subscriber) => this.#start().process(project, options).subscribe(subscriber))
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#start()[Symbol.asyncIterator]()
  }
}
