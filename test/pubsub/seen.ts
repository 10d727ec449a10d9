/**
 * What a stream brought, kept in order, and waiting until it has brought enough.
 */
import type { Observable } from 'rxjs'

/** The values of a stream so far. */
export class Seen<T> {
  readonly values: T[] = []
  readonly #waiting: { readonly fits: () => boolean; readonly resolve: () => void }[] = []
  readonly unsubscribe: () => void

  constructor(source: Observable<T>) {
    const subscription = source.subscribe((value) => {
      this.values.push(value)
      for (const waiter of this.#waiting.splice(0)) {
        if (waiter.fits()) waiter.resolve()
        else this.#waiting.push(waiter)
      }
    })
    this.unsubscribe = () => subscription.unsubscribe()
  }

  /** Resolves when there are so many. */
  count(count: number): Promise<void> {
    return this.when(() => this.values.length >= count)
  }

  /** Resolves when a condition holds after a value. */
  when(fits: () => boolean): Promise<void> {
    if (fits()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ fits, resolve }))
  }
}
