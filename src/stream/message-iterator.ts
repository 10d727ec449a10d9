/**
 * Iteration over a stream: each `next()` takes one message, so the loop sets the pace.
 *
 * Leaving the loop detaches; what was not taken stays with the stream.
 */
import type { Consumer, Consumers } from './consumer.js'

type Result<T> = IteratorResult<T, undefined>

/** The iterator behind `for await`. */
export class MessageIterator<T> implements AsyncIterator<T, undefined> {
  readonly #stream: Consumers<T>
  readonly #waiting: ((result: Result<T>) => void)[] = []
  readonly #consumer: Consumer<T> = {
    demand: 0,
    next: (value) => this.#waiting.shift()?.({ value, done: false }),
    complete: () => this.#end(),
  }
  #detach: (() => void) | undefined
  #done = false

  constructor(stream: Consumers<T>) {
    this.#stream = stream
  }

  next(): Promise<Result<T>> {
    return new Promise((resolve) => {
      if (this.#done) {
        resolve({ value: undefined, done: true })
        return
      }
      this.#waiting.push(resolve)
      this.#consumer.demand += 1
      this.#detach ??= this.#stream.attach(this.#consumer)
      this.#stream.resume()
    })
  }

  async return(): Promise<Result<T>> {
    this.#detach?.()
    this.#end()
    return { value: undefined, done: true }
  }

  #end(): void {
    this.#done = true
    for (const resolve of this.#waiting.splice(0)) resolve({ value: undefined, done: true })
  }
}
