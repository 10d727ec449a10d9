/**
 * A message in the hands of a consumer: what it is, and what can be said about it.
 */
import { milliseconds, resolveOptions } from '../options/index.js'
import type { PeerIdentity } from '../security/index.js'
import type { DeliveredExtras } from './protocol.js'
import { maxDelayMs } from './protocol.js'

/** How a delivery failed. */
export interface NackOptions {
  /**
   * The message is delivered again after this long, in milliseconds, 0 to ten years.
   * @defaultValue the backoff of the queue
   */
  readonly delayMs?: number
  /**
   * Why, for the history of the message: a text, or what was thrown; up to 1000 characters, and 4096 of its stack.
   * @defaultValue none
   */
  readonly reason?: unknown
}

/** The sender of a message. */
export interface MessagePeer {
  /**
   * Whose key its producer has proven to own when the host stored it; `undefined` from a host without `security`, and of a
   * producer in the process of the host.
   */
  readonly identity: PeerIdentity | undefined
}

/**
 * One delivery of a message.
 *
 * It is under a lease: as long as that lasts, nobody else has the message. Every delivery has to be settled by one of `ack`,
 * `nack` and `reject`; the first one counts, and further ones have its outcome. What is not settled is delivered again when its lease has ended.
 *
 * What these return resolves when the host has made it safe, and rejects with RIVULET_LEASE_LOST if the lease has ended, or
 * with what kept the host from it. An `ack` counts until another consumer has received the message. Nobody has to wait: what is not waited for fails on `errors` of the consumer.
 */
export interface Delivery<Out = unknown> {
  /** The message. */
  readonly value: Out
  /** Which delivery of the message this is, from 1 on. */
  readonly attempt: number
  /** Its place in the queue. */
  readonly position: number
  /** When it was stored, by the clock of the host. */
  readonly time: Date
  /** The id that its producer gave it. */
  readonly id: string | undefined
  /** The key that its producer gave it. */
  readonly key: string | undefined
  /** The sender, as the host knows it; kept with the message, also as a dead letter. */
  readonly peer: MessagePeer
  /** Whether it was settled here. */
  readonly settled: boolean
  /**
   * Aborts when the lease is lost, or was not renewed for as long as it lasts, or its consumer has closed: another consumer may
   * have the message.
   *
   * The reason is a RIVULET_LEASE_LOST, or RIVULET_CLOSED when the consumer has closed; its `cause` is RIVULET_EVENT_LOOP_BLOCKED if the event loop of this process was blocked.
   */
  readonly signal: AbortSignal
  /**
   * The message is done, and is removed.
   *
   * @error RIVULET_LEASE_LOST, RIVULET_STORE_FULL, RIVULET_STORE_FAILED, RIVULET_CLOSED; RIVULET_UNKNOWN_OUTCOME if the host
   * was away in between, or the consumer was closed: it may have been done.
   */
  ack(): Promise<void>
  /**
   * The delivery failed: the message is delivered again later, or is a dead letter if it was the last attempt.
   *
   * @param options - When it is delivered again, and why it failed.
   * @error RIVULET_LEASE_LOST, RIVULET_STORE_FULL, RIVULET_STORE_FAILED, RIVULET_CLOSED, RIVULET_UNKNOWN_OUTCOME: as
   * for `ack`.
   * @throws RIVULET_INVALID_OPTION
   */
  nack(options?: NackOptions): Promise<void>
  /**
   * The message can never be done: it goes to the dead letters at once, with the reason.
   *
   * @param reason - Why, for the history of the message: a text, or the value that was thrown; up to 1000 characters.
   * @error RIVULET_LEASE_LOST, RIVULET_STORE_FULL, RIVULET_STORE_FAILED, RIVULET_CLOSED, RIVULET_UNKNOWN_OUTCOME: as
   * for `ack`.
   */
  reject(reason?: unknown): Promise<void>
  /**
   * Restarts the lease, of all messages that were dealt out with this one; does nothing if they are all settled.
   *
   * @error RIVULET_LEASE_LOST, RIVULET_CLOSED
   */
  extend(): Promise<void>
}

/** The lease that a delivery is of. */
export interface DeliveryLease {
  positionOf(index: number): number
  timeOf(index: number): number
  senderOf(index: number): PeerIdentity | undefined
  isSettled(index: number): boolean
  signalOf(index: number): AbortSignal
  ack(index: number): Promise<void>
  fail(index: number, kind: 'nack' | 'reject', delayMs: number | undefined, reason: unknown): Promise<void>
  extend(): Promise<void>
  /** So many handlers more, or less, work on messages of it: it is extended while there are any. */
  working(handlers: number): void
}

const nackRules = {
  delayMs: milliseconds({ max: maxDelayMs, fallback: Number.NaN }),
  reason: { expects: 'anything', fallback: undefined, accepts: () => true },
}

/** The implementation of `Delivery`. */
export class LeasedDelivery<Out> implements Delivery<Out> {
  readonly value: Out
  readonly #lease: DeliveryLease
  readonly #index: number
  readonly #extras: DeliveredExtras | undefined
  /** The outcome of the first word, which is that of all others. */
  #outcome: Promise<void> | undefined

  constructor(value: Out, lease: DeliveryLease, index: number, extras: DeliveredExtras | undefined) {
    this.value = value
    this.#lease = lease
    this.#index = index
    this.#extras = extras
  }

  get attempt(): number {
    return this.#extras?.attempt ?? 1
  }

  get position(): number {
    return this.#lease.positionOf(this.#index)
  }

  get time(): Date {
    return new Date(this.#lease.timeOf(this.#index))
  }

  get id(): string | undefined {
    return this.#extras?.id ?? undefined
  }

  get key(): string | undefined {
    return this.#extras?.key ?? undefined
  }

  get peer(): MessagePeer {
    return Object.freeze({ identity: this.#lease.senderOf(this.#index) })
  }

  get settled(): boolean {
    return this.#lease.isSettled(this.#index)
  }

  get signal(): AbortSignal {
    return this.#lease.signalOf(this.#index)
  }

  ack(): Promise<void> {
    this.#outcome ??= this.#lease.ack(this.#index)
    return this.#outcome
  }

  nack(options?: NackOptions): Promise<void> {
    const { delayMs, reason } = resolveOptions('nack', options ?? {}, nackRules)
    return this.#fail('nack', Number.isNaN(delayMs) ? undefined : Math.ceil(delayMs), reason)
  }

  reject(reason?: unknown): Promise<void> {
    return this.#fail('reject', undefined, reason)
  }

  extend(): Promise<void> {
    return this.#lease.extend()
  }

  #fail(kind: 'nack' | 'reject', delayMs: number | undefined, reason: unknown): Promise<void> {
    this.#outcome ??= this.#lease.fail(this.#index, kind, delayMs, reason)
    return this.#outcome
  }

  /** The lease, for who keeps it alive while it is worked on. */
  static leaseOf(delivery: Delivery): DeliveryLease | undefined {
    return delivery instanceof LeasedDelivery ? delivery.#lease : undefined
  }
}
