/**
 * What waits for a slow consumer where the newest message of each key is enough: memory is bounded by the keys.
 *
 * A consumer that keeps up takes the supplies as they are. What it leaves is taken apart at once: a message takes the place
 * of the one of its key that waits, and so keeps its turn. So what is taken may be newer than what still waits.
 */
import { Fifo, turnBudget } from '../lifecycle/index.js'
import { type Aged, ByAge } from './by-age.js'
import { Notice } from './notice.js'
import type { CheckedSupply } from './source.js'

/** How messages are conflated. */
export interface Conflation<T> {
  /** The most that waits: messages and notices. Beyond it, what has waited longest is dropped. */
  readonly maxKeys: number
  /** Returns the key of a message. If it throws, the message replaces none and is replaced by none. */
  keyOf(item: T, supply: CheckedSupply<T>): unknown
  /** `keyOf` threw on so many messages of those that arrived together; the cause is that of the first. */
  keyFailed(cause: unknown, messages: number): void
  /** More waited than may, and so many messages were dropped; 0 if all that was dropped were notices. */
  exceeded(messages: number): void
  /** An item is taken while older ones wait, of which this one, a message or the item of a notice, is the oldest. */
  overtakes?(item: T, oldest: T): void
}

/** Notifications to the way in, which counts. */
export interface ConflatedOwner<T> {
  dropped(reason: 'conflated' | 'too-many-keys' | 'closed', messages: number): void
  unreadable(cause: unknown, messages: number, supply: CheckedSupply<T>): void
  /** A supply is used up. */
  ended(supply: CheckedSupply<T>): void
}

interface Waiting<T> extends Aged<Waiting<T>> {
  /** `noKey` if it is never replaced. */
  readonly key: unknown
  item: T
  readonly notice: Notice<T> | undefined
}

const noKey: unique symbol = Symbol('no key')

/** The supply of a conflated stream, for as long as it lives. */
export class Conflated<T> implements CheckedSupply<T> {
  readonly #conflation: Conflation<T>
  readonly #owner: ConflatedOwner<T>
  /** Supplies that were not taken apart, behind all that waits. */
  readonly #arrived = new Fifo<CheckedSupply<T>>()
  readonly #waiting = new Fifo<Waiting<T>>()
  readonly #byKey = new Map<unknown, Waiting<T>>()
  /** All that waits, by when it arrived, if that matters. */
  readonly #byAge: ByAge<Waiting<T>> | undefined
  #isAbsorbing = false
  #isDiscarded = false
  /** What went wrong since `absorb` began. */
  #failed = 0
  #failure: unknown
  #evicted = 0
  #evictedMessages = 0

  constructor(conflation: Conflation<T>, owner: ConflatedOwner<T>) {
    this.#conflation = conflation
    this.#owner = owner
    this.#byAge = conflation.overtakes && new ByAge()
  }

  get remaining(): number {
    let sum = this.#waiting.length
    if (this.#arrived.length > 0) for (const { remaining } of this.#arrived) sum += remaining
    return sum
  }

  /** Adds a supply behind what is there. */
  arrive(supply: CheckedSupply<T>): void {
    this.#arrived.push(supply)
  }

  /** Takes apart what arrived and was not taken. */
  absorb(): void {
    if (this.#isAbsorbing) return
    this.#isAbsorbing = true
    let replaced = 0
    let pieces = 0
    // each stays in place while it is taken apart, so that what is left of it counts
    for (let supply = this.#arrived.first; supply; supply = this.#arrived.first) {
      while (supply.remaining > 0) {
        pieces += 1
        if (supply instanceof Notice) {
          this.#arrived.shift()
          this.#add(noKey, supply.item, supply)
          break
        }
        let item: T
        try {
          item = supply.take()
        } catch (cause) {
          this.#owner.unreadable(cause, supply.failed(cause), supply)
          continue
        }
        const key = this.#keyOf(item, supply)
        const same = key === noKey ? undefined : this.#byKey.get(key)
        if (this.#isDiscarded) this.#owner.dropped('closed', 1)
        else if (same) {
          same.item = item
          this.#byAge?.renew(same)
          replaced += 1
        } else this.#add(key, item, undefined)
      }
      if (supply === this.#arrived.first) this.#end(supply)
    }
    this.#isAbsorbing = false
    this.#owner.dropped('conflated', replaced)
    this.#reportFailures()
    turnBudget.spend(pieces)
  }

  take(): T {
    const waiting = this.#waiting.shift()
    if (!waiting) return this.#unused().take()
    const { key, item, notice } = waiting
    if (key !== noKey) this.#byKey.delete(key)
    const oldest = this.#byAge?.first
    this.#byAge?.remove(waiting)
    if (oldest && oldest !== waiting) this.#conflation.overtakes?.(item, oldest.item)
    return notice ? notice.take() : item
  }

  failed(cause: unknown): number {
    return this.#arrived.first?.failed(cause) ?? 0
  }

  discard(): number {
    this.#isDiscarded = true
    let messages = 0
    for (const { notice } of this.#waiting) {
      if (notice) notice.discard()
      else messages += 1
    }
    for (const supply of this.#arrived) messages += supply.discard()
    this.#waiting.clear()
    this.#byKey.clear()
    this.#byAge?.clear()
    return messages
  }

  trailing(): undefined {
    while (this.#arrived.first?.remaining === 0) this.#end(this.#arrived.first)
  }

  /** The first supply that is not used up. */
  #unused(): CheckedSupply<T> {
    this.trailing()
    return this.#arrived.first as CheckedSupply<T>
  }

  #end(supply: CheckedSupply<T>): void {
    this.#arrived.shift()
    this.#owner.ended(supply)
  }

  #keyOf(item: T, supply: CheckedSupply<T>): unknown {
    try {
      return this.#conflation.keyOf(item, supply)
    } catch (cause) {
      if (this.#failed === 0) this.#failure = cause
      this.#failed += 1
      return noKey
    }
  }

  /** Lets something wait, and drops what has waited longest if that is too much. */
  #add(key: unknown, item: T, notice: Notice<T> | undefined): void {
    const added: Waiting<T> = { key, item, notice, older: undefined, newer: undefined }
    this.#waiting.push(added)
    this.#byAge?.add(added)
    if (key !== noKey) this.#byKey.set(key, added)
    if (this.#waiting.length <= this.#conflation.maxKeys) return
    const oldest = this.#waiting.shift() as Waiting<T>
    if (oldest.key !== noKey) this.#byKey.delete(oldest.key)
    this.#byAge?.remove(oldest)
    this.#evicted += 1
    if (oldest.notice) oldest.notice.discard()
    else this.#evictedMessages += 1
  }

  /** Reports what went wrong with what arrived together. */
  #reportFailures(): void {
    const { keyFailed, exceeded } = this.#conflation
    const [failure, failed, evicted, messages] = [this.#failure, this.#failed, this.#evicted, this.#evictedMessages]
    this.#failure = undefined
    this.#failed = this.#evicted = this.#evictedMessages = 0
    this.#owner.dropped('too-many-keys', messages)
    if (failed > 0) keyFailed(failure, failed)
    if (evicted > 0) exceeded(messages)
  }
}
