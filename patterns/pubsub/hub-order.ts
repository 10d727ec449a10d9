/**
 * Which messages of each publisher's topics a hub has seen: each is forwarded once, whatever ways lead to the hub, and what is
 * missing between two is found.
 *
 * Pure: it takes the headers of frames. It fetches nothing and keeps no frame.
 */

/** Topics that were seen last; as many of those before them are remembered too. */
const maxTopics = 131_072

/** The place of a frame. */
export interface HubPlace {
  readonly sequence: number
  readonly count: number
  readonly position: number
  readonly previous: number
}

/** Messages of one topic between two positions. */
export interface HubRange {
  readonly after: number
  readonly upTo: number
}

/** Messages of one topic that did not come. */
export interface HubGap extends HubRange {
  /** The messages before it are complete from this position on. */
  readonly from: number
  /** The moment at which the last message before it came, as `take` was given it. */
  readonly seenAt: number
}

/** What a frame has shown. */
export interface HubTaken {
  /** Whether it has a message that was not seen, or none at all. */
  readonly isNew: boolean
  /** What is missing before it. */
  readonly gap?: HubGap
}

/** Where a topic of a publisher stands. */
interface Seen {
  /** The number of the next message. */
  next: number
  /** The position of the last message. */
  position: number
  /** Everything above this position has come. */
  from: number
  seenAt: number
}

const fresh: HubTaken = Object.freeze({ isNew: true })
const seenBefore: HubTaken = Object.freeze({ isNew: false })

/** The numbers of the messages that were seen. */
export class HubOrder {
  readonly #maxTopics: number
  /** By publisher and topic. Two maps in turn: taking the oldest out of a large one is slow. */
  #topics = new Map<string, Seen>()
  #former = new Map<string, Seen>()

  constructor(topics = maxTopics) {
    this.#maxTopics = topics
  }

  /**
   * Takes a frame in.
   *
   * @param now - A number that does not fall.
   */
  take(key: string, { sequence, count, position, previous }: HubPlace, now: number): HubTaken {
    const known = this.#topics.get(key) ?? this.#former.get(key)
    const end = sequence + count
    const last = count > 0 ? position + count - 1 : previous
    if (known === undefined) {
      this.#remember(key, { next: end, position: last, from: previous, seenAt: now })
      return fresh
    }
    // one without messages brings a schema, or shows what is missing
    if (end <= known.next) return count > 0 ? seenBefore : fresh
    // a publisher that has forgotten the topic begins with a higher number, and misses nothing
    const isMissing = sequence > known.next && previous > known.position
    const gap = isMissing
      ? { after: known.position, upTo: previous, from: known.from, seenAt: known.seenAt }
      : undefined
    if (isMissing) known.from = previous
    known.next = end
    known.position = Math.max(known.position, last)
    known.seenAt = now
    this.#remember(key, known)
    return gap ? { isNew: true, gap } : fresh
  }

  /** Where a topic stands. */
  known(key: string): Readonly<Pick<Seen, 'next' | 'position' | 'seenAt' | 'from'>> | undefined {
    return this.#topics.get(key) ?? this.#former.get(key)
  }

  /** Whether all messages of a topic in a range have come. */
  covers(key: string, { after, upTo }: HubRange): boolean {
    const known = this.known(key)
    return known !== undefined && after >= known.from && upTo <= known.position
  }

  /** What was missing is there: the messages of a topic are complete from a position on. */
  joined(key: string, { after, upTo }: HubRange, from: number): void {
    const known = this.#topics.get(key) ?? this.#former.get(key)
    if (known && known.from > after && known.from <= upTo) known.from = Math.min(known.from, from)
  }

  /** The last message of a topic is not kept: what is complete begins behind it. */
  broken(key: string): void {
    const known = this.#topics.get(key) ?? this.#former.get(key)
    if (known) known.from = known.position
  }

  #remember(key: string, seen: Seen): void {
    if (this.#topics.has(key)) return
    if (this.#topics.size >= this.#maxTopics) {
      this.#former = this.#topics
      this.#topics = new Map()
    }
    this.#topics.set(key, seen)
  }
}
