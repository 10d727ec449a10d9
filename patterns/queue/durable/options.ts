/**
 * The options of producers and consumers of a durable queue: what a caller may say, its rules, and how it resolves.
 */
import { isSchema, type Schema } from '../../../src/avro/index.js'
import { isWellFormed } from '../../../src/avro/write-primitives.js'
import { maxDelayMs } from '../../../src/delivery/index.js'
import {
  defaults,
  instance,
  integer,
  milliseconds,
  oneOf,
  type Rule,
  required,
  signal,
} from '../../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../../src/socket/index.js'
import { type OverflowPolicy, overflowPolicies } from '../../../src/stream/index.js'
import { type QueueHost, servingHost } from './host.js'
import { queueNameRule } from './host-options.js'
import { isQueueName, maxNameCharacters } from './request-validation.js'
import { largestMessageBytes } from './wire.js'

/** Options that producers and consumers take. Exactly one of `connect` and `host`. */
interface DurableOptions extends Omit<SocketOptions, 'bind' | 'insecure'> {
  /**
   * A host of this process: then no socket is opened. Instead of `connect`.
   * @defaultValue none
   */
  readonly host?: QueueHost
  /** The name of the queue. */
  readonly queue: string
}

/** Options of {@link createProducer}. Exactly one of `connect` and `host`. */
export interface ProducerOptions<In> extends DurableOptions {
  /** The schema of the messages. */
  readonly schema: Schema<In>
  /**
   * The largest message, in bytes, 1 to 16 MiB; the limit of the host holds too.
   * @defaultValue `16_777_216` (16 MiB)
   */
  readonly maxMessageBytes?: number
  /**
   * Messages that wait for their confirmation, in bytes, 1 to 1 GiB; one message more may be taken.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * What happens when `outboxBytes` wait: see {@link OverflowPolicy}.
   * @defaultValue `'block'`
   */
  readonly overflow?: OverflowPolicy
}

/** Options of {@link createConsumer}. Exactly one of `connect` and `host`. */
export interface ConsumerOptions<Out> extends DurableOptions {
  /** The schema that messages are read with; producers may have an older or newer one. */
  readonly schema: Schema<unknown, Out>
  /**
   * Messages that this consumer holds and has not settled, 1 to 65,536.
   *
   * More is faster for quick work; 1 leaves a message with the host until a worker is free for it.
   *
   * @defaultValue `64`
   */
  readonly prefetch?: number
  /**
   * The name of this consumer in errors and in the history of messages, 1 to 128 characters.
   *
   * It need not be unique, and decides nothing.
   *
   * @defaultValue none
   */
  readonly name?: string
}

/** How one message is sent. */
export interface SendOptions {
  /**
   * The id of the message, 1 to 255 characters of well-formed text: another message with the same id, of any producer, is not stored within
   * `dedupeMs` of the queue.
   * @defaultValue none
   */
  readonly id?: string
  /**
   * The key of the message, 1 to 255 characters of well-formed text: with `keyOrder`, messages of one key are delivered one after the
   * other.
   * @defaultValue none
   */
  readonly key?: string
  /**
   * Not delivered before this long after it is stored, in milliseconds, 0 to ten years.
   * @defaultValue none: it is delivered as soon as a consumer takes it
   */
  readonly delayMs?: number
  /**
   * Dropped if it is not delivered within this time after it is stored, in milliseconds, above 0 and up to ten years.
   *
   * An expired message counts in `depth` until it comes to the front.
   *
   * @defaultValue none: it does not expire
   */
  readonly ttlMs?: number
  /**
   * How long to wait for the confirmation, in milliseconds, 0 or more: 0 gives up after this turn, `Infinity` never.
   * @defaultValue `Infinity`
   */
  readonly timeoutMs?: number
  /**
   * Gives up when aborted: a message that was not sent is taken back; whether one that was sent is stored stays
   * unknown.
   * @defaultValue none
   */
  readonly signal?: AbortSignal
}

const mebibyte = 1_048_576

const common = {
  ...socketRules,
  host: instance(
    'a host of createQueueHost',
    (value): value is QueueHost => servingHost(value) !== undefined,
    undefined,
  ),
  queue: instance(`the name of a queue: ${queueNameRule}`, isQueueName, required),
  schema: instance('a schema of defineSchema', isSchema, required),
}

/** The rules of `ProducerOptions`. */
export const producerRules = {
  ...common,
  maxMessageBytes: integer({ min: 1, max: largestMessageBytes, fallback: defaults.maxLinkMessageBytes }),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
  overflow: oneOf(overflowPolicies, defaults.overflow),
}

/** The longest name of a consumer, in characters: something unique comes behind it on the wire. */
const maxConsumerCharacters = 128

/** The rules of `ConsumerOptions`. */
export const consumerRules = {
  ...common,
  name: instance(
    `a well-formed text of 1 to ${maxConsumerCharacters} characters`,
    (value): value is string =>
      typeof value === 'string' && value.length >= 1 && value.length <= maxConsumerCharacters && isWellFormed(value),
    undefined,
  ),
  prefetch: integer({ min: 1, max: 65_536, fallback: defaults.prefetchMessages }),
}

/** A text of 1 to 255 characters that can be written as UTF-8; `null` if left out. */
const nameRule: Rule<string | null> = {
  expects: `a well-formed text of 1 to ${maxNameCharacters} characters`,
  fallback: null,
  accepts: (value) =>
    typeof value === 'string' && value.length >= 1 && value.length <= maxNameCharacters && isWellFormed(value),
}

/** A time in whole milliseconds, rounded up; `null` if left out. */
const longTime: Rule<number | null> = {
  expects: `milliseconds from 0 to ${maxDelayMs}`,
  fallback: null,
  accepts: (value) => typeof value === 'number' && value >= 0 && value <= maxDelayMs,
  convert: (value) => Math.ceil(value as number),
}

/** The same, and more than nothing: who has no time at all need not be sent. */
const lifeTime: Rule<number | null> = {
  ...longTime,
  expects: `milliseconds above 0, up to ${maxDelayMs}`,
  accepts: (value) => longTime.accepts(value) && (value as number) > 0,
}

/** The rules of `SendOptions`. */
export const sendRules = {
  id: nameRule,
  key: nameRule,
  delayMs: longTime,
  ttlMs: lifeTime,
  timeoutMs: milliseconds({ max: Number.POSITIVE_INFINITY, fallback: defaults.sendTimeoutMs }),
  signal,
}
