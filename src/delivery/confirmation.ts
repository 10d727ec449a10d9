/**
 * A promise that costs nothing if nobody waits for it: what a delivery returns when it is settled or extended.
 *
 * What was said of one lease in one turn has one outcome, so it shares one confirmation. A failure that somebody has not
 * waited for is for its owner to report.
 */
import type { RivuletError } from '../errors/index.js'

const confirmed = Promise.resolve()

/** The outcome of what was said of one lease in one turn. */
export class Confirmation implements Promise<void> {
  readonly [Symbol.toStringTag] = 'Promise'
  /** How many were given it. */
  holders = 0
  #waiters = 0
  #promise: Promise<void> | undefined
  #resolve: () => void = () => {}
  #reject: (error: RivuletError) => void = () => {}
  #isConfirmed = false
  #failure: RivuletError | undefined

  // biome-ignore lint/suspicious/noThenProperty: it is a promise, made when somebody waits for it
  then<A = void, B = never>(
    // biome-ignore lint/suspicious/noConfusingVoidType: as the type of promises has it
    onConfirmed?: ((value: void) => A | PromiseLike<A>) | null,
    onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#waiters += 1
    return this.#asPromise().then(onConfirmed, onFailed)
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: as the type of promises has it
  catch<B = never>(onFailed?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<void | B> {
    return this.then(undefined, onFailed)
  }

  finally(onSettled?: (() => void) | null): Promise<void> {
    this.#waiters += 1
    return this.#asPromise().finally(onSettled)
  }

  /** It succeeded. */
  confirm(): void {
    this.#isConfirmed = true
    this.#resolve()
  }

  /** It did not; returns how many of its holders do not wait, and so have not heard of it. */
  fail(error: RivuletError): number {
    this.#failure = error
    this.#reject(error)
    return Math.max(0, this.holders - this.#waiters)
  }

  #asPromise(): Promise<void> {
    if (this.#isConfirmed) return confirmed
    this.#promise ??= new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure)
      this.#resolve = resolve
      this.#reject = reject
    })
    return this.#promise
  }
}
