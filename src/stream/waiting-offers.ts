/**
 * Messages that found no room, one behind the other: they keep their order, and room for one does not wake them all.
 */
import { type Intake, offerWhenRoom, type Refusal, shed } from './intake.js'

/** The offers of one sink that wait. */
export class WaitingOffers {
  readonly #intake: Pick<Intake<never>, 'whenRoom'>
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(intake: Pick<Intake<never>, 'whenRoom'>) {
    this.#intake = intake
  }

  /** Whether some wait: then later ones must wait, too. */
  get isWaiting(): boolean {
    return this.#waiting > 0
  }

  /** Resolves when those that wait now are done; never rejects. */
  whenDone(): Promise<unknown> {
    return this.#last
  }

  /**
   * Offers again and again until the message is taken, and resolves then; rejects with why it is not.
   *
   * @param offer - Offers it; called when those before it are done, and there is room.
   * @param room - What to wait for first, if it was offered before.
   * @param taken - What the next one waits for, too.
   */
  wait(
    offer: () => Refusal,
    room: Promise<void> | undefined,
    taken: () => Promise<unknown> | undefined,
  ): Promise<void> {
    const before = this.isWaiting ? this.#last : undefined
    this.#waiting += 1
    const offering = this.#offerLater(offer, before, room, taken)
    this.#last = offering.catch(() => {})
    return offering
  }

  async #offerLater(
    offer: () => Refusal,
    before: Promise<unknown> | undefined,
    firstRoom: Promise<void> | undefined,
    taken: () => Promise<unknown> | undefined,
  ): Promise<void> {
    try {
      await before
      const refusal = await offerWhenRoom(this.#intake, offer, firstRoom)
      if (refusal && refusal !== shed) throw refusal
      await taken()
    } finally {
      this.#waiting -= 1
    }
  }
}
