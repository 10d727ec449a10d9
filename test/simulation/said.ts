/** The requests of a stream that are said one after the other, whenever there is something to say. */

/** What is said. */
export class Said<T> implements AsyncIterable<T>, AsyncIterator<T, undefined> {
  readonly #waiting: T[] = []
  #resolve: ((step: IteratorResult<T, undefined>) => void) | undefined

  say(value: T): void {
    const resolve = this.#resolve
    this.#resolve = undefined
    if (resolve === undefined) this.#waiting.push(value)
    else resolve({ done: false, value })
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    const value = this.#waiting.shift()
    if (value !== undefined) return { done: false, value }
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.#resolve?.({ done: true, value: undefined })
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
