/**
 * The responses of a call that is made when somebody wants them: each subscription, iteration and process is a call.
 */
import type { Observable } from 'rxjs'
import {
  concurrencyOf,
  FallibleObservable,
  type Handler,
  type ProcessOptions,
  type Stream,
} from '../../src/stream/index.js'

/** A stream that begins anew for each of its consumers. */
export class ColdStream<T> extends FallibleObservable<T> implements Stream<T> {
  readonly #start: () => Stream<T>

  /**
   * @param start - Starts a call and returns its responses; whoever leaves them as the last, cancels the call.
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
