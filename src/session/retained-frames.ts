/**
 * Frames that were sent and not acknowledged: what is sent again after a cut.
 *
 * The window bounds them: it counts the bytes of their items, since headers differ from one transmission to the next, and
 * the same for each frame beside, so that it bounds their number, too.
 */
import { Fifo } from '../lifecycle/index.js'
import type { CutItems } from '../wire/index.js'

/** What a frame takes of the window beside its items, in bytes. */
export const frameCostBytes = 64

/** The frames of one side, in order. */
export class RetainedFrames {
  readonly #frames = new Fifo<CutItems>()
  /** The number of the first of them. */
  #firstSequence = 1
  #bytes = 0

  /** How many there are. */
  get count(): number {
    return this.#frames.length
  }

  /** What they take of the window. */
  get bytes(): number {
    return this.#bytes
  }

  /** The number of the last one that was retained; 0 before the first. */
  get lastSequence(): number {
    return this.#firstSequence + this.count - 1
  }

  /** The number of the last one that was acknowledged. */
  get acknowledged(): number {
    return this.#firstSequence - 1
  }

  /** Adds the next frame. */
  push(items: CutItems): void {
    this.#frames.push(items)
    this.#bytes += costOf(items)
  }

  /** Forgets all up to a number; returns whether there were any. */
  acknowledge(sequence: number): boolean {
    const acknowledged = sequence - this.#firstSequence + 1
    if (acknowledged <= 0) return false
    for (let left = acknowledged; left > 0; left--) this.#bytes -= costOf(this.#frames.shift() as CutItems)
    this.#firstSequence += acknowledged
    return true
  }

  /** Calls back for each, with its number. */
  forEach(callback: (items: CutItems, sequence: number) => void): void {
    let sequence = this.#firstSequence
    for (const items of this.#frames) callback(items, sequence++)
  }

  /** Forgets all. */
  clear(): void {
    this.#firstSequence += this.count
    this.#frames.clear()
    this.#bytes = 0
  }
}

function costOf({ start, end }: CutItems): number {
  return end - start + frameCostBytes
}
