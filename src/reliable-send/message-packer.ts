/**
 * Gathers encoded messages into batches: each is written once, behind the one before it, with its length and its check.
 *
 * It knows neither sequences nor when a batch leaves. See `src/wire/batch-writer.ts`, which does the same for frames.
 */
import { bufferFull, type Codec, spareBytes } from '../avro/codec.js'
import { crc32 } from '../checksum/index.js'
import type { RivuletError } from '../errors/index.js'
import { messageTooLarge, messageWithin } from '../wire/index.js'

/** A new buffer, in bytes; what is cut from it keeps it in memory until all of that is confirmed. */
const slabBytes = 65_536

/** A buffer with less room than this is not begun again, in bytes. */
const worthwhileBytes = 4096

/** Messages that were packed together. */
export interface Packed {
  readonly lengths: number[]
  readonly checks: Buffer
  readonly bodies: Buffer
}

/** Packs messages of one schema. */
export class MessagePacker<In> {
  readonly #codec: Codec<In, unknown>
  readonly #write: Codec<In, unknown>['write']
  /** Larger messages are refused, in bytes. */
  maxMessageBytes: number
  #slab = Buffer.alloc(0)
  #view = new DataView(this.#slab.buffer)
  #start = 0
  #position = 0
  #lengths: number[] = []
  #checks: number[] = []
  #writing = false

  constructor(codec: Codec<In, unknown>, maxMessageBytes: number) {
    this.#codec = codec
    this.#write = codec.write
    this.maxMessageBytes = maxMessageBytes
  }

  /** Messages that wait to be cut. */
  get count(): number {
    return this.#lengths.length
  }

  /** Their bytes. */
  get bytes(): number {
    return this.#position - this.#start
  }

  /** Packs a message; returns its size, or why it was refused. */
  add(value: In): number | RivuletError {
    if (this.#writing) return messageWithin()
    this.#writing = true
    try {
      return this.#add(value)
    } finally {
      this.#writing = false
    }
  }

  /** Takes what was packed. */
  cut(): Packed {
    const count = this.#lengths.length
    const checks = Buffer.allocUnsafe(4 * count)
    for (let i = 0; i < count; i++) {
      const check = this.#checks[i] as number
      checks[4 * i] = check >>> 24
      checks[4 * i + 1] = check >>> 16
      checks[4 * i + 2] = check >>> 8
      checks[4 * i + 3] = check
    }
    const packed = { lengths: this.#lengths, checks, bodies: this.#slab.subarray(this.#start, this.#position) }
    this.#lengths = []
    this.#checks = []
    this.#start = this.#position
    return packed
  }

  #add(value: In): number | RivuletError {
    if (this.#lengths.length === 0 && this.#slab.length - this.#position < worthwhileBytes) this.#newSlab(slabBytes)
    let end: number
    try {
      end = this.#write(value, this.#slab, this.#view, this.#position, this.#slab.length)
    } catch (cause) {
      if (cause !== bufferFull) return this.#codec.explain(value)
      const written = this.#writeInLarger(value)
      if (typeof written !== 'number') return written
      end = written
    }
    const size = end - this.#position
    if (size > this.maxMessageBytes) return messageTooLarge(this.maxMessageBytes, size)
    this.#lengths.push(size)
    this.#checks.push(crc32(this.#slab, this.#position, end))
    this.#position = end
    return size
  }

  /** There was no room for the value: makes some, in steps, until it fits or is too large. */
  #writeInLarger(value: In): number | RivuletError {
    const most = this.maxMessageBytes + spareBytes
    for (let room = slabBytes; ; room *= 4) {
      this.#enlarge(Math.min(room, most))
      try {
        return this.#write(value, this.#slab, this.#view, this.#position, this.#slab.length)
      } catch (cause) {
        if (cause !== bufferFull) return this.#codec.explain(value)
        if (room >= most) return messageTooLarge(this.maxMessageBytes)
      }
    }
  }

  /** Moves what was packed to the front of a new buffer with so much room behind it. */
  #enlarge(room: number): void {
    const former = this.#slab
    const start = this.#start
    const used = this.#position - start
    this.#newSlab(used + room)
    former.copy(this.#slab, 0, start, start + used)
    this.#position = used
  }

  #newSlab(bytes: number): void {
    this.#slab = Buffer.allocUnsafeSlow(bytes)
    this.#view = new DataView(this.#slab.buffer)
    this.#start = this.#position = 0
  }
}
