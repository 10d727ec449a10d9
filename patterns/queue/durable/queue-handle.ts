/**
 * One queue as its host's owner sees it: counts, the messages that wait, and what to do about dead letters.
 */

import { Observable } from 'rxjs'
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import { isSchema } from '../../../src/avro/index.js'
import type { Clock, Timer } from '../../../src/clock/index.js'
import type { MessagePeer } from '../../../src/delivery/index.js'
import type { PeekedMessage, QueueEngine } from '../../../src/engine/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { defaults, instance, integer, resolveOptions } from '../../../src/options/index.js'
import { QueueMeter, type QueueStats } from './queue-stats.js'
import { shownName } from './session-owner.js'

/** How messages are looked at. */
export interface PeekOptions<T> {
  /**
   * Decodes the messages; without it, `value` is `undefined`.
   * @defaultValue none
   */
  readonly schema?: Schema<unknown, T>
}

/** A message that was looked at, and stays where it is. */
export interface QueuedMessage<T = unknown> {
  /** Its place in the queue. */
  readonly position: number
  /** When it was stored, by the clock of the host. */
  readonly time: Date
  /** The message; `undefined` without a schema, or if it cannot be read with it. */
  readonly value: T | undefined
  /** Its bytes, as their producer wrote them. */
  readonly body: Uint8Array
  /** The schema that it was written with, as JSON text. */
  readonly schema: string | undefined
  /** Deliveries so far. */
  readonly attempts: number
  /** Whether it waits, is not due yet, or is with a consumer. */
  readonly state: 'ready' | 'delayed' | 'leased'
  /** The id that its producer gave it. */
  readonly id?: string
  /** The key that its producer gave it. */
  readonly key?: string
  /** When it is due, by the clock of the host, if it is delayed. */
  readonly due?: Date
  /** The deliveries that came to nothing, the last at the end. */
  readonly history: readonly FailedDelivery[]
  /** Where a dead letter comes from. */
  readonly origin?: MessageOrigin
  /** The sender: the identity that its producer had proven. */
  readonly peer: MessagePeer
}

/** A delivery that came to nothing. */
export interface FailedDelivery {
  /** Which delivery of the message it was. */
  readonly attempt: number
  /** When it failed, by the clock of the host. */
  readonly time: Date
  /** `nack`, `reject`, or that its lease was lost. */
  readonly cause: 'nack' | 'reject' | 'lease-lost'
  /**
   * The consumer: its option `name`, if it has one, with `/` behind it, and a random text of its own. Where it has proven its
   * key, the name of its identity and `/` stand before that.
   */
  readonly consumer: string
  /** Why, as the consumer said, up to 1000 characters. */
  readonly reason?: string
  /** The stack of what was thrown, up to 4096 characters. */
  readonly stack?: string
}

/** Where a dead letter comes from. */
export interface MessageOrigin {
  /** The queue that it was in. */
  readonly queue: string
  /** Its place in that queue. */
  readonly position: number
}

/** One queue of a host. */
export interface QueueHandle {
  /** The name of the queue. */
  readonly name: string
  /** The counts now. */
  stats(): QueueStats
  /**
   * The counts now, and after each change, at most ten times a second.
   *
   * Lifetime: each subscription is independent; completes when the host closes.
   */
  readonly changes: Observable<QueueStats>
  /**
   * Looks at the first messages, those that are ready, then delayed ones, then those of consumers; they stay where they are.
   *
   * @param limit - How many, 1 to 10,000. Default: 10.
   * @param options - `schema` decodes the messages.
   * @error RIVULET_INVALID_OPTION, RIVULET_CLOSED
   */
  peek<T = unknown>(limit?: number, options?: PeekOptions<T>): Promise<readonly QueuedMessage<T>[]>
  /**
   * Moves dead letters of this queue back to it, as if they were new; resolves with how many when that is safe.
   *
   * The oldest go first, as many as the queue has room for. Id, key and history stay. With `keyOrder`, each is behind the
   * messages of its key that wait already. A queue of dead letters has none itself.
   *
   * @param limit - How many, 1 or more. Default: all.
   * @error RIVULET_INVALID_OPTION, RIVULET_STORE_FULL, RIVULET_CLOSED
   */
  redrive(limit?: number): Promise<number>
  /**
   * Drops all messages that wait, not those that consumers have; resolves with how many when that is safe.
   *
   * @error RIVULET_STORE_FULL, RIVULET_CLOSED
   */
  purge(): Promise<number>
}

/** What a handle needs of its host. */
export interface HandleHost {
  readonly engine: QueueEngine
  readonly clock: Clock
  readonly isOpen: boolean
  onClosing(callback: () => void): () => void
}

const mostPeeked = 10_000
const limitRules = { limit: integer({ min: 1, max: mostPeeked, fallback: defaults.peekMessages }) }
const peekRules = { schema: instance('a schema of defineSchema', isSchema, undefined) }
const redriveRules = {
  limit: integer({ min: 1, max: Number.MAX_SAFE_INTEGER, fallback: Number.MAX_SAFE_INTEGER }),
}

/** The implementation of `QueueHandle`. */
export class LocalQueueHandle implements QueueHandle {
  readonly name: string
  readonly #host: HandleHost
  readonly #meter: QueueMeter

  constructor(name: string, host: HandleHost) {
    this.name = name
    this.#host = host
    this.#meter = new QueueMeter(host.engine, host.clock, name)
  }

  readonly changes = new Observable<QueueStats>((subscriber) => {
    const { clock, engine } = this.#host
    let timer: Timer | undefined
    let emittedAt = Number.NEGATIVE_INFINITY
    const emit = () => {
      timer = undefined
      emittedAt = clock.now()
      subscriber.next(this.#meter.read())
    }
    if (!this.#host.isOpen) {
      subscriber.complete()
      return
    }
    subscriber.add(() => timer?.cancel())
    subscriber.add(this.#host.onClosing(() => subscriber.complete()))
    subscriber.add(
      engine.onChange((queue) => {
        if (queue !== this.name || timer !== undefined || subscriber.closed) return
        timer = clock.setTimer(emit, Math.max(0, defaults.queueChangesMs - (clock.now() - emittedAt)))
      }),
    )
    emit()
  })

  stats(): QueueStats {
    return this.#meter.read()
  }

  async peek<T>(limit?: number, options: PeekOptions<T> = {}): Promise<readonly QueuedMessage<T>[]> {
    const { engine } = this.#use('peek')
    const { limit: most } = resolveOptions('peek', { limit }, limitRules)
    const { schema: reader } = resolveOptions('peek', options, peekRules)
    const codec = reader && (codecOf(reader) as Codec<never, T>)
    await new Promise<void>((resolve) => engine.settled(resolve))
    return engine.peek(this.name, most).map((message) => {
      const { schemaId, due, sender, ...rest } = message
      const schema = engine.schemaText(schemaId)
      return Object.freeze({
        ...rest,
        ...(due === undefined ? undefined : { due: new Date(due) }),
        time: new Date(message.time),
        history: message.history.map(({ time, consumer, ...failure }) => ({
          ...failure,
          time: new Date(time),
          consumer: shownName(consumer),
        })),
        peer: Object.freeze({ identity: sender && Object.freeze({ ...sender }) }),
        schema,
        value: readValue(message, codec, schema),
      })
    })
  }

  async redrive(limit?: number): Promise<number> {
    const { engine } = this.#use('redrive')
    const { limit: most } = resolveOptions('redrive', { limit }, redriveRules)
    return new Promise((resolve, reject) => {
      engine.redrive(this.name, most, (moved, error) => (error ? reject(error) : resolve(moved)))
    })
  }

  async purge(): Promise<number> {
    const { engine } = this.#use('purge')
    return new Promise((resolve, reject) => {
      engine.purge(this.name, (dropped, error) => (error ? reject(error) : resolve(dropped)))
    })
  }

  #use(what: string): HandleHost {
    if (!this.#host.isOpen) throw new RivuletError('RIVULET_CLOSED', `${what}: the host of '${this.name}' is closed`)
    return this.#host
  }
}

/** The value of a message, if it can be read. */
function readValue<T>(
  { body }: PeekedMessage,
  codec: Codec<never, T> | undefined,
  schema: string | undefined,
): T | undefined {
  if (codec === undefined || schema === undefined) return undefined
  try {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
    const cursor = { position: 0 }
    const value = codec.readerFor(schema)(bytes, view, cursor, bytes.length)
    return cursor.position === bytes.length ? value : undefined // nor would a consumer take it
  } catch {
    return undefined // the bytes are there to look at
  }
}
