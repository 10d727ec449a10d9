/**
 * The contract between a stream and what feeds it.
 *
 * A supply holds messages that arrived and are still bytes; a `Batch` of the wire is one.
 */
import type { ErrorDetails, RivuletError } from '../errors/index.js'

/** Messages that arrived together, taken one by one. */
export interface Supply<T> {
  /** Messages that have not been taken. */
  readonly remaining: number
  /** Takes the next; throws anything if it cannot be read: then `failed` is called. */
  take(): T
  /** Goes past what could not be read, and past what cannot be found behind it; returns how many messages are lost. */
  failed(cause: unknown): number
  /** Gives up on the rest; returns how many that were. */
  discard(): number
}

/** A supply that can tell whether there was something wrong behind its last message. */
export interface CheckedSupply<T> extends Supply<T> {
  trailing(): RivuletError | undefined
}

/** Notifications of a stream to its owner. */
export interface StreamOwner<T> {
  /** Somebody wants messages, or nobody does any more. */
  demanded(wanted: boolean): void
  /** The supply at hand is used up; the owner may give the next one within the call. */
  used(supply: Supply<T>): void
  /** A message could not be read; `messages` counts those that were lost with it, all of one supply. */
  unreadable(cause: unknown, messages: number, supply: Supply<T>): void
  /** A handler of `process` or a teardown of a subscriber failed. */
  handlerFailed(error: RivuletError): void
  /** Details of a message for the error of its handler. */
  detailsOf?(value: T): ErrorDetails
}
