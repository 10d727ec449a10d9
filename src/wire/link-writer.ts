/**
 * Gathers items into link frames: each is written once, straight into the buffer that leaves.
 *
 * The session decides when a frame is cut and whether it may leave.
 */
import { bufferFull } from '../avro/codec.js'
import { writeLong } from '../avro/write-primitives.js'
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
  #slab = Buffer.alloc(0)
  #view = new DataView(this.#slab.buffer)
  /** The first byte of the buffer that belongs to no frame yet. */
  #free = 0
  #start = 0
  #position = 0
  #count = 0
  #slabBytes = smallSlabBytes

  /**
   * @param frameBytes - What the items of one frame may take; an item must fit.
   */
  constructor(frameBytes: number) {
    this.#frameBytes = frameBytes
  }

  /** Items that were written and not cut. */
  get count(): number {
    return this.#count
  }

  /** Bytes that they take. */
  get bytes(): number {
    return this.#position - this.#start
  }

  /**
   * Writes an item; returns the size of its body.
   *
   * Throws `bufferFull` if there is no room beside the others; if there are no others, an item is too large for a frame.
   * Throws what `writeBody` throws. Nothing was written then.
   */
  write(stream: number, kind: number, flags: number, body: BodyWriter): number {
    if (this.#count === 0) this.#begin()
    for (;;) {
      const limit = Math.min(this.#slab.length - 1, this.#start + this.#frameBytes)
      try {
        return this.#write(stream, kind, flags, body, limit)
      } catch (cause) {
        if (cause !== bufferFull || limit === this.#start + this.#frameBytes) throw cause
        this.#enlarge()
      }
    }
  }

  #write(stream: number, kind: number, flags: number, body: BodyWriter, limit: number): number {
    const slab = this.#slab
    const start = this.#position
    if (start + itemHeaderBytes > limit) throw bufferFull
    let p = writeLong(slab, start, stream)
    p = writeLong(slab, p, kind)
    p = writeLong(slab, p, flags)
    // as if the length took one byte
    const end = body.writeBody(slab, this.#view, p + 1, limit - 4)
    const size = end - p - 1
    if (size < 64) slab[p] = size << 1
    else this.#widen(p, size)
    this.#position = end + (size < 64 ? 0 : lengthBytes(size) - 1)
    this.#count += 1
    return size
  }

  /** Moves a body, so that its length has the bytes that it takes. */
  #widen(at: number, size: number): void {
    const slab = this.#slab
    slab.copyWithin(at + lengthBytes(size), at + 1, at + 1 + size)
    writeLong(slab, at, size)
  }

  /** Ends the frame; there must be items. */
  cut(): CutItems {
    const items = { slab: this.#slab, start: this.#start, end: this.#position, count: this.#count }
    // what is cut belongs to the transport; the next frame goes behind it
    this.#free = this.#position + 1
    this.#slabBytes = Math.min(
      linkHeaderRoom + this.#frameBytes + 1,
      Math.max(smallSlabBytes, 2 * this.bytes, this.#slabBytes >> 1),
    )
    this.#count = 0
    this.#start = this.#position
    return items
  }

  #begin(): void {
    if (this.#slab.length - this.#free < worthwhileBytes) this.#newSlab(this.#slabBytes)
    this.#start = this.#free + linkHeaderRoom
    this.#position = this.#start
  }

  #newSlab(bytes: number): void {
    this.#slab = Buffer.allocUnsafeSlow(bytes)
    this.#view = new DataView(this.#slab.buffer)
    this.#free = 0
  }

  /** Moves what was gathered to the front of a larger buffer. */
  #enlarge(): void {
    const former = this.#slab
    const start = this.#start
    const used = this.#position - start
    const whole = linkHeaderRoom + this.#frameBytes + 1
    this.#newSlab(Math.min(whole, Math.max(former.length, smallSlabBytes) * 4))
    former.copy(this.#slab, linkHeaderRoom, start, start + used)
    this.#start = linkHeaderRoom
    this.#position = linkHeaderRoom + used
  }
}

/** What the zigzag varint of a length takes, in bytes. */
function lengthBytes(size: number): number {
  if (size < 64) return 1
  if (size < 8192) return 2
  return size < 1_048_576 ? 3 : 4
}
