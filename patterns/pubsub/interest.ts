/**
 * The subscriptions in force: from a topic to those that match, and which prefixes the publishers must know of.
 *
 * It sends nothing: the subscriber sends added and removed prefixes to its publishers. Patterns with wildcards are in
 * `pattern-trie.ts`. What the latest topics match is kept until a subscription comes or goes.
 */
import { PatternTrie } from './pattern-trie.js'
import { type TopicPattern, wordsOnWire } from './topic-name.js'

/** Topics whose matches were kept last; as many of those before them are kept too. */
const maxTopics = 4096

/** A topic that more subscriptions match is matched each time, so that what is kept is bounded. */
const maxKept = 64

/** What is kept of a subscription. */
export interface Interested {
  readonly pattern: TopicPattern
}

/** A topic, and the subscriptions that it matches. */
export interface Match<S> {
  readonly topic: string
  /** Those in force when it was matched: some may have ended when others have had their turn. */
  readonly subscriptions: readonly S[]
}

/** The subscriptions of one subscriber that are in force. */
export class Interest<S extends Interested> {
  readonly #exact = new Map<string, Set<S>>()
  readonly #wild = new PatternTrie<S>()
  /** How many subscriptions need each prefix. */
  readonly #prefixes = new Map<string, number>()
  /** By the bytes of the topic. Two maps in turn, since taking the oldest out of one large map is slow. */
  #latest = new Map<string, Match<S>>()
  #former = new Map<string, Match<S>>()

  /** Puts a subscription in force; tells whether its prefix is new. */
  enter(subscription: S): boolean {
    this.#forget()
    const { exact, text, prefix } = subscription.pattern
    if (exact) {
      const same = this.#exact.get(text)
      if (same) same.add(subscription)
      else this.#exact.set(text, new Set([subscription]))
    } else {
      this.#wild.add(subscription.pattern, subscription)
    }
    const key = prefix.toString()
    const users = (this.#prefixes.get(key) ?? 0) + 1
    this.#prefixes.set(key, users)
    return users === 1
  }

  /** Ends a subscription; tells whether nobody needs its prefix any more. */
  leave(subscription: S): boolean {
    this.#forget()
    const { exact, text, prefix } = subscription.pattern
    if (exact) {
      const same = this.#exact.get(text)
      if (same?.delete(subscription) && same.size === 0) this.#exact.delete(text)
    } else {
      this.#wild.delete(subscription.pattern, subscription)
    }
    const key = prefix.toString()
    const users = (this.#prefixes.get(key) ?? 1) - 1
    if (users > 0) this.#prefixes.set(key, users)
    else this.#prefixes.delete(key)
    return users <= 0
  }

  /** Matches a topic as on the wire; `undefined` if it is not one. */
  match(part: Buffer): Match<S> | undefined {
    const key = part.toString('latin1')
    const known = this.#latest.get(key)
    if (known) return known
    const match = this.#former.get(key) ?? this.#find(part)
    if (match && match.subscriptions.length <= maxKept) this.#keep(key, match)
    return match
  }

  #find(part: Buffer): Match<S> | undefined {
    const words = wordsOnWire(part)
    if (!words) return undefined
    const topic = words.join('.')
    const subscriptions = this.#wild.matching(words)
    const exact = this.#exact.get(topic)
    return { topic, subscriptions: exact ? [...exact, ...subscriptions] : subscriptions }
  }

  #keep(key: string, match: Match<S>): void {
    if (this.#latest.size >= maxTopics) {
      this.#former = this.#latest
      this.#latest = new Map()
    }
    this.#latest.set(key, match)
  }

  #forget(): void {
    if (this.#latest.size > 0) this.#latest = new Map()
    if (this.#former.size > 0) this.#former = new Map()
  }
}
