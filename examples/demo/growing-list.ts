/**
 * A list that grows, and one reader that follows it to its end.
 *
 * The reader takes what it can take when it can: what it has not taken yet waits in the list, which is kept anyway.
 */

/** A list that only grows. */
export class GrowingList<T> {
  readonly #items: T[] = []
  #ended = false
  #wake = () => {}

  get length(): number {
    return this.#items.length
  }

  /** Whether nothing will be added any more. */
  get ended(): boolean {
    return this.#ended
  }

  at(index: number): T {
    return this.#items[index] as T
  }

  add(item: T): void {
    this.#items.push(item)
    this.#wake()
  }

  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Every item, also those that are added while it runs; for one reader. */
  async *items(): AsyncGenerator<T, undefined> {
    for (let index = 0; ; ) {
      while (index < this.#items.length) yield this.at(index++)
      if (this.#ended) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
