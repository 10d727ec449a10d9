/** Something in a stream that is no message: it has its place among them, and counts as none. */
import type { CheckedSupply } from './source.js'

/** A supply of one thing that is no message. */
export class Notice<T> implements CheckedSupply<T> {
  remaining = 1
  readonly item: T
  readonly #gone: (taken: boolean) => void

  constructor(item: T, gone: (taken: boolean) => void) {
    this.item = item
    this.#gone = gone
  }

  take(): T {
    this.remaining = 0
    this.#gone(true)
    return this.item
  }

  failed(): number {
    return 0
  }

  discard(): number {
    if (this.remaining > 0) this.#gone(false)
    this.remaining = 0
    return 0
  }

  trailing(): undefined {}
}
