/**
 * The contract between a sink and what carries its messages away.
 *
 * A sink decides whether to wait, to report or to reject; an intake takes a message or says why not.
 */
import type { RivuletError } from '../errors/index.js'

/** The answer for a message that was taken and dropped at once, as the overflow policy says. */
export const shed: unique symbol = Symbol('rivulet.shed')

/** Why a message was not taken; `undefined` if it was. */
export type Refusal = RivuletError | typeof shed | undefined

/** Where a sink's messages go; `Owner` is what is notified of their outcome, where messages have one. */
export interface Intake<In, Owner = never> {
  /** Takes a message; returns why not, if it was not taken, or `shed`. It does not wait for room. */
  offer(value: In, owner?: Owner): Refusal
  /** Resolves when a message that found no room may be offered again; `undefined` where the policy is not to wait. */
  whenRoom(): Promise<void> | undefined
  /** Calls back when nothing is taken any more, or at once if that is so; returns how to take that back. */
  onClosing(callback: () => void): () => void
  /** Counts a message that was not taken. */
  refused(error: RivuletError): void
  /** Reports on `errors`. */
  report(error: RivuletError): void
}

/** Resolves when there is room, if the lack of it is why a message was refused and the policy is to wait. */
export function roomAfter(intake: Pick<Intake<never>, 'whenRoom'>, refusal: Refusal): Promise<void> | undefined {
  return refusal !== shed && refusal?.code === 'RIVULET_OUTBOX_FULL' ? intake.whenRoom() : undefined
}

/**
 * Offers again whenever there is room, until that is not what is missing; returns the last answer.
 *
 * @param room - What to wait for before the first offer.
 * @param wait - Waits for room; rejects to give up.
 */
export async function offerWhenRoom(
  intake: Pick<Intake<never>, 'whenRoom'>,
  offer: () => Refusal,
  room: Promise<void> | undefined,
  wait = (forRoom: Promise<void>): Promise<void> => forRoom,
): Promise<Refusal> {
  for (let next = room; ; ) {
    if (next !== undefined) await wait(next)
    const refusal = offer()
    next = roomAfter(intake, refusal)
    if (next === undefined) return refusal
  }
}
