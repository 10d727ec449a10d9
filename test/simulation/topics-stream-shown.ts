/** What one stream of a simulated subscriber is, and what it has shown of each publisher. */
import type { Start } from '../../patterns/pubsub/since.js'
import type { HubReach } from './topics-shape.js'

/** What was shown of one source. */
export interface Shown {
  /** The position of the first answer; behind a leave, where the stream begins again there, of the first one since. */
  servedAt: number | undefined
  /** The position of the very first answer. */
  firstAt: number | undefined
  /** The position of its last message when the stream was left last, and when it was used again. */
  leftAt: number
  usedAt: number
  /** Everything behind it is shown, where that is known. */
  readonly from: number | undefined
  /** Whether it is known that topics of which nothing was shown begin with their first message. */
  readonly isWhole: boolean
  isLive: boolean
  /** Whether it was live before there was an answer: then it is not asked for what `since` names. */
  isUnanswered: boolean
  /** The retained values that were removed before the first answer, by topic: the numbers that were reached then. */
  removed: ReadonlyMap<string, number>
  /** The number that is next, by topic. */
  readonly topics: Map<string, TopicShown>
}

/** What a stream has shown of a topic: the next number, and why it may leave some out before it shows more. */
export interface TopicShown {
  next: number
  /**
   * Behind a `retained` value it wants what left since the answer; where it was `left`, with `now`, what left since the next
   * answer, but for what is `late`: from before it was left.
   */
  jump: 'retained' | 'left' | 'late' | undefined
}

/** What a stream has shown at a moment, to be continued. */
export interface StreamMark {
  readonly start: Start
  readonly sources: ReadonlyMap<string, Shown>
}

/** What policies allow a stream. */
export interface StreamAccess {
  /** Whether it may have a topic of a source that nobody has denied it all the time since a moment, by the wall clock. */
  mayHave(source: string, topic: string, since: number): boolean
  /** Whether a topic was ever denied to it, or to the source: what it asked for then is complete without it. */
  wasDenied(source: string, topic: string): boolean
  /** Whether it is served by a source now, and with a topic. */
  isServed(source: string, topic?: string): boolean
}

/** What a stream is. */
export interface StreamSettings {
  /** What hubs may keep from it. */
  readonly reach: HubReach
  readonly name: string
  readonly pattern: string
  readonly start: Start
  /** The topic of answers to its subscriber, and the prefix that it subscribes to. */
  readonly inbox: string
  readonly prefix: string
  /** The cursor that it continues at, and what had been shown there. */
  readonly mark?: { readonly cursor: string; readonly shown: StreamMark } | undefined
  /** Whether nothing has gone wrong for long. */
  readonly isCalm: () => boolean
  /** Whether history of a publisher was asked for, and not reached. */
  readonly isUnreached: (source: string) => boolean
  /** What policies allow it; `undefined` if there are none. */
  readonly access: StreamAccess | undefined
}

/** What is known of a source before it has answered. */
export const unseen: Omit<Shown, 'from' | 'isWhole' | 'topics'> = {
  servedAt: undefined,
  firstAt: undefined,
  leftAt: 0,
  usedAt: 0,
  isLive: false,
  isUnanswered: false,
  removed: new Map(),
}
