/**
 * The subscriptions of one subscriber: those in use, and those whose streams somebody still holds.
 *
 * A stream is the same for the same pattern and schema for as long as anybody could tell. What is neither in use nor held
 * is no longer referenced; its counts stay in the sums. Which topics a subscription matches is `interest.ts`.
 */
import type { Schema } from '../../src/avro/index.js'
import { Tally } from '../../src/observe/index.js'
import type { Subscription } from './subscription.js'

/** Where a subscription is kept. */
interface Place {
  readonly schema: Schema<unknown, unknown>
  readonly key: string
  readonly ref: WeakRef<Subscription>
}

/** The sums of the counts of all subscriptions, present and past. */
export interface SubscriptionSums {
  readonly received: number
  readonly delivered: number
  readonly pending: number
  readonly gaps: number
  readonly missed: number
  readonly expired: number
  readonly repaired: number
  readonly dropped: Tally
}

/** The subscriptions of one subscriber. */
export class MadeSubscriptions {
  /** By schema, then by kind and pattern. */
  readonly #made = new Map<unknown, Map<string, WeakRef<Subscription>>>()
  /** Those that are wanted, or have messages for the next that wants them. */
  readonly #inUse = new Set<Subscription>()
  readonly #collected = new FinalizationRegistry<Place>((place) => this.#forget(place))
  readonly #sums = { received: 0, delivered: 0, gaps: 0, missed: 0, expired: 0, repaired: 0 }
  readonly #dropped = new Tally()

  /** The subscription of a schema, kind and pattern, if its stream may still be held. */
  find(schema: Schema<unknown, unknown>, key: string): Subscription | undefined {
    return this.#made.get(schema)?.get(key)?.deref()
  }

  add(schema: Schema<unknown, unknown>, key: string, subscription: Subscription): void {
    const ref = new WeakRef(subscription)
    const ofSchema = this.#made.get(schema)
    if (ofSchema) ofSchema.set(key, ref)
    else this.#made.set(schema, new Map([[key, ref]]))
    this.#collected.register(subscription, { schema, key, ref })
  }

  /** Keeps a subscription while it is in use, and takes its counts when it is not any more. */
  changed(subscription: Subscription): void {
    if (subscription.wanted || subscription.inbound.busy) this.#inUse.add(subscription)
    else if (this.#inUse.delete(subscription)) this.#count(subscription)
  }

  /** Those in use. */
  get inUse(): ReadonlySet<Subscription> {
    return this.#inUse
  }

  /** All whose streams may still be held. */
  *all(): Iterable<Subscription> {
    for (const ofSchema of this.#made.values()) {
      for (const ref of ofSchema.values()) {
        const subscription = ref.deref()
        if (subscription) yield subscription
      }
    }
  }

  sums(): SubscriptionSums {
    let pending = 0
    for (const subscription of this.#inUse) {
      this.#count(subscription)
      pending += subscription.inbound.pending + subscription.held
    }
    const dropped = new Tally()
    for (const [reason, count] of Object.entries(this.#dropped.snapshot())) dropped.add(reason, count)
    return { ...this.#sums, pending, dropped }
  }

  #count(subscription: Subscription): void {
    const { received, delivered, gaps, missed, expired, repaired, dropped } = subscription.takeCounts()
    this.#sums.received += received
    this.#sums.delivered += delivered
    this.#sums.gaps += gaps
    this.#sums.missed += missed
    this.#sums.expired += expired
    this.#sums.repaired += repaired
    for (const [reason, count] of Object.entries(dropped)) this.#dropped.add(reason, count)
  }

  #forget({ schema, key, ref }: Place): void {
    const ofSchema = this.#made.get(schema)
    // another one may have taken its place
    if (ofSchema?.get(key) !== ref) return
    ofSchema.delete(key)
    if (ofSchema.size === 0) this.#made.delete(schema)
  }
}
