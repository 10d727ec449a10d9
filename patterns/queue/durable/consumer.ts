/**
 * The consuming side of the durable queue: deliveries under leases, as a stream for one, or worked on by `process`.
 */

import { randomBytes } from 'node:crypto'
import { Observable } from 'rxjs'
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import type { Timer } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { defaults, type Resolved, resolveOptions } from '../../../src/options/index.js'
import type { Resource } from '../../../src/socket/index.js'
import { Inbound, type ProcessOptions, type Reasons, type Stream } from '../../../src/stream/index.js'
import type { Delivery } from './delivery.js'
import { DeliveryStream, type ProcessDelivery } from './delivery-stream.js'
import type { HeldLease } from './held-lease.js'
import type { HostStream } from './host-stream.js'
import { looksPerLease } from './loop-lag.js'
import { type ConsumerOptions, consumerRules } from './options.js'
import { Prefetch } from './prefetch.js'
import { QueueClientResource } from './queue-client-resource.js'
import { consumerOf } from './serving.js'

/** What became of the messages that came to a consumer: `received = delivered + dropped + pending`. */
export interface ConsumerStats {
  /** Came from the host. */
  readonly received: number
  /** Handed to the application. */
  readonly delivered: number
  /** Waiting to be handed out. */
  readonly pending: number
  /**
   * Not handed out: `released` and `closed` went back to the queue, `incompatible-schema` and `unknown-schema` went back for
   * other consumers, `lease-lost` was taken back, and `undecodable` are dead letters, or went back for other consumers if
   * this one has no place for the value.
   */
  readonly dropped: Reasons
  /** Handed out, and not settled. */
  readonly unsettled: number
}

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
   * Lifetime: cold; each subscription takes messages, and is the one that may. Unsubscribing gives up the work under way,
   * whose messages go back at once, as failed.
   *
   * @param project - Returns a value, or a promise or observable of results; it is done when that completes.
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
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if
 * `host` is closing or closed.
 */
export async function createConsumer<Out>(options: ConsumerOptions<Out>): Promise<Consumer<Out>> {
  return ConsumerResource.create<Out>(resolveOptions('createConsumer', options, consumerRules))
}

type ResolvedConsumerOptions = Resolved<typeof consumerRules>

/** How long what was not handed out stays when nobody wants it any more, in milliseconds at the most. */
const lingerMs = 1000

/** How long the result of `process` may have no subscriber before that is reported, in milliseconds. */
const unsubscribedMs = 5000

/** How long a consumer that closes waits at least until the host knows what goes back, in milliseconds. */
const farewellMs = 500

class ConsumerResource<Out> extends QueueClientResource<ConsumerStats> implements Consumer<Out> {
  readonly queue: string
  readonly deliveries: DeliveryStream<Out>
  readonly #inbound: Inbound<Delivery<Out>>
  readonly #prefetch: Prefetch<Out>
  readonly #hostStream: HostStream
  #looking: Timer | undefined
  /** How long a lease lasted when that was set. */
  #lookingAtMs = 0
  #lingering: Timer | undefined

  static async create<Out>(options: ResolvedConsumerOptions): Promise<ConsumerResource<Out>> {
    const consumer = await new ConsumerResource<Out>(options).open()
    consumer.#hostStream.start()
    return consumer
  }

  private constructor(options: ResolvedConsumerOptions) {
    super('createConsumer', { ...options, outboxBytes: defaults.outboxBytes })
    const { queue, schema, prefetch, name } = options
    const { clock } = this.runtime
    const report = (error: RivuletError) => this.reports.report(error)
    const detailsOf = ({ position, attempt, id }: Pick<Delivery, 'position' | 'attempt' | 'id'>) => ({
      delivery: { queue, position, attempt, id, consumer: name },
    })
    this.queue = queue
    this.#inbound = new Inbound<Delivery<Out>>({
      name: () => this.name,
      changed: () => this.#wantedChanged(),
      unreadable: (cause, supply) => {
        const { code, message, issues } = this.#prefetch.schemas.errorOf(cause)
        return new RivuletError(code, message, { cause, issues, ...detailsOf((supply as HeldLease<Out>).lastTaken) })
      },
      report,
      detailsOf,
    })
    const identity = randomBytes(16).toString('hex')
    this.#prefetch = new Prefetch<Out>({
      queue,
      consumer: name === undefined ? identity : `${name}/${identity}`,
      prefetch,
      codec: codecOf(schema) as Codec<never, Out>,
      now: () => clock.now(),
      isWanted: () => this.#inbound.wanted,
      inbound: () => this.#inbound,
      wake: () => this.#hostStream.wake(),
      leasesChanged: () => this.#look(),
      report,
    })
    this.deliveries = new DeliveryStream(this.#inbound.stream)
    this.#hostStream = this.hostStreamOf('consume', consumerOf, this.#prefetch)
  }

  process<R>(project: ProcessDelivery<Out, R>, options?: ProcessOptions): Observable<R> {
    if (!this.life.isOpen) {
      throw new RivuletError(
        'RIVULET_CLOSED',
        `${this.name}: process was called on a consumer that is closing or closed`,
      )
    }
    const results = this.deliveries.processValues(project, options)
    const reminder = this.runtime.clock.setTimer(() => this.#remind(), unsubscribedMs)
    return new Observable((subscriber) => {
      reminder.cancel()
      subscriber.add(results.subscribe(subscriber))
    })
  }

  #remind(): void {
    if (!this.life.isOpen) return
    const message = `${this.name}: the result of process has no subscriber, so it takes no message; subscribe to it`
    this.reports.report(new RivuletError('RIVULET_NOT_SUBSCRIBED', message))
  }

  stats(): ConsumerStats {
    const { received, delivered, pending, dropped } = this.#inbound
    const unsettled = this.#prefetch.handedOutMessages
    return Object.freeze({ received, delivered, pending, dropped: dropped.snapshot(), unsettled })
  }

  override closeWithHost(): Promise<unknown> {
    return this.close({ drain: false }) // which tells the host what was settled, and gives back the rest
  }

  protected override async finish(deadline: number): Promise<number> {
    // nothing more is asked for, and what nobody was given goes back
    this.#prefetch.stop()
    this.#inbound.complete()
    // another stream, on which the host was asked for nothing: what is on its way on this one comes before its end and goes
    // back as well, and what goes back does not come again
    if (this.#prefetch.hasAsked) this.#hostStream.renew()
    await this.waitUntil(deadline, this.#prefetch.whenIdle())
    const closed = new RivuletError('RIVULET_CLOSED', `${this.name} was closed`)
    const left = this.#prefetch.giveUp(closed)
    // what the host does not hear of would be nobody's until its lease runs out: that is worth a moment in any case
    const farewell = this.hasHost ? this.runtime.clock.now() + farewellMs : deadline
    await this.waitUntil(Math.max(deadline, farewell), this.#prefetch.whenSettled())
    await this.waitUntil(deadline, this.#hostStream.end())
    this.#hostStream.close()
    this.#prefetch.failAll(closed)
    this.#looking?.cancel()
    this.#lingering?.cancel()
    await super.finish(deadline)
    return left
  }

  /** Looks at the leases from time to time, as long as there are any. */
  #look(): void {
    const { leases, leaseMs } = this.#prefetch
    const isNeeded = leases > 0 && leaseMs < Number.POSITIVE_INFINITY
    // another host may have leases that are shorter
    if (!isNeeded || leaseMs !== this.#lookingAtMs) {
      this.#looking?.cancel()
      this.#looking = undefined
      this.#prefetch.expectTick(Number.POSITIVE_INFINITY)
    }
    if (!isNeeded || this.#looking !== undefined) return
    const { clock } = this.runtime
    this.#lookingAtMs = leaseMs
    this.#prefetch.expectTick(clock.now() + leaseMs / looksPerLease)
    this.#looking = clock.setTimer(() => {
      this.#looking = undefined
      this.#prefetch.tick()
      this.#look()
    }, leaseMs / looksPerLease)
  }

  #wantedChanged(): void {
    if (this.#inbound.wanted) {
      this.#lingering?.cancel()
      this.#lingering = undefined
    } else if (this.#lingering === undefined && this.#prefetch.hasAsked && this.life.isOpen) {
      this.#lingering = this.runtime.clock.setTimer(
        () => {
          this.#lingering = undefined
          if (this.#inbound.wanted || !this.life.isOpen) return
          this.#prefetch.idle()
          this.#hostStream.renew()
        },
        Math.min(lingerMs, this.#prefetch.leaseMs / looksPerLease),
      )
    }
    this.#prefetch.wantedChanged()
  }
}
