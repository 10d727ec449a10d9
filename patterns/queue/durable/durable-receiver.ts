/**
 * A consumer without its sockets: its deliveries, the looks at its leases, and how long what nobody wants stays.
 *
 * The host stream that it is given carries what its prefetch says.
 */
import { Observable } from 'rxjs'
import { type Codec, codecOf } from '../../../src/avro/codec.js'
import type { Schema } from '../../../src/avro/index.js'
import type { Timer } from '../../../src/clock/index.js'
import type { ConversationStream } from '../../../src/conversation/index.js'
import {
  checksPerLease,
  type Delivery,
  DeliveryStream,
  type HeldLease,
  Prefetch,
  type ProcessDelivery,
} from '../../../src/delivery/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { defaults } from '../../../src/options/index.js'
import { Inbound, type ProcessOptions, type Reasons } from '../../../src/stream/index.js'
import type { DurableClientPorts } from './durable-client-ports.js'
import type { ConsumeAnswer, ConsumeRequest } from './wire.js'

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

/** The options of a consumer that concern its messages, resolved. */
export interface DurableReceiverOptions {
  readonly queue: string
  readonly schema: Schema<unknown, unknown>
  readonly prefetch: number
  readonly name: string | undefined
}

/** How long a consumer that closes waits at least until the host knows what goes back, in milliseconds. */
const farewellMs = 500

/** The deliveries of one consumer. */
export class DurableReceiver<Out> {
  readonly deliveries: DeliveryStream<Out>
  readonly hostStream: ConversationStream
  readonly #ports: DurableClientPorts<ConsumeRequest, ConsumeAnswer>
  readonly #inbound: Inbound<Delivery<Out>>
  readonly #prefetch: Prefetch<Out, NonNullable<ConsumeRequest['open']>>
  #leaseTimer: Timer | undefined
  /** How long a lease lasted when that was set. */
  #leaseTimerMs = 0
  #lingering: Timer | undefined

  constructor(options: DurableReceiverOptions, ports: DurableClientPorts<ConsumeRequest, ConsumeAnswer>) {
    const { queue, schema, prefetch, name } = options
    const { clock, identity, report } = ports
    this.#ports = ports
    const detailsOf = ({ position, attempt, id }: Pick<Delivery, 'position' | 'attempt' | 'id'>) => ({
      delivery: { queue, position, attempt, id, consumer: name },
    })
    this.#inbound = new Inbound<Delivery<Out>>({
      name: ports.name,
      changed: () => this.#wantedChanged(),
      unreadable: (cause, supply) => {
        const { code, message, issues } = this.#prefetch.schemas.errorOf(cause)
        return new RivuletError(code, message, { cause, issues, ...detailsOf((supply as HeldLease<Out>).lastTaken) })
      },
      report,
      detailsOf,
    })
    const consumer = name === undefined ? identity : `${name}/${identity}`
    this.#prefetch = new Prefetch({
      opening: (held, unreadable) => ({ queue, consumer, held, unreadable }),
      prefetch,
      codec: codecOf(schema) as Codec<never, Out>,
      now: () => clock.now(),
      isWanted: () => this.#inbound.wanted,
      inbound: () => this.#inbound,
      wake: () => this.hostStream.wake(),
      leasesChanged: () => this.#checkLeases(),
      report,
    })
    this.deliveries = new DeliveryStream(this.#inbound.stream)
    this.hostStream = ports.streamFor(this.#prefetch)
  }

  /** See `Consumer.process`. */
  process<R>(project: ProcessDelivery<Out, R>, options?: ProcessOptions): Observable<R> {
    if (!this.#ports.isOpen()) {
      throw new RivuletError(
        'RIVULET_CLOSED',
        `${this.#ports.name()}: process was called on a consumer that is closing or closed`,
      )
    }
    const results = this.deliveries.processValues(project, options)
    const reminder = this.#ports.clock.setTimer(() => this.#remind(), defaults.unsubscribedMs)
    return new Observable((subscriber) => {
      reminder.cancel()
      subscriber.add(results.subscribe(subscriber))
    })
  }

  #remind(): void {
    if (!this.#ports.isOpen()) return
    const message = `${this.#ports.name()}: the result of process has no subscriber, so it takes no message; subscribe to it`
    this.#ports.report(new RivuletError('RIVULET_NOT_SUBSCRIBED', message))
  }

  stats(): ConsumerStats {
    const { received, delivered, pending, dropped } = this.#inbound
    const unsettled = this.#prefetch.handedOutMessages
    return Object.freeze({ received, delivered, pending, dropped: dropped.snapshot(), unsettled })
  }

  /**
   * Gives back what was not handed out, and waits until the rest is settled, up to a time on the clock.
   *
   * Returns how many messages were handed out and are not settled, which go back as well.
   */
  async finish(deadline: number): Promise<number> {
    const { name, clock, hasHost, waitUntil } = this.#ports
    // nothing more is asked for, and what nobody was given goes back
    this.#prefetch.stop()
    this.#inbound.complete()
    // another stream, on which the host was asked for nothing: messages in transit on this one arrive before its end and go
    // back as well, and what goes back does not come again
    if (this.#prefetch.hasAsked) this.hostStream.renew()
    await waitUntil(deadline, this.#prefetch.whenIdle())
    const closed = new RivuletError('RIVULET_CLOSED', `${name()} was closed`)
    const left = this.#prefetch.giveUp(closed)
    // messages whose return the host does not learn of would wait until their lease expires: that is worth a moment in any case
    const farewell = hasHost() ? clock.now() + farewellMs : deadline
    await waitUntil(Math.max(deadline, farewell), this.#prefetch.whenSettled())
    await waitUntil(deadline, this.hostStream.end())
    this.hostStream.close()
    this.#prefetch.failAll(closed)
    this.#leaseTimer?.cancel()
    this.#lingering?.cancel()
    return left
  }

  /** Looks at the leases from time to time, as long as there are any. */
  #checkLeases(): void {
    const { leases, leaseMs } = this.#prefetch
    const isNeeded = leases > 0 && leaseMs < Number.POSITIVE_INFINITY
    // another host may have leases that are shorter
    if (!isNeeded || leaseMs !== this.#leaseTimerMs) {
      this.#leaseTimer?.cancel()
      this.#leaseTimer = undefined
      this.#prefetch.expectTick(Number.POSITIVE_INFINITY)
    }
    if (!isNeeded || this.#leaseTimer !== undefined) return
    const { clock } = this.#ports
    this.#leaseTimerMs = leaseMs
    this.#prefetch.expectTick(clock.now() + leaseMs / checksPerLease)
    this.#leaseTimer = clock.setTimer(() => {
      this.#leaseTimer = undefined
      this.#prefetch.tick()
      this.#checkLeases()
    }, leaseMs / checksPerLease)
  }

  #wantedChanged(): void {
    if (this.#inbound.wanted) {
      this.#lingering?.cancel()
      this.#lingering = undefined
    } else if (this.#lingering === undefined && this.#prefetch.hasAsked && this.#ports.isOpen()) {
      this.#lingering = this.#ports.clock.setTimer(
        () => {
          this.#lingering = undefined
          if (this.#inbound.wanted || !this.#ports.isOpen()) return
          this.#prefetch.idle()
          this.hostStream.renew()
        },
        Math.min(defaults.lingerMs, this.#prefetch.leaseMs / checksPerLease),
      )
    }
    this.#prefetch.wantedChanged()
  }
}
