/**
 * What the subscribers of a hub want of its publishers: each prefix as long as somebody has subscribed to it.
 *
 * It counts what the library reports of all subscribers together. It sends nothing.
 */
import { topicPattern } from './topic-name.js'

/** Patterns that stand for what is wanted; with more, everything is asked for. */
const maxPatterns = 1024

/** The byte that ends each word of a topic. */
const dot = 46

interface Wanted {
  subscriptions: number
  /** The change by which it came to be wanted. */
  readonly since: number
}

/** The prefixes that are wanted. */
export class HubInterest {
  /** By prefix, its bytes as latin1. */
  readonly #prefixes = new Map<string, Wanted>()
  #changes = 0

  /** Prefixes that somebody wants. */
  get size(): number {
    return this.#prefixes.size
  }

  /** How often prefixes came to be wanted. */
  get changes(): number {
    return this.#changes
  }

  /** Whether somebody wants exactly this prefix. */
  has(prefix: Buffer): boolean {
    return this.#prefixes.has(prefix.toString('latin1'))
  }

  /** Counts a subscription or its end; tells whether the prefix is wanted since then, or not any more. */
  change(subscribed: boolean, prefix: Buffer): 'wanted' | 'unwanted' | undefined {
    const key = prefix.toString('latin1')
    const known = this.#prefixes.get(key)
    if (subscribed) {
      if (known) known.subscriptions += 1
      else this.#prefixes.set(key, { subscriptions: 1, since: ++this.#changes })
      return known ? undefined : 'wanted'
    }
    if (known === undefined) return undefined
    known.subscriptions -= 1
    if (known.subscriptions > 0) return undefined
    this.#prefixes.delete(key)
    return 'unwanted'
  }

  /** Whether a topic, as on the wire, is wanted without a break since a number of changes. */
  isWanted(part: Buffer, changes: number): boolean {
    const text = part.toString('latin1')
    for (let length = 0; length <= text.length; length++) {
      const wanted = this.#prefixes.get(text.slice(0, length))
      if (wanted !== undefined && wanted.since <= changes) return true
    }
    return false
  }

  /** Patterns that all wanted topics fit. */
  patterns(): readonly string[] {
    const patterns = new Set<string>()
    for (const key of this.#prefixes.keys()) {
      const pattern = patternOf(Buffer.from(key, 'latin1'))
      if (pattern !== undefined) patterns.add(pattern)
      if (patterns.size > maxPatterns) return ['#']
    }
    return [...patterns]
  }

  /** Forgets all; returns what was wanted. */
  clear(): Buffer[] {
    const prefixes = [...this.#prefixes.keys()].map((key) => Buffer.from(key, 'latin1'))
    this.#prefixes.clear()
    return prefixes
  }
}

/** A pattern that all topics with a prefix fit; `undefined` if no topic can have it. */
export function patternOf(prefix: Buffer): string | undefined {
  const text = `${prefix.subarray(0, prefix.lastIndexOf(dot) + 1)}#`
  try {
    return topicPattern(text).text
  } catch {
    return undefined
  }
}
