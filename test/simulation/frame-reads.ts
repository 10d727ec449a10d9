/**
 * What a process of a simulation reads of its sockets: in order, where the frames of a socket take one turn. Those that take
 * several are continued in later turns, and others are read meanwhile, as far as their machine lets that be.
 */
import { type Held, heldNone } from '../../src/session/held-frames.js'
import type { Random } from './random.js'

/** What takes frames, and may hold some. */
export interface FrameReader {
  readonly held: Held
  /** Takes more of the frame that is held longest. */
  takeRest(): boolean
}

/** What reads need of their process. */
export interface ReadingProcess {
  readonly random: Random
  enqueueLater(delayMs: number, event: () => void): void
  /** A frame is held. */
  holds(): void
}

/** A reader that holds nothing. */
export const nothingHeld: FrameReader = { held: heldNone, takeRest: () => true }

/** The reads of one process. */
export class FrameReads {
  readonly #process: ReadingProcess
  readonly #unread: { readonly reader: FrameReader; readonly take: () => void }[] = []
  readonly #holding = new Set<FrameReader>()

  constructor(process: ReadingProcess) {
    this.#process = process
  }

  /** Reads something of a socket, behind what is not read yet. */
  read(reader: FrameReader, take: () => void): void {
    this.#unread.push({ reader, take })
    this.#readOn()
  }

  /** The process has ended. */
  clear(): void {
    this.#unread.length = 0
    this.#holding.clear()
  }

  #readOn(): void {
    // what must wait goes to the end, and is in order there
    for (let left = this.#unread.length; left > 0; left--) {
      const next = this.#unread.shift()
      if (next === undefined) return
      if (next.reader.held.mayReceive) {
        next.take()
        this.#hold(next.reader)
      } else this.#unread.push(next)
    }
  }

  #hold(reader: FrameReader): void {
    if (reader.held.size === 0 || this.#holding.has(reader)) return
    this.#holding.add(reader)
    const { random } = this.#process
    this.#process.holds()
    // others may have the turns in between for a while
    this.#process.enqueueLater(random.chance(0.1) ? random.below(20) : 0, () => {
      if (!this.#holding.delete(reader)) return
      for (let left = reader.held.size; left > 0; left--) reader.takeRest()
      this.#hold(reader)
      this.#readOn()
    })
  }
}
