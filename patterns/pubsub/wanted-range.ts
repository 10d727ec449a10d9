/**
 * What a replay wants: ranges as they are checked against topics and frames.
 */
import type { FrameSegment } from './frame-segment.js'
import type { LoggedTopic } from './logged-topic.js'
import type { HeapItem } from './order-heap.js'
import { type TopicPattern, topicPattern } from './topic-name.js'
import type { Range } from './topics-wire.js'

/** A range, each field with a value. */
export interface WantedRange {
  readonly pattern: TopicPattern
  readonly after: number
  readonly upTo: number
  /** In milliseconds since 1970. */
  readonly since: number
  readonly last: number
  readonly retained: boolean
  /** The first number of the topic that is wanted, because of `last`. */
  readonly minSequence: number
}

/** A walk along one topic, or to its retained value. */
export class TopicWalk implements HeapItem {
  /** The position of the next frame. */
  order = 0
  place = -1
  readonly topic: LoggedTopic
  readonly retained: boolean
  readonly ranges: readonly WantedRange[]
  /** The position up to which anything is wanted of it. */
  readonly end: number
  /** The next frame, counted from the first that the topic had. */
  next = 0

  constructor(topic: LoggedTopic, retained: boolean, ranges: readonly WantedRange[]) {
    this.topic = topic
    this.retained = retained
    this.ranges = ranges
    this.end = Math.max(...ranges.map(({ upTo }) => upTo))
  }
}

/**
 * Checks a range.
 *
 * @throws RIVULET_INVALID_OPTION for what is no pattern.
 */
export function wantedRange({ pattern, after = 0, upTo = 0, last = 0, since, retained = false }: Range): WantedRange {
  return {
    pattern: topicPattern(pattern),
    after: Math.max(0, after),
    upTo: upTo > 0 ? upTo : Number.POSITIVE_INFINITY,
    since: since ? since.getTime() : Number.NEGATIVE_INFINITY,
    last: Math.max(0, last),
    retained,
    minSequence: 0,
  }
}

/** Whether a frame has messages that one of the ranges wants. */
export function wantsFrame(ranges: readonly WantedRange[], segment: FrameSegment, slot: number): boolean {
  const first = segment.positions[slot] as number
  const before = (segment.counts[slot] as number) - 1
  for (let at = 0; at < ranges.length; at++) {
    const { after, upTo, since, minSequence } = ranges[at] as WantedRange
    if (first > upTo || first + before <= after || (segment.times[slot] as number) < since) continue
    if ((segment.sequences[slot] as number) + before >= minSequence) return true
  }
  return false
}

/** Whether one of the ranges may want messages of a topic that were given up, and whose positions are above `from`. */
export function wantsExpired(ranges: readonly WantedRange[], topic: LoggedTopic, from: number): boolean {
  const { expiredPosition, expiredSequence, expiredTime } = topic
  return ranges.some(({ after, upTo, since, minSequence }) => {
    const above = Math.max(after, from)
    return expiredPosition > above && upTo > above && expiredTime >= since && expiredSequence >= minSequence
  })
}
