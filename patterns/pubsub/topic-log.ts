/**
 * What a log of published frames is: the last messages of one source, within bounds, and the retained value of each topic.
 *
 * A log keeps frames as they were sent and decodes nothing. Several logs share one set of bounds, so that a hub keeps the
 * history of many sources in so much memory. `memory-topic-logs.ts` keeps them in memory, `stored-topic-logs.ts` on disk.
 */
import type { Expired, Head, KeptFrame, Range } from './topics-wire.js'

/** A frame as it leaves, with its place. */
export interface LoggedFrame {
  /** The topic's name, without the last dot. */
  readonly topic: string
  /** The frame as it is sent; it is not changed afterwards. */
  readonly bytes: Buffer
  /** The position of its first message, over all topics of the source. */
  readonly position: number
  /** The number of its first message on the topic. */
  readonly sequence: number
  /** Messages in it, at least 1. */
  readonly count: number
  /** When it left, in milliseconds since 1970. */
  readonly time: number
  readonly schemaId: Buffer
  readonly schemaText: string
  /** It has one message, which becomes the retained value of its topic. */
  readonly isRetained: boolean
}

/**
 * How much history is kept; what exceeds one of these is given up, the oldest frame first.
 *
 * A topic of which nothing is kept is forgotten when such topics take more than a quarter of `maxBytes`: what was
 * given up of it is not reported any more, and its number begins where its next frame does.
 *
 * What is too old is not read, and is given up within 250 ms, also while nothing is appended. A retained value is kept beside its frame, and only `maxBytes` holds for it.
 */
export interface HistoryBounds {
  readonly maxMessages: number
  /** Frames with what is kept of each, in bytes. Retained values count, and are given up last. */
  readonly maxBytes: number
  readonly maxAgeMs: number
}

/** Where a topic stands when its publisher begins again. */
export interface TopicEnd {
  readonly topic: string
  readonly schemaText: string
  /** The number of the last message. */
  readonly sequence: number
  /** The position of the last message. */
  readonly position: number
}

/** Where a topic stood when its log began. */
export interface EarlierTopic extends TopicEnd {
  readonly schemaId: Buffer
  /** When the last message left, in milliseconds since 1970. */
  readonly time: number
}

/** A part of a replay, as it is taken from a log. */
export interface LogPart {
  readonly schemas: readonly { readonly schemaId: Buffer; readonly text: string }[]
  readonly expired: readonly Expired[]
  readonly frames: readonly KeptFrame[]
  /** All requested messages up to here have been delivered or reported. */
  readonly position: number
}

/** One walk through a log. */
export interface LogReplay {
  /**
   * Takes what comes next, about so many bytes and at least one frame, or none after a long way without one that fits;
   * `undefined` at the end: behind `upTo`, or behind the last message that there is.
   *
   * Messages that were given up before the frames of a part are reported once, in `expired` of that part. Number and position
   * are those of the last message of the topic that was given up. They may be above `upTo`: then all requested messages of
   * the topic that have not been delivered are given up. Messages that were never appended are not reported. Each schema
   * comes once, before its first frame.
   */
  take(bytes: number): LogPart | undefined
  /** What the last call has looked at, beside what it returned, as bytes of a turn. Default: 0. */
  readonly cost?: number
}

/** The messages of one source. */
export interface TopicLog {
  /** 16 hexadecimal digits. */
  readonly source: string
  /** The position of the last message that was appended; 0 if there is none. */
  readonly position: number
  /** Whether it may have had topics that it does not know any more, forgotten or damaged on disk: their numbers are taken. */
  readonly areNumbersLost?: boolean
  /**
   * Appends a frame behind the others; one that is not behind them is put where it is missing, as by `insert`.
   *
   * A time in the future counts as the present.
   *
   * Returns nothing where it is kept at once, in memory; on disk, a promise that resolves when a crash of the process cannot
   * take it any more, in the order of the calls.
   *
   * @error RIVULET_STORE_FULL, RIVULET_STORE_FAILED, RIVULET_CLOSED
   */
  append(frame: LoggedFrame): Promise<void> | undefined
  /**
   * Puts frames where some are missing: a hub has fetched them.
   *
   * Left out are those that are there already, and those before the last one that was given up. A walk does not go back.
   */
  insert(frames: readonly LoggedFrame[]): Promise<void> | undefined
  /** Makes the message of a frame the retained value of its topic, unless it has a later one; it is not among the others. */
  retain(frame: LoggedFrame): Promise<void> | undefined
  /** Removes the retained value of a topic. */
  clear(topic: string): Promise<void> | undefined
  /**
   * Begins a walk: each frame that fits one of the ranges, once, by position.
   *
   * `last` counts by numbers, from the last message that there is at this moment, or up to `upTo`. Retained values are those
   * of this moment; one that is replaced before the walk reaches it is left out, since the new one has been published.
   *
   * @throws RIVULET_INVALID_OPTION for what is no pattern.
   */
  replay(ranges: readonly Range[]): LogReplay
  /**
   * Where the topics stand that fit one of the patterns and have moved since `after`; in any order. `undefined` comes after a long
   * way without one that fits.
   *
   * @throws RIVULET_INVALID_OPTION for what is no pattern.
   */
  heads(patterns: readonly string[], after: number): Iterable<Head | undefined>
  /** Where all topics ended, for the publisher that continues. */
  ends(): Iterable<TopicEnd>
}

/** What is kept at the moment. */
export interface HistoryStats {
  /** Messages that are kept. */
  readonly messages: number
  /** What they take, in bytes. */
  readonly bytes: number
  /** Messages that were given up for one of the bounds. */
  readonly expired: number
}

/** Logs that share one set of bounds. */
export interface TopicLogs {
  /** The log of a source; made if there is none. */
  log(source: string): TopicLog
  /** All sources of which a message was ever appended, and that were not forgotten. */
  sources(): Iterable<string>
  /** Forgets a source with all that is kept of it: a hub has not heard of it for long. On disk, one that sends meanwhile stays. */
  forget(source: string): Promise<void> | undefined
  stats(): HistoryStats
  /** Resolves when everything that was appended is kept. */
  flush(): Promise<void>
  close(): Promise<void>
}
