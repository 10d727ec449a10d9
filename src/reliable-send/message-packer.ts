/**
 * Gathers encoded messages into batches: each is written once, behind the one before it, with its length and maybe its check.
 *
 * It knows neither sequences nor when a batch leaves. See `src/wire/batch-writer.ts`, which does the same for frames.
 */
import { bufferFull, type Codec, spareBytes } from '../avro/codec.js'
import { crc32 } from '../checksum/index.js'
import type { RivuletError } from '../errors/index.js'
import { newList } from '../lifecycle/index.js'
import { Slab } from '../memory/index.js'
import { messageTooLarge, messageWithin } from '../wire/index.js'

/** A new buffer, in bytes; what is cut from it keeps it in memory until all of that is confirmed. */
const slabBytes = 65_536

/** A buffer with less room than this is not begun again, in bytes. */
const worthwhileBytes = 4096

const noChecks = Buffer.alloc(0)

/** Messages that were packed together. A class, see `newList`: batches that wait for their first stream live long. */
export class Packed {
  readonly lengths: number[]
  /** Four bytes for each message; empty without checks. */
  readonly checks: Buffer
  readonly bodies: Buffer

  constructor(lengths: number[], checks: Buffer, bodies: Buffer) {
    this.lengths = lengths
    this.checks = checks
    this.bodies = bodies
  }
}

/** How messages are packed. */
export interface PackerSettings {
  /** Larger messages are refused, in bytes. */
  readonly maxMessageBytes: number
  /** Whether each message has a check: for those that are stored. */
  readonly checks: boolean
  /** The first buffer, in bytes, which a busy packer outgrows. */
  readonly smallestSlabBytes?: number | undefined
}

/** Packs messages, those of one schema together. */
export class MessagePacker<In> {
  #codec: Codec<In, unknown>
  #write: Codec<In, unknown>['write']
  /** Larger messages are refused, in bytes. */
  maxMessageBytes: number
  readonly #hasChecks: boolean
  readonly #slab: Slab
  /** Made with the first message of a batch: most of very many packers are idle. */
  #lengths: number[] | undefined
  #checks: number[] | undefined
  #writing = false
  /** Whether the messages before the one that is being written were cut meanwhile. */
  #isCutWithin = false

  constructor(codec: Codec<In, unknown>, { maxMessageBytes, checks, smallestSlabBytes = slabBytes }: PackerSettings) {
    this.#codec = codec
    this.#write = codec.write
    this.maxMessageBytes = maxMessageBytes
    this.#hasChecks = checks
    const worthwhile = Math.min(worthwhileBytes, smallestSlabBytes >> 2)
    this.#slab = new Slab({ head: 0, tail: 0, smallest: smallestSlabBytes, largest: slabBytes, worthwhile })
  }

  /** How the messages are written that are packed next. */
  get codec(): Codec<In, unknown> {
    return this.#codec
  }

  /** Whether a message is being written: a getter of its value may have led here. */
  get isWriting(): boolean {
    return this.#writing
  }

  /** Packs messages of another schema from now on; those before must have been cut, and none is being written. */
  use(codec: Codec<In, unknown>): void {
    this.#codec = codec
    this.#write = codec.write
  }

  /** Messages that wait to be cut. */
  get count(): number {
    return this.#lengths?.length ?? 0
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
    const { buffer, start, position } = this.#slab
    const bodies = buffer.subarray(start, position)
    const packed = new Packed(this.#lengths ?? newList(), bytesOf(this.#checks), bodies)
    this.#slab.cut()
    this.#isCutWithin = this.#writing
    this.#lengths = undefined
    this.#checks = undefined
    return packed
  }

  #add(value: In): number | RivuletError {
    const slab = this.#slab
    if (this.count === 0) slab.begin()
    let end: number
    try {
      end = this.#tryToWrite(value)
    } catch (cause) {
      if (cause !== bufferFull) return this.#codec.explain(value)
      const written = this.#writeInLarger(value)
      if (typeof written !== 'number') return written
      end = written
    }
    const size = end - slab.position
    if (size > this.maxMessageBytes) return messageTooLarge(this.maxMessageBytes, size)
    this.#lengths ??= newList()
    this.#lengths.push(size)
    if (this.#hasChecks) {
      this.#checks ??= newList()
      this.#checks.push(crc32(slab.buffer, slab.position, end))
    }
    slab.position = end
    return size
  }

  /** Writes a value behind what is packed, which a getter of the value may have cut meanwhile. */
  #tryToWrite(value: In): number {
    const slab = this.#slab
    try {
      return this.#write(value, slab.buffer, slab.view, slab.position, slab.buffer.length)
    } finally {
      if (this.#isCutWithin) {
        this.#isCutWithin = false
        slab.resume()
      }
    }
  }

  /** There was no room for the value: makes some, in steps, until it fits or is too large. */
  #writeInLarger(value: In): number | RivuletError {
    const most = this.maxMessageBytes + spareBytes
    const slab = this.#slab
    for (let room = slabBytes; ; room *= 4) {
      slab.enlarge(slab.bytes + Math.min(room, most))
      try {
        return this.#tryToWrite(value)
      } catch (cause) {
        if (cause !== bufferFull) return this.#codec.explain(value)
        if (room >= most) return messageTooLarge(this.maxMessageBytes)
      }
    }
  }
}

/** Checks as they are sent: four bytes each. */
function bytesOf(checks: readonly number[] | undefined): Buffer {
  if (checks === undefined) return noChecks
  const bytes = Buffer.allocUnsafe(4 * checks.length)
  for (let i = 0; i < checks.length; i++) {
    const check = checks[i] as number
    bytes[4 * i] = check >>> 24
    bytes[4 * i + 1] = check >>> 16
    bytes[4 * i + 2] = check >>> 8
    bytes[4 * i + 3] = check
  }
  return bytes
}
