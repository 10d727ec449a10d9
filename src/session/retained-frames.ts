/**
 * Frames that were sent and not acknowledged: what is sent again after a cut.
 *
 * The window bounds them: it counts the bytes of their items, since headers differ from one transmission to the next, and
 * the same for each frame beside, so that it bounds their number, too.
 */
import type { CutItems } from '../wire/index.js'

/** What a frame takes of the window beside its items, in bytes. */
export const frameCostBytes = 64

/** The frames of one side, in order. */
export class RetainedFrames {
  #frames: CutItems[] = []
  /** The first of them that is not acknowledged, and its number. */
  #head = 0
  #firstSequence = 1
  #bytes = 0

  /** How many there are. */
  get count(): number {
    return this.#frames.length - this.#head
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
    const next = this.#head + acknowledged
    for (let at = this.#head; at < next; at++) {
      this.#bytes -= costOf(this.#frames[at] as CutItems)
    }
    this.#firstSequence += acknowledged
    this.#head = next
    if (next === this.#frames.length) {
      this.#frames = []
      this.#head = 0
    } else if (next > 64 && next > this.#frames.length >> 1) {
      this.#frames = this.#frames.slice(next)
      this.#head = 0
    }
    return true
  }

  /** Calls back for each, with its number. */
  forEach(callback: (items: CutItems, sequence: number) => void): void {
    for (let at = this.#head; at < this.#frames.length; at++) {
      callback(this.#frames[at] as CutItems, this.#firstSequence + at - this.#head)
    }
  }

  /** Forgets all. */
  clear(): void {
    this.#firstSequence += this.count
    this.#frames = []
    this.#head = this.#bytes = 0
  }
}

function costOf({ start, end }: CutItems): number {
  return end - start + frameCostBytes
}
