/**
 * Gathers encoded messages into batches: each is written once, behind the one before it, with its length and its check.
 *
 * It knows neither sequences nor when a batch leaves. See `src/wire/batch-writer.ts`, which does the same for frames.
 */
import { bufferFull, type Codec, spareBytes } from '../avro/codec.js'
import { crc32 } from '../checksum/index.js'
import type { RivuletError } from '../errors/index.js'
import { messageTooLarge, messageWithin, Slab } from '../wire/index.js'

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
  readonly #slab = new Slab({ head: 0, tail: 0, smallest: slabBytes, largest: slabBytes, worthwhile: worthwhileBytes })
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
    return this.#slab.bytes
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
    const { buffer, start, position } = this.#slab
    const packed = { lengths: this.#lengths, checks, bodies: buffer.subarray(start, position) }
    this.#slab.cut()
    this.#lengths = []
    this.#checks = []
    return packed
  }

  #add(value: In): number | RivuletError {
    const slab = this.#slab
    if (this.#lengths.length === 0) slab.begin()
    let end: number
    try {
      end = this.#write(value, slab.buffer, slab.view, slab.position, slab.buffer.length)
    } catch (cause) {
      if (cause !== bufferFull) return this.#codec.explain(value)
      const written = this.#writeInLarger(value)
      if (typeof written !== 'number') return written
      end = written
    }
    const size = end - slab.position
    if (size > this.maxMessageBytes) return messageTooLarge(this.maxMessageBytes, size)
    this.#lengths.push(size)
    this.#checks.push(crc32(slab.buffer, slab.position, end))
    slab.position = end
    return size
  }

  /** There was no room for the value: makes some, in steps, until it fits or is too large. */
  #writeInLarger(value: In): number | RivuletError {
    const most = this.maxMessageBytes + spareBytes
    const slab = this.#slab
    for (let room = slabBytes; ; room *= 4) {
      slab.enlarge(slab.bytes + Math.min(room, most))
      try {
        return this.#write(value, slab.buffer, slab.view, slab.position, slab.buffer.length)
      } catch (cause) {
        if (cause !== bufferFull) return this.#codec.explain(value)
        if (room >= most) return messageTooLarge(this.maxMessageBytes)
      }
    }
  }
}
