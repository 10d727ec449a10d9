/**
 * What one subscription knows of one publisher: where each of its topics stands, and what is being fetched from its history.
 *
 * State alone; `topic-follower.ts` decides.
 */
import type { FollowedFrame } from './followed-frame.js'
import type { HeldFrames } from './held-frames.js'
import type { GapReason, HistoryFetch } from './history-fetch.js'

/** Where a topic stands. */
export interface TopicState<Frame extends FollowedFrame> {
  readonly name: string
  /** The number of the next message. */
  next: number
  /** Its messages up to this position have been delivered or reported as missing. */
  position: number
  /** Whether what is missing now may be what was published while nobody was subscribed. */
  interrupted: boolean
  repair: Repair<Frame> | undefined
}

/** What is missing on a topic, and the frames behind it. */
export interface Repair<Frame extends FollowedFrame> {
  /** Not asked yet while its source has not answered. */
  readonly fetch: HistoryFetch
  readonly held: HeldFrames<Frame>
}

/** Messages between two positions that were asked for: those that have not come are missing, for a reason. */
export interface Settled {
  readonly after: number
  readonly upTo: number
  readonly reason: GapReason
}

/** Topics of one publisher that were seen last; as many of those before them are remembered too. */
const maxTopics = 32_768

/** One publisher. */
export class FollowedSource<Frame extends FollowedFrame> {
  readonly id: string
  /** The position from which the subscription gets everything; `undefined` until that is known. */
  servedFrom: number | undefined
  /** Whether the first number of every topic is wanted. */
  isWhole = false
  /** The position at which the last messages of each topic are wanted, where `since` asks for them. */
  floorsAt = Number.POSITIVE_INFINITY
  /** Up to here the history was asked for. */
  settled: Settled | undefined
  /** Frames that wait for history; in none of them is anything known of their topics. */
  hold: HeldFrames<Frame> | undefined
  /** What comes before the frames that wait. */
  history: HistoryFetch | undefined
  /** Whether its answer decides what history is asked for. */
  awaitsAnswer = true
  /** When the first frame arrived that waits for its answer, by the time that connections are read. */
  heldSince: number | undefined
  /** Whether it has answered or was waited for in vain: until then, a gap waits for what its answer says of history. */
  isOfferKnown = false
  /** Whether nothing of its history was asked for yet. */
  isFirstRound = true
  isLive = false
  /** The highest position that has arrived. */
  seen = 0
  /** Everything up to here has been delivered, reported as missing, or was not wanted. */
  doneUpTo: number | undefined
  /** Up to this position it is known where its topics stand. */
  checked = 0
  /** The present connections, by a number: others may have lost something. */
  epoch = 0
  /** Whether those who have answered over them had no more of it than has arrived: another way may lead to more. */
  isBehind = false
  /** Where topics stood at a position; when all have come that far, everything up to it is done. */
  milestone: { readonly position: number; readonly due: Map<string, number>; isComplete: boolean } | undefined
  compactedAt = Number.NEGATIVE_INFINITY
  /** What was asked of it and has not ended. */
  readonly fetches = new Set<HistoryFetch>()
  readonly repaired = new Set<TopicState<Frame>>()
  #topics = new Map<string, TopicState<Frame>>()
  /** Those that were seen before. Two maps in turn, since taking the oldest out of one large map is slow. */
  #former = new Map<string, TopicState<Frame>>()

  constructor(id: string) {
    this.id = id
  }

  /** A topic; `position` is that of what came of it. */
  topic(name: string, position: number): TopicState<Frame> {
    return this.#topics.get(name) ?? this.#enter(name, position)
  }

  /** What is known of a topic. */
  known(name: string): TopicState<Frame> | undefined {
    return this.#topics.get(name) ?? this.#former.get(name)
  }

  /** Whether nothing has come of it but answers. */
  get isUnknown(): boolean {
    return this.#topics.size === 0 && this.#former.size === 0
  }

  /** Whether any of its topics has begun, since the subscription came into force. */
  get hasBegun(): boolean {
    for (const { interrupted } of this.topics()) if (!interrupted) return true
    return false
  }

  /** Whether anything of its topics was delivered or reported, where each is wanted from a number on. */
  get hasShown(): boolean {
    for (const { position } of this.topics()) if (position > 0) return true
    return false
  }

  *topics(): Iterable<TopicState<Frame>> {
    yield* this.#former.values()
    yield* this.#topics.values()
  }

  #enter(name: string, position: number): TopicState<Frame> {
    const isInterrupted = !this.isWhole
    const seen: TopicState<Frame> = this.#former.get(name) ?? {
      name,
      next: 1,
      position: this.servedFrom ?? 0,
      interrupted: isInterrupted,
      repair: undefined,
    }
    if (this.#topics.size >= maxTopics) this.#forgetSome(position)
    this.#topics.set(name, seen)
    return seen
  }

  #forgetSome(position: number): void {
    if (this.#former.size > 0) {
      // of forgotten topics, nothing up to here may be reported as missing
      if (this.servedFrom !== undefined) this.servedFrom = Math.max(this.servedFrom, position)
      this.isWhole = false
    }
    this.#former = this.#topics
    this.#topics = new Map()
    for (const topic of this.repaired) this.#topics.set(topic.name, topic)
  }
}

/** Of many sources, the one to be forgotten: the first of which nothing has come, or else the first. */
export function leastKnown<Source extends { readonly isUnknown: boolean }>(sources: readonly Source[]): Source {
  return sources.find(({ isUnknown }) => isUnknown) ?? (sources[0] as Source)
}
