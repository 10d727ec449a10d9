/**
 * The stream of values of one call, as its caller or its handler holds it; unlike the streams of resources it can fail.
 *
 * How values are handed out in step with demand is `MessageStream`'s business.
 */
import { Observable } from 'rxjs'
import { MessageIterator } from '../stream/message-iterator.js'
import type { MessageStream } from '../stream/message-stream.js'
import type { Handler } from '../stream/process.js'
import type { ProcessOptions, Stream } from '../stream/stream.js'

/** Tells why a stream ended before its time; `undefined` if it came to its end. */
type Failure = () => Error | undefined

/** The values of one call; whoever leaves as the last of its consumers, leaves the call. */
export class CallStream<T> extends Observable<T> implements Stream<T> {
  readonly #inner: MessageStream<T>
  readonly #failure: Failure

  constructor(inner: MessageStream<T>, failure: Failure) {
    super((subscriber) => {
      const detach = inner.attach({
        demand: Number.POSITIVE_INFINITY,
        next: (value) => subscriber.next(value),
        complete() {
          const error = failure()
          if (error === undefined) subscriber.complete()
          else subscriber.error(error)
        },
      })
      subscriber.add(detach)
      inner.resume()
    })
    this.#inner = inner
    this.#failure = failure
  }

  process<R>(project: Handler<T, R>, options?: ProcessOptions): Observable<R> {
    const results = this.#inner.process(project, options)
    return new Observable((subscriber) =>
      results.subscribe({
        next: (result) => subscriber.next(result),
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          const error = this.#failure()
          if (error === undefined) subscriber.complete()
          else subscriber.error(error)
        },
      }),
    )
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return new CallIterator(new MessageIterator(this.#inner), this.#failure)
  }
}

/** The iterator behind `for await`: throws the failure once, after the last value. */
class CallIterator<T> implements AsyncIterator<T, undefined> {
  readonly #inner: MessageIterator<T>
  #failure: Failure
  readonly #check = (result: IteratorResult<T, undefined>): IteratorResult<T, undefined> => {
    if (!result.done) return result
    const error = this.#failure()
    this.#failure = () => undefined
    if (error !== undefined) throw error
    return result
  }

  constructor(inner: MessageIterator<T>, failure: Failure) {
    this.#inner = inner
    this.#failure = failure
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#inner.next().then(this.#check)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#failure = () => undefined // who leaves wants to hear no more
    return this.#inner.return()
  }
}
