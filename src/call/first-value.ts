/**
 * The first value of an observable, for a handler that returns one where a single response is wanted.
 *
 * A subscriber of its own, since an observable may send and end within its own subscribe: it must see at once that
 * nothing more is wanted.
 */
import { Subscriber } from 'rxjs'

/** The receiver of the value; one of the first two is called once. */
export interface FirstValueOwner {
  firstValue(value: unknown): void
  /** The observable failed, or ended without a value. */
  noValue(cause: unknown): void
  /** The observable failed while it was left. */
  leftBadly(cause: unknown): void
}

/** What looks like an observable, of whatever copy of RxJS. */
export interface Subscribable {
  subscribe(subscriber: Subscriber<unknown>): unknown
}

/** Takes one value and leaves. */
export class FirstValue extends Subscriber<unknown> {
  readonly #owner: FirstValueOwner

  constructor(owner: FirstValueOwner) {
    super()
    this.#owner = owner
  }

  override next(value: unknown): void {
    if (this.closed) return
    this.leave()
    this.#owner.firstValue(value)
  }

  override error(cause: unknown): void {
    if (this.closed) return
    this.leave()
    this.#owner.noValue(cause)
  }

  override complete(): void {
    if (this.closed) return
    this.leave()
    this.#owner.noValue(new TypeError('the observable completed without a value'))
  }

  /** Leaves the observable; never throws. */
  leave(): void {
    try {
      this.unsubscribe()
    } catch (cause) {
      this.#owner.leftBadly(cause)
    }
  }
}

/** Tells whether a handler returned a promise; throws what looking at it throws. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Tells whether a handler returned an observable; throws what looking at it throws. */
export function isSubscribable(value: unknown): value is Subscribable {
  return typeof (value as { subscribe?: unknown } | null | undefined)?.subscribe === 'function'
}
