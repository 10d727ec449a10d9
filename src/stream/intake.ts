/**
 * The contract between a sink and what carries its messages away.
 *
 * A sink decides whether to wait, to report or to reject; an intake takes a message or says why not.
 */
import type { RivuletError } from '../errors/index.js'

/** The answer for a message that was taken and dropped at once, as the overflow policy says. */
export const shed: unique symbol = Symbol('rivulet.shed')

/** Where a sink's messages go; `Owner` is what is notified of their outcome, where messages have one. */
export interface Intake<In, Owner = never> {
  /** Takes a message; returns why not, if it was not taken, or `shed`. It does not wait for room. */
  offer(value: In, owner?: Owner): RivuletError | typeof shed | undefined
  /** Resolves when a message that found no room may be offered again; `undefined` where the policy is not to wait. */
  whenRoom(): Promise<void> | undefined
  /** Calls back when nothing is taken any more, or at once if that is so; returns how to take that back. */
  onClosing(callback: () => void): () => void
  /** Counts a message that was not taken. */
  refused(error: RivuletError): void
  /** Reports on `errors`. */
  report(error: RivuletError): void
}
