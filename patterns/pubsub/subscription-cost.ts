/**
 * What the subscriptions of a publisher's peers cost, counted from what the native library reports of them.
 *
 * The library keeps a trie with a node for each byte of a prefix, and takes every subscription in before it reports it. It
 * reports what any peer cancels, also a prefix that others have, or that never was: such reports alone would let peers
 * hide what they cost. What it counts itself is above the truth, since prefixes of peers that have left stay counted.
 * This keeps the sum between the two.
 */

/** What a prefix costs beside its bytes, and each further subscriber of it: nodes with few branches and sets of peers. */
const prefixCost = 15
const subscriberCost = 1

/** Removed prefixes are distinguished by their costs, rounded up to a multiple of this, in bytes. */
const classBytes = 16

/** Adds up the subscriptions of one socket. */
export class SubscriptionCost {
  /** Subscribers by prefix, as the library has reported them. */
  readonly #subscribers = new Map<string, number>()
  #bytes = 0
  /** Prefixes that were reported as gone, by class. */
  #gone: number[] = []
  /** Of those that the library counts, the ones that cannot be there. */
  #past = 0

  /** Counts a subscription, or its end. */
  count(subscribed: boolean, prefix: Buffer): void {
    const key = prefix.toString('latin1')
    const before = this.#subscribers.get(key) ?? 0
    if (subscribed) {
      this.#subscribers.set(key, before + 1)
      this.#bytes += before === 0 ? prefix.length + prefixCost : subscriberCost
    } else if (before > 1) {
      this.#subscribers.set(key, before - 1)
      this.#bytes -= subscriberCost
    } else if (before === 1) {
      this.#subscribers.delete(key)
      this.#bytes -= prefix.length + prefixCost
      const at = Math.ceil((prefix.length + prefixCost) / classBytes)
      this.#gone[at] = (this.#gone[at] ?? 0) + 1
    }
  }

  /** Nobody is connected: all that the library counts is of peers that have left. */
  noSubscriber(prefixes: number): void {
    this.#past = prefixes
    this.#subscribers.clear()
    this.#bytes = 0
    this.#gone = []
  }

  /**
   * What the subscriptions cost, in bytes.
   *
   * @param prefixes - How many the library counts. Those beyond the known ones may be those that were reported as gone, the
   * largest first; further ones are not reported yet, and as large as the known ones on average.
   */
  total(prefixes: number): number {
    let hidden = Math.max(0, prefixes - this.#past - this.#subscribers.size)
    const { size } = this.#subscribers
    let bytes = this.#bytes
    for (let at = this.#gone.length - 1; at >= 0 && hidden > 0; at--) {
      const some = Math.min(hidden, this.#gone[at] ?? 0)
      bytes += some * at * classBytes
      hidden -= some
    }
    return bytes + (size > 0 ? Math.ceil((hidden * this.#bytes) / size) : 0)
  }
}
