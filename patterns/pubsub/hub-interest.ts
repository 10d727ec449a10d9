/**
 * What the subscribers of a hub want of its publishers: each prefix as long as somebody has subscribed to it.
 *
 * It counts what the library reports of all subscribers together. It sends nothing.
 */

/** The prefixes that are wanted. */
export class HubInterest {
  /** Subscriptions by prefix, its bytes as latin1. */
  readonly #subscriptions = new Map<string, number>()

  /** Prefixes that somebody wants. */
  get size(): number {
    return this.#subscriptions.size
  }

  /** Whether somebody wants exactly this prefix. */
  has(prefix: Buffer): boolean {
    return this.#subscriptions.has(prefix.toString('latin1'))
  }

  /** Counts a subscription or its end; tells whether the prefix is wanted since then, or not any more. */
  change(subscribed: boolean, prefix: Buffer): 'wanted' | 'unwanted' | undefined {
    const key = prefix.toString('latin1')
    const before = this.#subscriptions.get(key) ?? 0
    if (subscribed) {
      this.#subscriptions.set(key, before + 1)
      return before === 0 ? 'wanted' : undefined
    }
    if (before > 1) this.#subscriptions.set(key, before - 1)
    else if (this.#subscriptions.delete(key)) return 'unwanted'
    return undefined
  }

  /** Forgets all; returns what was wanted. */
  clear(): Buffer[] {
    const prefixes = [...this.#subscriptions.keys()].map((key) => Buffer.from(key, 'latin1'))
    this.#subscriptions.clear()
    return prefixes
  }
}
