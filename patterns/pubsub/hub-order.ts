/**
 * Which messages of each publisher's topics a hub has seen: each is forwarded once, whatever ways lead to the hub.
 *
 * Pure: it takes the headers of frames. It repairs nothing and keeps no frame.
 */

/** Topics that were seen last; as many of those before them are remembered too. */
const maxTopics = 131_072

/** The place of a frame. */
interface Place {
  readonly sequence: number
  readonly count: number
}

/** The numbers of the messages that were seen. */
export class HubOrder {
  readonly #maxTopics: number
  /** The number of the next message, by publisher and topic. Two maps in turn: taking the oldest out of a large one is slow. */
  #topics = new Map<string, number>()
  #former = new Map<string, number>()

  constructor(topics = maxTopics) {
    this.#maxTopics = topics
  }

  /** Takes a frame in; tells whether it has a message that was not seen. */
  isNew(key: string, { sequence, count }: Place): boolean {
    const next = this.#topics.get(key) ?? this.#former.get(key) ?? 0
    const end = sequence + count
    // one without messages brings a schema, or shows what is missing
    if (count > 0 && end <= next) return false
    this.#remember(key, Math.max(next, end))
    return true
  }

  #remember(key: string, next: number): void {
    if (this.#topics.size >= this.#maxTopics && !this.#topics.has(key)) {
      this.#former = this.#topics
      this.#topics = new Map()
    }
    this.#topics.set(key, next)
  }
}
