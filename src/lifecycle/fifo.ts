/** First in, first out, at constant cost however many wait: `Array.shift` moves all of a long array. */
import { newList } from './new-list.js'

export class Fifo<T> implements Iterable<T> {
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
    const items = this.#items
    // the usual case, a lone item, keeps the array as it is
    if (this.#head === 0 && items.length <= 1) return items.pop()
    const item = items[this.#head]
    items[this.#head++] = undefined
    if (this.#head === items.length) this.clear()
    else if (this.#head > 1024 && this.#head > items.length >> 1) {
      this.#items = items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** Takes out those that a test is true of, and returns them in order; the others keep theirs. */
  withdraw(isMeant: (item: T) => boolean): T[] {
    const withdrawn: T[] = []
    const kept: T[] = []
    for (const item of this) (isMeant(item) ? withdrawn : kept).push(item)
    if (withdrawn.length > 0) {
      this.#items = kept
      this.#head = 0
    }
    return withdrawn
  }

  /** Takes all away. */
  clear(): void {
    this.#items = newList()
    this.#head = 0
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at] as T
  }
}
