/**
 * Which ranges of a replay a topic fits: those that walk along the log, and those that walk along the topic.
 *
 * Ranges of one topic walk along it, and so do those that need to know where each topic ended; the others walk along the log.
 */
import type { LoggedTopic } from './logged-topic.js'
import { PatternTrie } from './pattern-trie.js'
import type { WantedRange } from './wanted-range.js'

/** The ranges of one replay, by what they fit. */
export class WantedTopics {
  /** Those of one topic, by its name. */
  readonly #exact = new Map<string, WantedRange[]>()
  /** Those that walk along each topic that fits, and those that walk along the log. */
  readonly #several = new PatternTrie<WantedRange>()
  readonly #wild = new PatternTrie<WantedRange>()
  /** Of each topic by its key: the ranges of `#wild` that it fits. */
  readonly #fitting = new Map<number, readonly WantedRange[]>()
  /** The position up to which the walk along the log goes. */
  readonly wildEnd: number = 0

  constructor(ranges: readonly WantedRange[]) {
    for (const range of ranges) {
      const { exact, text } = range.pattern
      if (exact) {
        this.#exact.set(text, [...(this.#exact.get(text) ?? []), range])
      } else if (range.retained || range.last > 0) {
        this.#several.add(range.pattern, range)
      } else {
        this.#wild.add(range.pattern, range)
        this.wildEnd = Math.max(this.wildEnd, range.upTo)
      }
    }
  }

  /** Whether topics are wanted by name alone, so that no other has to be looked at. */
  get areNamed(): boolean {
    return this.#several.isEmpty
  }

  /** Whether any topic is walked along. */
  get areWalked(): boolean {
    return this.#exact.size > 0 || !this.#several.isEmpty
  }

  /** The topics that are wanted by name. */
  names(): Iterable<string> {
    return this.#exact.keys()
  }

  /** The ranges that walk along a topic. */
  alongTopic({ name, words }: LoggedTopic): readonly WantedRange[] {
    const exact = this.#exact.get(name) ?? []
    return this.#several.isEmpty ? exact : [...exact, ...this.#several.matching(words)]
  }

  /** The ranges that walk along the log and that a topic fits. */
  alongLog(topic: LoggedTopic): readonly WantedRange[] {
    let fitting = this.#fitting.get(topic.key)
    if (fitting === undefined) {
      fitting = this.#wild.matching(topic.words)
      this.#fitting.set(topic.key, fitting)
    }
    return fitting
  }

  /** Topics that were matched with the ranges that walk along the log. */
  get matched(): number {
    return this.#fitting.size
  }
}
