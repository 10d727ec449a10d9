/**
 * The options of a host of durable queues and of single queues: what a caller may say, its rules, and how it resolves.
 */

import { maxDelayMs, maxLeaseMs, minLeaseMs } from '../../../src/delivery/index.js'
import type { QueueSettings } from '../../../src/engine/index.js'
import {
  countOrEndless,
  defaults,
  flag,
  instance,
  integer,
  invalidOption,
  milliseconds,
  oneOf,
  resolveOptions,
} from '../../../src/options/index.js'
import { type SocketOptions, socketRules } from '../../../src/socket/index.js'
import { isQueueName, maxQueueNameCharacters } from './request-validation.js'
import { largestMessageBytes } from './wire.js'

/** The wait before a message that failed is delivered again: `initialMs × factor^(attempt − 1)`, at most `maxMs`. */
export interface BackoffOptions {
  /**
   * The wait after the first failure, in milliseconds, 0 to ten years.
   * @defaultValue `1000`
   */
  readonly initialMs?: number
  /**
   * How much longer each wait is than the one before, 1 to 100.
   * @defaultValue `2`
   */
  readonly factor?: number
  /**
   * The longest wait, in milliseconds, 0 to ten years.
   * @defaultValue `60_000`
   */
  readonly maxMs?: number
}

/** How one queue treats its messages. They are options of the host, not of the messages: they may change when it is opened again. */
export interface QueueOptions {
  /**
   * Deliveries of one message, the first included, before it is a dead letter: 1 or more, or `Infinity`.
   * @defaultValue `5`
   */
  readonly maxAttempts?: number
  /**
   * How long a consumer has a message without a sign of life, in milliseconds, 100 to a day.
   * @defaultValue `30_000`
   */
  readonly leaseMs?: number
  /**
   * The wait before a message that failed is delivered again.
   * @defaultValue the defaults of {@link BackoffOptions}
   */
  readonly backoff?: BackoffOptions
  /**
   * Messages in the queue, those under a lease included: 1 or more, or `Infinity`.
   * @defaultValue `Infinity`
   */
  readonly maxLength?: number
  /**
   * Bytes of the bodies of these messages: 1 or more, or `Infinity`.
   * @defaultValue `Infinity`
   */
  readonly maxBytes?: number
  /**
   * Messages that are ready for longer are dropped and counted as `expired`: milliseconds, 0 or more, or `Infinity`.
   *
   * A delay, also that after a failure, does not count.
   *
   * @defaultValue `Infinity`
   */
  readonly maxAgeMs?: number
  /**
   * Whether a full queue refuses new messages, or drops the ones that wait longest and counts them as `overflow`.
   *
   * `drop-oldest` drops the messages that have been ready for longest, then those that wait for another of their key,
   * then delayed ones. Messages under a lease are never dropped.
   *
   * @defaultValue `'reject'`
   */
  readonly overflow?: 'reject' | 'drop-oldest'
  /**
   * How long the id of a message is remembered, in milliseconds, 0 to ten years.
   * @defaultValue `120_000`
   */
  readonly dedupeMs?: number
  /**
   * Whether messages of one key are delivered one after the other, each when the one before it has left the queue.
   *
   * Their order is that in which they were stored, became due, or came back from the dead letters.
   *
   * @defaultValue `false`
   */
  readonly keyOrder?: boolean
  /**
   * What happens to messages whose schema no attached consumer can read.
   *
   * With `keep` they wait for a consumer that can read them, and others pass them. With `dead-letter` they go to the
   * dead letters, also while the consumers that can read them are away, for example after a restart.
   *
   * @defaultValue `'keep'`
   */
  readonly unreadable?: 'keep' | 'dead-letter'
}

/** Options of {@link createQueueHost}. */
export interface QueueHostOptions extends Omit<SocketOptions, 'connect'> {
  /**
   * The folder of the queues, made if it is missing; on a disk of this machine. Either this or `store: 'memory'`.
   * @defaultValue none
   */
  readonly path?: string
  /**
   * `memory` keeps everything in memory: confirmed messages live as long as the process.
   * @defaultValue none: the queues are on disk, in `path`
   */
  readonly store?: 'memory'
  /**
   * What a confirmation means: `flushed` survives the loss of power, `committed` the end of the process alone, `memory`
   * neither.
   * @defaultValue `'flushed'` with a `path`, `'memory'` without
   */
  readonly durability?: 'flushed' | 'committed' | 'memory'
  /**
   * What the records may take on disk, or in memory, in bytes, 1 MiB to 16 TiB.
   * @defaultValue `4_294_967_296` (4 GiB)
   */
  readonly maxBytes?: number
  /**
   * The queues by name, each with what differs from `defaults`. A name is 1 to 128 letters, digits and characters of
   * `_.:/@+-`.
   *
   * Dead letters have the `leaseMs`, `backoff` and `dedupeMs` of their queue, or their own where `<name>.dead` is named here;
   * it takes no other options: dead letters are not bounded, do not grow old, and are never given up.
   *
   * @defaultValue none
   */
  readonly queues?: Readonly<Record<string, QueueOptions>>
  /**
   * How queues treat their messages where `queues` does not name the option.
   * @defaultValue the defaults of {@link QueueOptions}
   */
  readonly defaults?: QueueOptions
  /**
   * Whether a queue is made when it is first used, with `defaults`; otherwise producers and consumers get
   * RIVULET_UNKNOWN_QUEUE.
   * @defaultValue `false`
   */
  readonly autoCreate?: boolean
  /**
   * Queues that may exist before no more are made automatically, dead letters aside, 1 to 65,536.
   * @defaultValue `1024`
   */
  readonly maxQueues?: number
  /**
   * The largest message that the host takes, in bytes, 1 to 16 MiB.
   * @defaultValue `16_777_216` (16 MiB)
   */
  readonly maxMessageBytes?: number
  /**
   * What may wait to be sent on one link, in bytes, 1 to 1 GiB.
   * @defaultValue `8_388_608` (8 MiB)
   */
  readonly outboxBytes?: number
  /**
   * Links at the same time, disconnected ones included, 1 to 65,536.
   * @defaultValue `1024`
   */
  readonly maxSessions?: number
}

const endless = Number.POSITIVE_INFINITY
const mebibyte = 1_048_576

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const backoffRules = {
  initialMs: milliseconds({ max: maxDelayMs, fallback: defaults.backoffInitialMs }),
  factor: {
    expects: 'a number from 1 to 100',
    fallback: defaults.backoffFactor as number,
    accepts: (value: unknown) => typeof value === 'number' && value >= 1 && value <= 100,
  },
  maxMs: milliseconds({ max: maxDelayMs, fallback: defaults.backoffMaxMs }),
}

const queueRules = {
  maxAttempts: countOrEndless(defaults.maxAttempts),
  leaseMs: {
    expects: `milliseconds from ${minLeaseMs} to ${maxLeaseMs}`,
    fallback: defaults.leaseMs as number,
    accepts: (value: unknown) => typeof value === 'number' && value >= minLeaseMs && value <= maxLeaseMs,
    // consumers get it in whole milliseconds
    convert: (value: unknown) => Math.ceil(value as number),
  },
  backoff: instance('an object', isObject, undefined),
  maxLength: countOrEndless(defaults.maxLength),
  maxBytes: countOrEndless(defaults.maxQueueBytes),
  maxAgeMs: milliseconds({ max: endless, fallback: defaults.maxAgeMs }),
  overflow: oneOf(['reject', 'drop-oldest'], defaults.queueOverflow),
  dedupeMs: milliseconds({ max: maxDelayMs, fallback: defaults.dedupeMs }),
  keyOrder: flag(defaults.keyOrder),
  unreadable: oneOf(['keep', 'dead-letter'], defaults.unreadable),
}

/** Dead letters are not bounded, do not grow old and are not given up: these options alone hold for them. */
const { leaseMs, backoff, dedupeMs } = queueRules
const deadLetterRules = { leaseMs, backoff, dedupeMs }

/** The rules of `QueueHostOptions`. */
export const hostRules = {
  ...socketRules,
  path: instance('a path', (value): value is string => typeof value === 'string' && value !== '', undefined),
  store: instance("'memory'", (value): value is 'memory' => value === 'memory', undefined),
  durability: instance(
    "one of 'flushed', 'committed', 'memory'",
    (value): value is 'flushed' | 'committed' | 'memory' =>
      value === 'flushed' || value === 'committed' || value === 'memory',
    undefined,
  ),
  maxBytes: integer({ min: mebibyte, max: 2 ** 44, fallback: defaults.storeBytes }),
  queues: instance('an object of queues', isObject, undefined),
  defaults: instance('an object', isObject, undefined),
  autoCreate: flag(defaults.autoCreate),
  maxQueues: integer({ min: 1, max: 65_536, fallback: defaults.maxQueues }),
  maxMessageBytes: integer({ min: 1, max: largestMessageBytes, fallback: defaults.maxLinkMessageBytes }),
  outboxBytes: integer({ min: 1, max: 1024 * mebibyte, fallback: defaults.outboxBytes }),
  maxSessions: integer({ min: 1, max: 65_536, fallback: defaults.maxSessions }),
}

/** Options of queues, resolved: those that are named, and how all others are treated. */
export interface ResolvedQueues {
  readonly named: ReadonlyMap<string, QueueSettings>
  readonly others: QueueSettings
}

/**
 * Resolves the options of all queues.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function resolveQueues(queues: object | undefined, fallback: object | undefined): ResolvedQueues {
  const subject = 'createQueueHost'
  const others = resolveQueue(`${subject}: defaults`, fallback ?? {}, {})
  const named = new Map<string, QueueSettings>()
  for (const [name, given] of Object.entries(queues ?? {})) {
    if (!isQueueName(name)) throw invalidOption(subject, 'the name of a queue', queueNameRule, name)
    if (!isObject(given)) throw invalidOption(subject, `queues.${name}`, 'an object', given)
    if (name.endsWith(defaults.deadSuffix)) resolveOptions(`${subject}: queues.${name}`, given, deadLetterRules)
    named.set(name, resolveQueue(`${subject}: queues.${name}`, given, fallback ?? {}))
  }
  return { named, others }
}

/** What the name of a queue must be, for messages. */
export const queueNameRule = `1 to ${maxQueueNameCharacters} letters, digits and characters of _.:/@+-`

function resolveQueue(subject: string, given: object, fallback: object): QueueSettings {
  const own = given as QueueOptions
  const common = fallback as QueueOptions
  const backoff = resolveOptions(
    `${subject}.backoff`,
    { ...common.backoff, ...withoutUndefined(own.backoff ?? {}) },
    backoffRules,
  )
  const settings = resolveOptions(subject, { ...common, ...withoutUndefined(own) }, queueRules)
  return Object.freeze({ ...settings, backoff })
}

function withoutUndefined(given: object): object {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
