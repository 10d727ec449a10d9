/**
 * The stream of values of one call, as its caller or its handler holds it; unlike the streams of resources it can fail.
 *
 * `MessageStream` delivers the values as demand allows.
 */
import type { Observable, Subscriber } from 'rxjs'
import type { RivuletError } from '../errors/index.js'
import {
  type Consumer,
  type Consumers,
  FallibleObservable,
  failSubscriber,
  type Handler,
  MessageIterator,
  type MessageStream,
  type ProcessOptions,
  type Stream,
  SubscriberConsumer,
} from '../stream/index.js'

/** How the stream of a call ends. */
export interface StreamEnd {
  /** Why it ended before its time; `undefined` if it has completed. */
  failure(): Error | undefined
  /** It failed, and a subscriber has no error callback. */
  unhandled(error: Error): void
  /** Reports what a teardown of a subscriber threw. */
  report(error: RivuletError): void
}

/** The values of one call; the call ends when the last consumer leaves. */
export class CallStream<T> extends FallibleObservable<T> implements Stream<T>, Consumers<T> {
  readonly #inner: MessageStream<T>
  readonly #end: StreamEnd

  constructor(inner: MessageStream<T>, end: StreamEnd) {
    super((subscriber) => {
      subscriber.add(
        inner.attach(
          new SubscriberConsumer(
            subscriber,
            (error) => end.report(error),
            () => finish(subscriber, end),
          ),
        ),
      )
      inner.resume()
    })
    this.#inner = inner
    this.#end = end
  }

  /** Why it has ended before its time; `undefined` as long as it has not, and if it has completed. */
  get failure(): Error | undefined {
    return this.#end.failure()
  }

  /** Adds a consumer, for those in this package who pause without a promise for each value; returns how it leaves. */
  attach(consumer: Consumer<T>): () => void {
    return this.#inner.attach(consumer)
  }

  resume(): void {
    this.#inner.resume()
  }

  process<R>(project: Handler<T, R>, options?: ProcessOptions): Observable<R> {
    const results = this.#inner.process(project, options)
    return new FallibleObservable((subscriber) =>
      results.subscribe({
        next: (result) => subscriber.next(result),
        error: (error: unknown) => subscriber.error(error),
        complete: () => finish(subscriber, this.#end),
      }),
    )
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return new CallIterator(new MessageIterator(this.#inner), this.#end)
  }
}

function finish(subscriber: Subscriber<never>, end: StreamEnd): void {
  const error = end.failure()
  if (error === undefined) subscriber.complete()
  else failSubscriber(subscriber, error, (unhandled) => end.unhandled(unhandled))
}

/** The iterator behind `for await`: throws the failure once, after the last value. */
class CallIterator<T> implements AsyncIterator<T, undefined> {
  readonly #inner: MessageIterator<T>
  readonly #end: StreamEnd
  /** Whether the failure was thrown, or nobody wants to hear of it. */
  #isOver = false
  readonly #check = (result: IteratorResult<T, undefined>): IteratorResult<T, undefined> => {
    if (!result.done || this.#isOver) return result
    this.#isOver = true
    const error = this.#end.failure()
    if (error !== undefined) throw error
    return result
  }

  constructor(inner: MessageIterator<T>, end: StreamEnd) {
    this.#inner = inner
    this.#end = end
  }

  next(): Promise<IteratorResult<T, undefined>> {
    return this.#inner.next().then(this.#check)
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#isOver = true
    return this.#inner.return()
  }
}
