/**
 * Gathers items into link frames: each is written once, straight into the buffer that leaves.
 *
 * The session decides when a frame is cut and whether it may leave.
 */
import { bufferFull } from '../avro/codec.js'
import { writeLong } from '../avro/write-primitives.js'
import { Slab } from '../memory/index.js'
import { type CutItems, itemHeaderBytes, linkHeaderRoom } from './link-frame.js'

/** The smallest buffer for frames, in bytes: a score of lone items, since a new buffer costs more than such a frame. */
const smallSlabBytes = 4096

/** A buffer with less room than this is not begun again, in bytes. */
const worthwhileBytes = linkHeaderRoom + itemHeaderBytes + 256

/** Writes a body from `position` on and returns the position after it; throws `bufferFull` where it needs more room. */
export interface BodyWriter {
  writeBody(bytes: Buffer, view: DataView, position: number, end: number): number
}

/** Gathers items. */
export class LinkWriter {
  readonly #frameBytes: number
  readonly #slab: Slab
  #count = 0
  /** What the length of the item before took, in bytes. */
  #lengthBytes = 1

  /**
   * @param frameBytes - What the items of one frame may take; an item must fit.
   */
  constructor(frameBytes: number) {
    const largest = linkHeaderRoom + frameBytes + 1
    this.#frameBytes = frameBytes
    this.#slab = new Slab({
      head: linkHeaderRoom,
      tail: 1,
      smallest: smallSlabBytes,
      largest,
      worthwhile: worthwhileBytes,
    })
  }

  /** Items that were written and not cut. */
  get count(): number {
    return this.#count
  }

  /** Bytes that they take. */
  get bytes(): number {
    return this.#slab.bytes
  }

  /**
   * Writes an item; returns the size of its body.
   *
   * Throws `bufferFull` if there is no room beside the others; if there are no others, an item is too large for a frame.
   * Throws what `writeBody` throws. Nothing was written then.
   */
  write(stream: number, kind: number, flags: number, body: BodyWriter): number {
    const slab = this.#slab
    if (this.#count === 0) slab.begin()
    for (;;) {
      const limit = Math.min(slab.buffer.length - 1, slab.start + this.#frameBytes)
      try {
        return this.#write(stream, kind, flags, body, limit)
      } catch (cause) {
        if (cause !== bufferFull || limit === slab.start + this.#frameBytes) throw cause
        const whole = linkHeaderRoom + this.#frameBytes + 1
        slab.enlarge(Math.min(whole, Math.max(slab.buffer.length, smallSlabBytes) * 4))
      }
    }
  }

  #write(stream: number, kind: number, flags: number, body: BodyWriter, limit: number): number {
    const { buffer, view, position } = this.#slab
    if (position + itemHeaderBytes > limit) throw bufferFull
    let p = writeLong(buffer, position, stream)
    p = writeLong(buffer, p, kind)
    p = writeLong(buffer, p, flags)
    // as if the length took as many bytes as that of the item before: else the body is moved, which costs more than a short one
    const guessed = this.#lengthBytes
    const end = body.writeBody(buffer, view, p + guessed, limit - 4)
    const size = end - p - guessed
    const needed = lengthBytes(size)
    if (needed !== guessed) {
      buffer.copyWithin(p + needed, p + guessed, end)
      this.#lengthBytes = needed
    }
    if (needed === 1) buffer[p] = size << 1
    else writeLong(buffer, p, size)
    this.#slab.position = p + needed + size
    this.#count += 1
    return size
  }

  /** Ends the frame; there must be items. */
  cut(): CutItems {
    const { buffer, start, position } = this.#slab
    const items = { slab: buffer, start, end: position, count: this.#count }
    this.#slab.cut() // it belongs to the transport
    this.#count = 0
    return items
  }
}

/** What the zigzag varint of a length takes, in bytes. */
function lengthBytes(size: number): number {
  if (size < 64) return 1
  if (size < 8192) return 2
  return size < 1_048_576 ? 3 : 4
}
