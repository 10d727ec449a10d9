/** The end of a turn as a time to do work: asked for by many, done once. */
import { atEndOfTurn } from './turn.js'

/** Work that is done once at the end of a turn, however often the turn asks for it. */
export class OncePerTurn {
  readonly #atEnd: (callback: () => void) => void
  readonly #run: () => void
  #isScheduled = false

  /**
   * @param work - What is done. What asks for it meanwhile has it done again.
   * @param atEnd - Calls back at the end of the turn.
   */
  constructor(work: () => void, atEnd = atEndOfTurn) {
    this.#atEnd = atEnd
    this.#run = () => {
      this.#isScheduled = false
      work()
    }
  }

  /** Whether the work is still to be done in this turn. */
  get isScheduled(): boolean {
    return this.#isScheduled
  }

  /** Asks for the work. */
  schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#atEnd(this.#run)
  }
}
