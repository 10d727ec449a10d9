/** First in, first out, at constant cost however many wait: `Array.shift` moves all of a long array. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  /** How many wait. */
  get length(): number {
    return this.#items.length - this.#head
  }

  /** The one that has waited longest. */
  get first(): T | undefined {
    return this.#items[this.#head]
  }

  /** Adds one at the end. */
  push(item: T): void {
    this.#items.push(item)
  }

  /** Takes the one that has waited longest. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) this.clear()
    else if (this.#head > 1024 && this.#head > this.#items.length >> 1) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Takes all away. */
  clear(): void {
    this.#items = []
    this.#head = 0
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at] as T
  }
}
