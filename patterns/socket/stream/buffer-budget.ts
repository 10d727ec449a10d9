/** Bytes that several connections may hold together. It counts them; what happens at the limit is for its users to say. */

/** A user of a budget that waits until it is no longer spent. */
export interface BudgetWaiter {
  budgetFreed(): void
}

/** A number of bytes that is shared. */
export class BufferBudget {
  readonly limitBytes: number
  #used = 0
  readonly #waiting = new Set<BudgetWaiter>()

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used
  }

  /** Whether the limit is reached. */
  get isSpent(): boolean {
    return this.#used >= this.limitBytes
  }

  /** Takes bytes, or gives them back where `bytes` is negative. */
  change(bytes: number): void {
    this.#used += bytes
    if (bytes >= 0 || this.isSpent || this.#waiting.size === 0) return
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const waiter of waiting) waiter.budgetFreed()
  }

  /** Calls back when the budget is no longer spent, once. */
  wait(waiter: BudgetWaiter): void {
    this.#waiting.add(waiter)
  }

  /** Forgets a waiter. */
  forget(waiter: BudgetWaiter): void {
    this.#waiting.delete(waiter)
  }
}
