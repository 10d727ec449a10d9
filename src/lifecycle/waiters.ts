/** Those who wait for the same thing to happen once: woken together, in the order in which they came. */
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

  /** Wakes all who wait now; who comes meanwhile waits for the next time. */
  wake(): void {
    const callbacks = this.#callbacks
    if (callbacks.length === 0) return
    this.#callbacks = []
    for (const callback of callbacks) callback()
  }
}
