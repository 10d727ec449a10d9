/**
 * The subscriptions in force: from a topic to those that match, and which prefixes the publishers must know of.
 *
 * It sends nothing: the subscriber sends added and removed prefixes to its publishers.
 */
import type { Subscription } from './subscription.js'

/** The subscriptions of one subscriber that are in force. */
export class Interest {
  readonly #exact = new Map<string, Set<Subscription>>()
  readonly #wild = new Set<Subscription>()
  /** How many subscriptions need each prefix. */
  readonly #prefixes = new Map<string, number>()

  /** Puts a subscription in force; tells whether its prefix is new. */
  enter(subscription: Subscription): boolean {
    const { exact, text, prefix } = subscription.pattern
    if (exact) {
      const same = this.#exact.get(text)
      if (same) same.add(subscription)
      else this.#exact.set(text, new Set([subscription]))
    } else {
      this.#wild.add(subscription)
    }
    const key = prefix.toString()
    const users = (this.#prefixes.get(key) ?? 0) + 1
    this.#prefixes.set(key, users)
    return users === 1
  }

  /** Ends a subscription; tells whether nobody needs its prefix any more. */
  leave(subscription: Subscription): boolean {
    const { text, prefix } = subscription.pattern
    this.#wild.delete(subscription)
    const same = this.#exact.get(text)
    if (same?.delete(subscription) && same.size === 0) this.#exact.delete(text)
    const key = prefix.toString()
    const users = (this.#prefixes.get(key) ?? 1) - 1
    if (users > 0) this.#prefixes.set(key, users)
    else this.#prefixes.delete(key)
    return users <= 0
  }

  /** The subscriptions that a topic matches. */
  *matching(topic: string, words: readonly string[]): Iterable<Subscription> {
    yield* this.#exact.get(topic) ?? []
    for (const subscription of this.#wild) {
      if (subscription.pattern.matches(words)) yield subscription
    }
  }
}
