/**
 * The consuming side of the durable queue: deliveries under leases, as a stream for one, or worked on by `process`.
 */

import type { Observable } from 'rxjs'
import type { Delivery, ProcessDelivery } from '../../../src/delivery/index.js'
import { defaults, type Resolved, resolveOptions } from '../../../src/options/index.js'
import type { Resource } from '../../../src/resource/index.js'
import type { ProcessOptions, Stream } from '../../../src/stream/index.js'
import { type ConsumerStats, DurableReceiver } from './durable-receiver.js'
import { type ConsumerOptions, consumerRules } from './options.js'
import { QueueClientResource } from './queue-client-resource.js'
import { consumerOf } from './serving.js'

/** The consuming side of a durable queue. */
export interface Consumer<Out> extends Resource<ConsumerStats> {
  /** The name of the queue. */
  readonly queue: string
  /**
   * The deliveries, for one subscriber: another one fails with RIVULET_ALREADY_CONSUMED.
   *
   * Lifetime: hot; the host deals out messages while somebody subscribes or iterates. What was not handed out when the last
   * one has left goes back after a moment. Completes when the consumer is closed.
   *
   * Backpressure: as many messages as `prefetch` says are here and not settled; each that is settled makes room for one.
   */
  readonly deliveries: Stream<Delivery<Out>>
  /**
   * Works on messages with a bound, and settles them.
   *
   * A message is acknowledged when its work has completed: a promise with its value, an observable after its last. Work
   * that throws or fails is reported as `RIVULET_HANDLER_FAILED` on `errors`, and its message is delivered again later, with
   * the reason in its history. `delivery` of that error tells which message it was. The lease is extended while the work lasts; `delivery.signal` aborts when it is lost.
   *
   * Lifetime: cold; each subscription takes messages, and is the one that may. Unsubscribing gives up current work,
   * whose messages go back at once, as failed.
   *
   * @param project - Returns a value, or a promise or observable of results; it is done when that completes.
   * @param options - How many messages are worked on at the same time.
   * @throws RIVULET_INVALID_OPTION; RIVULET_CLOSED if the consumer is closing or closed.
   * @error RIVULET_NOT_SUBSCRIBED, on `errors`, if the result has no subscriber after 5 s: until then it takes no message.
   */
  process<R>(project: ProcessDelivery<Out, R>, options?: ProcessOptions): Observable<R>
}

/**
 * Opens the consuming side of a durable queue.
 *
 * Resolves when the socket is open, whether or not the host is there. Nothing is dealt out before somebody subscribes.
 *
 * Lifetime: `close` gives back what was not handed out, waits until the rest is settled and the host has confirmed that, as
 * long as its time allows; what is not settled then goes back at once, and `undelivered` counts it.
 *
 * @param options - `queue`, `schema`, and `connect` or `host`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if
 * `host` is closing or closed, or `runtime` is closed
 * @example
 * ```ts compile-only
 * import { defineSchema, record } from 'rivulet/avro'
 * import { createConsumer } from 'rivulet/queue'
 *
 * const Mail = defineSchema(record('Mail', { to: 'string' }))
 *
 * await using consumer = await createConsumer({ connect: 'tcp://127.0.0.1:7001', queue: 'mails', schema: Mail })
 * const work = consumer.process(async ({ to }) => console.log('mail to', to), { concurrency: 4 })
 * work.subscribe() // a message is acknowledged when its work is done
 * ```
 */
export async function createConsumer<Out>(options: ConsumerOptions<Out>): Promise<Consumer<Out>> {
  return new ConsumerResource<Out>(resolveOptions('createConsumer', options, consumerRules)).open()
}

class ConsumerResource<Out> extends QueueClientResource<ConsumerStats> implements Consumer<Out> {
  protected readonly client: DurableReceiver<Out>

  constructor(options: Resolved<typeof consumerRules>) {
    super('createConsumer', { ...options, outboxBytes: defaults.outboxBytes })
    this.client = new DurableReceiver<Out>(options, this.portsOf('consume', consumerOf))
  }

  get deliveries(): Stream<Delivery<Out>> {
    return this.client.deliveries
  }

  process<R>(project: ProcessDelivery<Out, R>, options?: ProcessOptions): Observable<R> {
    return this.client.process(project, options)
  }

  override closeWithHost(): Promise<unknown> {
    return this.close({ drain: false }) // which tells the host what was settled, and gives back the rest
  }
}
