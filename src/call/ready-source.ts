/**
 * Sources of this package that give what they have when they are asked, and call back when there is more.
 *
 * An async iterable costs several promises for each message; for a stream of small batches that is more than the batches.
 */

/** What one use of a source has at the moment. */
export interface ReadyItems<T> {
  /** Takes the next; `undefined` if there is none now. Throws, once, why the source failed. */
  take(): T | undefined
  /** Whether nothing more comes; known once `take` has returned nothing. */
  readonly isEnded: boolean
  /** Nothing more is taken. */
  leave(): void
}

/** A source that is taken from in this way. */
export abstract class ReadySource<T> {
  readonly #isReadySource = true

  /** Whether a value is such a source; asks nothing of a value that is not. */
  static is(value: unknown): value is ReadySource<unknown> {
    return typeof value === 'object' && value !== null && #isReadySource in value && value.#isReadySource
  }

  /**
   * Begins to be used.
   *
   * @param ready - Called when there may be something to take, or when nothing more comes; may be called at any time.
   */
  abstract open(ready: () => void): ReadyItems<T>
}
