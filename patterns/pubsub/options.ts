/**
 * The options of publishers and subscribers: what a caller may say, its rules, and how it resolves.
 */
import { countOrEndless, defaults, instance, integer, milliseconds, oneOf, texts } from '../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../src/socket/index.js'
import { type OverflowPolicy, overflowPolicies } from '../../src/stream/index.js'
import { maxFrameMessages } from '../../src/wire/index.js'

/** Options that publishers and subscribers take. At least one of `bind` and `connect`; both may be given. */
interface TopicOptions extends SocketOptions {
  /**
   * The largest message, in bytes, 1 to 256 MiB; the same on both sides.
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly maxMessageBytes?: number
  /**
   * Frames of up to 64 KiB that wait in the library for one peer on this side, 1 to 65,536.
   * @defaultValue `128`
   */
  readonly highWaterMark?: number
}

/** What a publisher keeps of its messages, for late subscribers and for the repair of gaps. */
export interface HistoryOptions {
  /**
   * Messages that are kept: 1 or more, or `Infinity`.
   * @defaultValue `Infinity`
   */
  readonly maxMessages?: number
  /**
   * What the history may take, in bytes, 1 to 1 TiB: frames, with about 100 bytes for each, and retained values.
   *
   * The oldest frames are given up first, and retained values last.
   *
   * @defaultValue `67_108_864` (64 MiB)
   */
  readonly maxBytes?: number
  /**
   * How long a message is kept, in milliseconds, 0 or more, or `Infinity`; a retained value is kept for longer.
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number
  /**
   * The folder in which the history is kept on disk.
   *
   * A publisher that is opened with the same folder again is the same source: it continues the numbers of its topics,
   * and serves what it has kept. A message is sent when the disk has it, and not before. One publisher at a time has a
   * folder.
   *
   * @defaultValue none: the history is in memory
   */
  readonly path?: string
  /**
   * Endpoints at which the history is served.
   * @defaultValue beside each of `bind`, at a free port of the same host, or with `.links` behind the address; a
   * publisher that only connects serves its history over links that it dials
   */
  readonly bind?: string | readonly string[]
}

/** Options of {@link createPublisher}. */
export interface PublisherOptions extends TopicOptions {
  /**
   * What happens when a subscriber does not keep up.
   *
   * `drop`: a frame that finds a subscriber full waits up to 200 ms for it, and then that subscriber alone loses the
   * frame, which it can tell from the gap in the numbers; for 5 s after that, frames do not wait. `wait`: nothing is
   * lost while it is linked, and the publisher and all its other subscribers wait for it, as `overflow` says.
   *
   * @defaultValue `'drop'`
   */
  readonly slowSubscribers?: 'drop' | 'wait'
  /**
   * What happens when the outbox is full: see {@link OverflowPolicy}.
   * @defaultValue `'block'`
   */
  readonly overflow?: OverflowPolicy
  /**
   * Messages that wait over all topics, in bytes, 1 to 1 GiB; of one turn, one frame a topic more may be gathered.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * What the subscriptions of all subscribers may add up to, in bytes, 1024 to 1 GiB.
   *
   * Each distinct prefix counts as its length and 15 more, each further subscriber of it as 1; the memory that they
   * take is up to 65 times as much. Above a quarter of it, new ones are taken slowly. Above it, all subscribers are
   * disconnected, since ZeroMQ does not tell whose they are; honest ones connect and subscribe again, and what they
   * missed is a gap.
   *
   * @defaultValue `524_288` (512 KiB)
   */
  readonly subscriptionBytes?: number
  /**
   * Keeps messages, and serves them to subscribers; `{}` takes the defaults.
   * @defaultValue none: nothing but retained values is kept
   */
  readonly history?: HistoryOptions
  /**
   * The most messages of one frame, 1 to 65,536.
   * @defaultValue `65_536`: the size of frames decides
   */
  readonly maxBatchMessages?: number
}

/** Options of {@link createSubscriber}. */
export interface SubscriberOptions extends TopicOptions {
  /**
   * How long missing and earlier messages are waited for while no link serves the history of their publisher, in
   * milliseconds, 0 to 2,147,483,647.
   *
   * Then they are reported as gaps: `unavailable`. So is what a live link sends nothing of for as long, or for 1 s if
   * that is longer.
   *
   * @defaultValue `5000`
   */
  readonly repairTimeoutMs?: number
  /**
   * Frames that wait behind missing messages, over all streams, in bytes, 1 to 1 GiB.
   *
   * Frames that find no room are fetched again, behind what is missing.
   *
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly heldBytes?: number
}

const mebibyte = 1024 * 1024

const common = {
  ...socketRules,
  maxMessageBytes: integer({ min: 1, max: 256 * mebibyte, fallback: defaults.maxMessageBytes }),
  highWaterMark: integer({ min: 1, max: 65_536, fallback: defaults.topicHighWaterMark }),
}

/** The rules of `HistoryOptions`. */
export const historyRules = {
  maxMessages: countOrEndless(defaults.historyMessages),
  maxBytes: integer({ min: 1, max: 1024 * 1024 * mebibyte, fallback: defaults.historyBytes }),
  maxAgeMs: milliseconds({ max: Number.POSITIVE_INFINITY, fallback: defaults.historyAgeMs }),
  path: instance('a path', (value): value is string => typeof value === 'string' && value !== '', undefined),
  bind: texts('an endpoint or a list of endpoints'),
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The rules of `PublisherOptions`. */
export const publisherRules = {
  ...common,
  slowSubscribers: oneOf(['drop', 'wait'], defaults.slowSubscribers),
  overflow: oneOf(overflowPolicies, defaults.overflow),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
  subscriptionBytes: integer({ min: 1024, max: 1024 * mebibyte, fallback: defaults.subscriptionBytes }),
  history: instance('an object with options of history', isObject, undefined),
  maxBatchMessages: integer({ min: 1, max: maxFrameMessages, fallback: defaults.maxBatchMessages }),
}

/** The rules of `SubscriberOptions`. */
export const subscriberRules = {
  ...common,
  repairTimeoutMs: milliseconds({ fallback: defaults.repairTimeoutMs }),
  heldBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.heldBytes }),
}
