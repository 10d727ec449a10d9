/** The messages of a stream of deliveries, without what else is known of them: the same stream, shared and in step with it. */
import { map, Observable, type ObservableInput } from 'rxjs'
import type { ProcessOptions, Stream } from './stream.js'

/** The values of a stream. */
export class ValueStream<T> extends Observable<T> implements Stream<T> {
  readonly #inner: Stream<{ readonly value: T }>

  constructor(inner: Stream<{ readonly value: T }>) {
    super((subscriber) => inner.pipe(map(({ value }) => value)).subscribe(subscriber))
    this.#inner = inner
  }

  process<R>(project: (value: T) => ObservableInput<R> | R, options?: ProcessOptions): Observable<R> {
    // what is no function is refused by the stream itself
    const work = typeof project === 'function' ? ({ value }: { readonly value: T }) => project(value) : project
    return this.#inner.process(work, options)
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    const inner = this.#inner[Symbol.asyncIterator]()
    return {
      async next() {
        const step = await inner.next()
        return step.done ? { value: undefined, done: true } : { value: step.value.value, done: false }
      },
      async return() {
        await inner.return?.()
        return { value: undefined, done: true }
      },
    }
  }
}
