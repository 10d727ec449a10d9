/**
 * What a process of a simulation reads of its socket: in order, and nothing further while a frame is taken in several turns.
 */
import type { Random } from './random.js'

/** What reads need of their process. */
export interface ReadingProcess {
  readonly random: Random
  enqueueLater(delayMs: number, event: () => void): void
  /** Takes more of a frame that is held; returns whether that was all of it. */
  takeRest(): boolean
  /** A frame is held. */
  held(): void
}

/** The reads of one process. */
export class FrameReads {
  readonly #process: ReadingProcess
  readonly #unread: (() => boolean)[] = []
  #isHeld = false

  constructor(process: ReadingProcess) {
    this.#process = process
  }

  /** Reads something of the socket, behind what is not read yet; `take` returns whether it was taken as a whole. */
  read(take: () => boolean): void {
    this.#unread.push(take)
    if (!this.#isHeld) this.#readOn()
  }

  /** The process has ended. */
  clear(): void {
    this.#unread.length = 0
    this.#isHeld = false
  }

  #readOn(): void {
    this.#isHeld = false
    while (!this.#isHeld) {
      const take = this.#unread.shift()
      if (!take) return
      if (!take()) this.#hold()
    }
  }

  #hold(): void {
    this.#isHeld = true
    const { random } = this.#process
    this.#process.held()
    // others may have the turns in between for a while
    this.#process.enqueueLater(random.chance(0.1) ? random.below(20) : 0, () => {
      if (this.#process.takeRest()) this.#readOn()
      else this.#hold()
    })
  }
}
