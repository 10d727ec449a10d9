/** How calls of a sequence end: what may become of one, and what has. */
import type { ErrorCode, RivuletError } from '../../src/errors/index.js'

/** How a call may end. */
export interface CallEnds {
  /** Codes that its promise may reject with. */
  readonly rejects?: readonly ErrorCode[]
  /** Codes that it may throw at once; then the outcome has the code as well. */
  readonly throws?: readonly ErrorCode[]
}

/** What became of a call. */
export interface Outcome<T> {
  readonly label: string
  settled: boolean
  value?: T
  error?: RivuletError
}

/** What an observable did so far. */
export interface Watched<T> extends Outcome<T> {
  readonly values: T[]
  unsubscribe(): void
}
