/**
 * The bytes that one turn writes to one connection: small pieces in one buffer, large ones as they are.
 *
 * Bytes that were handed out are not written to again.
 */
import { Slab } from '../../../src/memory/index.js'
import type { WrittenFrames } from './framing.js'

/** Pieces from this size on are not copied, in bytes: the system takes several buffers in one call. */
const uncopiedBytes = 8192

/** Where writers write. */
export class WrittenBytes {
  readonly #slab = new Slab({ head: 0, tail: 0, smallest: 512, largest: 65_536, worthwhile: 128 })
  #parts: Buffer[] = []
  #partBytes = 0
  #messages = 0
  /** Whether the slab has a place for what is written next; an idle connection keeps no buffer for it. */
  #isBegun = false

  /** Bytes that were written and not taken. */
  get bytes(): number {
    return this.#partBytes + this.#slab.bytes
  }

  /** Makes room for a piece of at most so many bytes, and returns the buffer to write it to, at `position`. */
  room(bytes: number): Buffer {
    const slab = this.#slab
    if (!this.#isBegun) {
      slab.begin()
      this.#isBegun = true
    }
    if (slab.position + bytes > slab.buffer.length) slab.enlarge(Math.max(2 * (slab.bytes + bytes), 512))
    return slab.buffer
  }

  /** Where the next piece is written, once there is room for it. */
  get position(): number {
    return this.#slab.position
  }

  /** So many bytes were written to the room. */
  wrote(bytes: number): void {
    this.#slab.position += bytes
  }

  /** Adds bytes; a large piece is not copied. */
  append(piece: Buffer): void {
    if (piece.length >= uncopiedBytes) {
      this.#cut()
      this.#add(piece)
      return
    }
    piece.copy(this.room(piece.length), this.position)
    this.wrote(piece.length)
  }

  /** The message is complete. */
  endMessage(): void {
    this.#messages += 1
  }

  /** Returns what was written since the last time. */
  take(): readonly WrittenFrames[] {
    this.#cut()
    if (this.#parts.length === 0) {
      if (this.#messages === 0) return nothing
      this.#parts.push(empty) // messages without bytes
    }
    const frames = { parts: this.#parts, bytes: this.#partBytes, messages: this.#messages }
    this.#parts = []
    this.#partBytes = this.#messages = 0
    return [frames]
  }

  #cut(): void {
    const slab = this.#slab
    if (slab.bytes === 0) return
    this.#add(slab.buffer.subarray(slab.start, slab.position))
    slab.cut()
    this.#isBegun = false
  }

  #add(part: Buffer): void {
    this.#parts.push(part)
    this.#partBytes += part.length
  }
}

const nothing: readonly never[] = []
const empty = Buffer.alloc(0)
