/**
 * The producing side of the durable queue: a sink whose messages are kept until the host has them safe.
 */

import { type Resolved, resolveOptions } from '../../../src/options/index.js'
import type { SendResult } from '../../../src/reliable-send/index.js'
import type { Resource } from '../../../src/resource/index.js'
import type { SendAllOptions, SendAllResult, SendAllSource, SenderStats, Sink } from '../../../src/stream/index.js'
import { DurableSender } from './durable-sender.js'
import { type ProducerOptions, producerRules, type SendOptions } from './options.js'
import { QueueClientResource } from './queue-client-resource.js'
import { producerOf } from './serving.js'

/**
 * The producing side of a durable queue.
 *
 * In `stats()`, `sent` is what the host has confirmed, and `dropped` has two reasons more: `refused` by the host, and
 * `withdrawn` by `timeoutMs` or `signal`.
 */
export interface Producer<In> extends Resource<SenderStats>, Omit<Sink<In>, 'send'> {
  /** The name of the queue. */
  readonly queue: string
  /**
   * Sends a message, and tells when it is safe.
   *
   * Resolves when the message is stored as safely as the `durability` of the host says: by default, on the disk. That
   * does not mean that it was delivered. Until then it is kept here and sent again after every cut; the host stores it once.
   *
   * Backpressure: waits for room in the outbox, if the overflow policy is `block`.
   *
   * @param value - The message: a value of the schema..
   * @param options - Its id, key and times, and how long to wait.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL,
   * RIVULET_CLOSED; of the host: RIVULET_QUEUE_FULL, RIVULET_STORE_FULL, RIVULET_STORE_FAILED, RIVULET_UNKNOWN_QUEUE,
   * RIVULET_TOO_MANY_QUEUES, RIVULET_PERMISSION_DENIED; RIVULET_TIMEOUT or RIVULET_ABORTED if it was not sent when
   * `timeoutMs` or `signal` ended the wait, and RIVULET_UNKNOWN_OUTCOME if it was.
   */
  send(value: In, options?: SendOptions): Promise<SendResult>
  /**
   * Sends everything a source yields.
   *
   * Resolves when the source has ended and all of it is safe, refused or dropped; a message that is refused does not stop
   * the rest: it counts as `dropped`, and `errors` tells why.
   *
   * Backpressure: as for {@link createPush}.
   *
   * Cancellation: `signal` ends the taking and the wait; what was taken is still sent.
   *
   * @param source - An iterable, an async iterable, a promise or an observable of messages.
   * @param options - How to stop it.
   * @error RIVULET_SOURCE_FAILED, RIVULET_ABORTED, RIVULET_CLOSED
   */
  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult>
}

/**
 * Opens the producing side of a durable queue.
 *
 * Resolves when the socket is open, whether or not the host is there: what is sent meanwhile waits in the outbox.
 *
 * Lifetime: `close` waits until everything is confirmed, as long as its time allows; `undelivered` counts the rest.
 *
 * @param options - `queue`, `schema`, and `connect` or `host`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if
 * `host` is closing or closed, or `runtime` is closed
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createProducer } from 'rivulet/queue'
 *
 * const Mail = defineSchema(record('Mail', { to: 'string' }))
 *
 * await using producer = await createProducer({ connect: 'tcp://127.0.0.1:7001', queue: 'mails', schema: Mail })
 * const { duplicate } = await producer.send({ to: 'ada@example.org' }, { id: 'order-17' }) // the host has stored it
 * console.log(duplicate)
 * ```
 */
export async function createProducer<In>(options: ProducerOptions<In>): Promise<Producer<In>> {
  return new ProducerResource<In>(resolveOptions('createProducer', options, producerRules)).open()
}

class ProducerResource<In> extends QueueClientResource<SenderStats> implements Producer<In> {
  protected readonly client: DurableSender<In>

  constructor(options: Resolved<typeof producerRules>) {
    super('createProducer', options)
    this.client = new DurableSender<In>(options, this.portsOf('produce', producerOf))
  }

  next(value: In): void {
    this.client.sink.next(value)
  }

  error(cause: unknown): void {
    this.client.sink.error(cause)
  }

  complete(): void {}

  send(value: In, options?: SendOptions): Promise<SendResult> {
    return this.client.send(value, options)
  }

  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult> {
    return this.client.sendAll(source, options)
  }
}
