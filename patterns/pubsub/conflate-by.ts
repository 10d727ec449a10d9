/**
 * `conflateBy`: a stream whose slow consumer gets the newest message of each key. Its options, their rules, and what they come to.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults, describe, instance, integer, invalidOption, resolveOptions } from '../../src/options/index.js'
import type { CheckedSupply, Conflation } from '../../src/stream/index.js'
import type { Batch } from '../../src/wire/index.js'
import type { Since } from './since.js'
import type { SinceEvent } from './topic-event.js'

/** What distinguishes messages that do not replace each other. */
export type ConflationKey = string | number | bigint | boolean

/** Options of `topic` and `events`. */
export interface TopicStreamOptions<Out> {
  /**
   * From where the stream begins, at each publisher: `'now'`, `'retained'`, `'all'`, `{ last: n }`, a `Date`, or the
   * cursor of a message.
   *
   * History comes first, then live messages, without a gap or a duplicate between them; `events` shows `live` there.
   *
   * @defaultValue `'now'`
   */
  readonly since?: Date | Since | undefined
  /**
   * Returns the key of a message: while a consumer is slow, only the newest message of each key waits for it.
   *
   * Backpressure: such a stream never holds up the subscriber. A consumer that keeps up gets every message, and the
   * function is not called. Of what it leaves, a message takes the place of the waiting one with the same key, which
   * counts as dropped: `conflated`. If it throws, `errors` reports it, and the message waits without a key.
   *
   * @defaultValue none: every message waits for its consumer
   */
  readonly conflateBy?: ((value: Out, topic: string) => ConflationKey) | undefined
  /**
   * The most messages and notices that wait with `conflateBy`, 1 to 1,048,576; beyond it the oldest is dropped.
   * @defaultValue `65_536`
   */
  readonly maxKeys?: number | undefined
}

const rules = {
  since: { expects: 'a beginning', fallback: undefined, accepts: (_: unknown): _ is unknown => true },
  conflateBy: instance(
    'a function',
    (value): value is (value: never, topic: string) => unknown => typeof value === 'function',
    undefined,
  ),
  maxKeys: integer({ min: 1, max: 1_048_576, fallback: Number.NaN }),
}

/** Distinguishes functions in the names of streams. */
const numbers = new WeakMap<WeakKey, number>()
let latest = 0

/** How a stream is conflated. */
export interface ConflateBy {
  readonly keyOf: (value: never, topic: string) => unknown
  readonly maxKeys: number
  /** The same for the same function and bound. */
  readonly name: string
}

/**
 * Resolves the options of a stream.
 *
 * @param kind - `topic` or `events`, for messages.
 * @throws RIVULET_INVALID_OPTION
 */
export function conflateBy(kind: string, options: unknown): ConflateBy | undefined {
  const { conflateBy: keyOf, maxKeys: given } = resolveOptions(kind, options, rules)
  const hasBound = !Number.isNaN(given)
  if (!keyOf) {
    if (hasBound) throw invalidOption(kind, 'maxKeys', 'left out without conflateBy', given)
    return undefined
  }
  let number = numbers.get(keyOf)
  if (number === undefined) {
    latest += 1
    number = latest
    numbers.set(keyOf, number)
  }
  const maxKeys = hasBound ? given : defaults.maxConflatedKeys
  return { keyOf, maxKeys, name: `${number} ${maxKeys}` }
}

/** What conflation needs of its subscription. */
export interface ConflationPorts {
  readonly clock: Clock
  readonly pattern: string
  report(error: RivuletError): void
}

/** Conflates the items of a stream. */
export function conflationOf<Item>(
  { keyOf, maxKeys }: ConflateBy,
  partsOf: (item: Item, supply: CheckedSupply<Item>) => readonly [value: unknown, topic: string],
  { clock, pattern, report }: ConflationPorts,
  overtakes?: Conflation<Item>['overtakes'],
): Conflation<Item> {
  const failures = new SparseReports(clock, report)
  const excess = new SparseReports(clock, report)
  return {
    maxKeys,
    keyOf(item, supply) {
      const key = keyOf(...(partsOf(item, supply) as [never, string]))
      if (!isKey(key))
        throw new TypeError(`a key must be a string, a number, a bigint or a boolean, received ${describe(key)}`)
      return key
    },
    keyFailed(cause, messages) {
      const text = `conflateBy failed on a message of '${pattern}', which waits without a key${others(messages)}`
      failures.report(new RivuletError('RIVULET_HANDLER_FAILED', text, { cause, messages }))
    },
    exceeded(messages) {
      const text = `more than ${maxKeys} keys of '${pattern}' wait for a slow consumer; what waited longest was dropped`
      excess.report(new RivuletError('RIVULET_TOO_MANY_KEYS', text, { messages }))
    },
    ...(overtakes && { overtakes }),
  }
}

function others(messages: number): string {
  return messages > 1 ? `; it failed on ${messages - 1} more` : ''
}

function isKey(key: unknown): key is ConflationKey {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean'
}

/** The value and the topic of an event. */
export function partsOfEvent(event: SinceEvent<unknown>): readonly [value: unknown, topic: string] {
  if (event.kind === 'message') return [event.value, event.topic]
  return [undefined, event.kind === 'gap' ? event.topic : '']
}

/** The value and the topic of a message of a `KeyedBatch`. */
export function partsOfValue<Out>(value: Out, supply: CheckedSupply<Out>): readonly [value: unknown, topic: string] {
  return [value, (supply as KeyedBatch<Out>).topic]
}

/** The messages of one frame, with their topic. */
export class KeyedBatch<Out> implements CheckedSupply<Out> {
  readonly topic: string
  readonly #batch: Batch<Out>

  constructor(batch: Batch<Out>, topic: string) {
    this.#batch = batch
    this.topic = topic
  }

  get remaining(): number {
    return this.#batch.remaining
  }

  take(): Out {
    return this.#batch.take()
  }

  failed(cause: unknown): number {
    return this.#batch.failed(cause)
  }

  discard(): number {
    return this.#batch.discard()
  }

  trailing(): RivuletError | undefined {
    return this.#batch.trailing()
  }
}
