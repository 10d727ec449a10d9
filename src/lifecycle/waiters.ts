/** Promises that wait for the same event: resolved together, in the order in which they were made. */
import { newList } from './new-list.js'

export class Waiters {
  #callbacks: (() => void)[] = []

  /** Whether anybody waits. */
  get isAny(): boolean {
    return this.#callbacks.length > 0
  }

  /** Calls back at the next `wake`. */
  add(callback: () => void): void {
    this.#callbacks.push(callback)
  }

  /** Resolves at the next `wake`. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.add(resolve))
  }

  /** Resolves all that wait now; later ones wait for the next event. */
  wake(): void {
    const callbacks = this.#callbacks
    if (callbacks.length === 0) return
    this.#callbacks = newList()
    for (const callback of callbacks) callback()
  }
}
