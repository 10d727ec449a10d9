/**
 * Patterns with wildcards, arranged by their words: what a topic costs to match depends on its words, not on the number of patterns.
 *
 * A node stands for the words up to it. `#` is kept at the node before it, since it matches that topic and all below.
 */
import type { TopicPattern } from './topic-name.js'

interface Node<T> {
  /** By the next word. */
  words: Map<string, Node<T>> | undefined
  /** Where the next word is `*`. */
  any: Node<T> | undefined
  /** Whose patterns end here. */
  here: Set<T> | undefined
  /** Whose patterns end with a `#` behind this. */
  below: Set<T> | undefined
}

/** Maps topics to what was added under the patterns that they match. */
export class PatternTrie<T> {
  readonly #root = node<T>()

  /** Whether nothing is in it. */
  get isEmpty(): boolean {
    return isBare(this.#root)
  }

  /** Adds a value under a pattern; once, however often it is added. */
  add({ words, open }: TopicPattern, value: T): void {
    let at = this.#root
    for (const word of words) at = word === '*' ? anyOf(at) : wordOf(at, word)
    if (open) {
      at.below ??= new Set()
      at.below.add(value)
    } else {
      at.here ??= new Set()
      at.here.add(value)
    }
  }

  /** Takes a value from a pattern, if it is there. */
  delete({ words, open }: TopicPattern, value: T): void {
    const path = [this.#root]
    for (const word of words) {
      const at = path.at(-1) as Node<T>
      const next = word === '*' ? at.any : at.words?.get(word)
      if (!next) return
      path.push(next)
    }
    const end = path.at(-1) as Node<T>
    const values = open ? end.below : end.here
    values?.delete(value)
    if (values?.size === 0) {
      if (open) end.below = undefined
      else end.here = undefined
    }
    for (let depth = words.length; depth > 0 && isBare(path[depth] as Node<T>); depth--) {
      const parent = path[depth - 1] as Node<T>
      const word = words[depth - 1] as string
      if (word === '*') parent.any = undefined
      else parent.words?.delete(word)
      if (parent.words?.size === 0) parent.words = undefined
    }
  }

  /** The values under all patterns that a topic matches. */
  matching(topic: readonly string[]): T[] {
    const found: T[] = []
    collect(this.#root, topic, 0, found)
    return found
  }

  /** Whether a topic matches any of the patterns. */
  matchesAny(topic: readonly string[]): boolean {
    return isAnyIn(this.#root, topic, 0)
  }
}

function node<T>(): Node<T> {
  return { words: undefined, any: undefined, here: undefined, below: undefined }
}

function isBare({ words, any, here, below }: Node<unknown>): boolean {
  return words === undefined && any === undefined && here === undefined && below === undefined
}

function anyOf<T>(at: Node<T>): Node<T> {
  at.any ??= node()
  return at.any
}

function wordOf<T>(at: Node<T>, word: string): Node<T> {
  at.words ??= new Map()
  let next = at.words.get(word)
  if (!next) {
    next = node()
    at.words.set(word, next)
  }
  return next
}

function collect<T>(at: Node<T>, topic: readonly string[], depth: number, found: T[]): void {
  if (at.below) for (const value of at.below) found.push(value)
  if (depth === topic.length) {
    if (at.here) for (const value of at.here) found.push(value)
    return
  }
  const next = at.words?.get(topic[depth] as string)
  if (next) collect(next, topic, depth + 1, found)
  if (at.any) collect(at.any, topic, depth + 1, found)
}

function isAnyIn<T>(at: Node<T>, topic: readonly string[], depth: number): boolean {
  if (at.below !== undefined) return true
  if (depth === topic.length) return at.here !== undefined
  const next = at.words?.get(topic[depth] as string)
  return (
    (next !== undefined && isAnyIn(next, topic, depth + 1)) ||
    (at.any !== undefined && isAnyIn(at.any, topic, depth + 1))
  )
}
