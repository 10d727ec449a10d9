/**
 * Frames that begin with their length: each message is the bytes that follow it.
 *
 * A declared length is checked before a byte of its frame is kept.
 */
import { RivuletError } from '../../../src/errors/index.js'
import { defaults, integer, oneOf, resolveOptions } from '../../../src/options/index.js'
import { frameTooLarge, invalidMessage, messageTooLarge, truncated } from './frame-errors.js'
import { noSupplies, suppliesOf } from './frame-supply.js'
import type { FrameReader, FrameWriter, Framing, WrittenFrames } from './framing.js'
import { IncompleteFrame } from './incomplete-frame.js'
import { asBuffer } from './message-bytes.js'
import { WrittenBytes } from './written-bytes.js'

/** Options of {@link lengthPrefixed}; the defaults are those of most protocols: four bytes, big endian, then the message. */
export interface LengthPrefixedOptions {
  /**
   * Bytes of the length field, 1 to 8.
   * @defaultValue `4`
   */
  readonly width?: number
  /**
   * Which byte of the field comes first: the most significant one, or the least.
   * @defaultValue `'big'`
   */
  readonly endianness?: 'big' | 'little'
  /**
   * Bytes of each frame before its length field, 0 to 1024; a message begins with them.
   * @defaultValue `0`
   */
  readonly offset?: number
  /**
   * What is added to the field to get the bytes that follow it, -1024 to 1024.
   *
   * Where the field counts the whole frame, it is minus the bytes up to its end: -4 for four bytes that count
   * themselves.
   *
   * @defaultValue `0`
   */
  readonly adjustment?: number
  /**
   * The largest message, in bytes, 1 to 256 MiB, of both directions.
   * @defaultValue `1_048_576` (1 MiB), or what the field can hold if that is less
   */
  readonly maxFrameBytes?: number
}

const mebibyte = 1024 * 1024
const mostFrameBytes = 256 * mebibyte
const mostHeaderBytes = 1024
/** The mark of a limit that was left out. */
const unset = 0

const rules = {
  width: integer({ min: 1, max: 8, fallback: defaults.prefixBytes }),
  endianness: oneOf(['big', 'little'], defaults.endianness),
  offset: integer({ min: 0, max: mostHeaderBytes, fallback: defaults.prefixOffsetBytes }),
  adjustment: integer({ min: -mostHeaderBytes, max: mostHeaderBytes, fallback: defaults.prefixAdjustmentBytes }),
  maxFrameBytes: integer({ min: 1, max: mostFrameBytes, fallback: unset }),
}

/** What a reader and a writer know of their frames. */
interface Layout {
  readonly width: number
  readonly isLittle: boolean
  readonly offset: number
  readonly adjustment: number
  /** The bytes up to the end of the length field. */
  readonly headBytes: number
  readonly maxFrameBytes: number
}

/**
 * Cuts a byte stream into frames that begin with their length.
 *
 * A message is its frame without the length field: the `offset` bytes before it, and what follows it. A message may share its memory
 * with others of the same read; one of 8 KiB or more that is sent is not copied: do not change it afterwards. A length beyond
 * `maxFrameBytes` is RIVULET_FRAME_TOO_LARGE at the receiver and RIVULET_MESSAGE_TOO_LARGE at the sender.
 *
 * @param options - Where the length field is, what it counts, and the largest message.
 * @throws RIVULET_INVALID_OPTION, also if the field cannot hold the length of the largest message.
 * @example
 * ```ts compile-only
 * import { connectStream, lengthPrefixed } from 'rivulet/socket'
 *
 * const framing = lengthPrefixed({ width: 2, endianness: 'little', maxFrameBytes: 4096 })
 * await using connection = await connectStream({ framing, connect: 'tcp://127.0.0.1:7000' })
 * await connection.send(Buffer.from('hello'))
 * ```
 */
export function lengthPrefixed(options: LengthPrefixedOptions = {}): Framing<Uint8Array, Buffer> {
  const { width, endianness, offset, adjustment, maxFrameBytes } = resolveOptions('lengthPrefixed', options, rules)
  // the field of the largest message holds its bytes behind the field, less the adjustment
  const most = Math.min(mostFrameBytes, 256 ** width - 1 + adjustment + offset)
  const least = offset + Math.max(0, adjustment)
  if (maxFrameBytes > most || most < 1) {
    const text = `lengthPrefixed: a field of ${width} bytes holds messages of at most ${most}; give a larger width, or a smaller maxFrameBytes than ${maxFrameBytes}`
    throw new RivuletError('RIVULET_INVALID_OPTION', text)
  }
  const limit = maxFrameBytes === unset ? Math.max(1, Math.min(most, defaults.maxFrameBytes)) : maxFrameBytes
  if (limit < least) {
    const text = `lengthPrefixed: maxFrameBytes must be at least offset and adjustment together, ${least}, received ${limit}`
    throw new RivuletError('RIVULET_INVALID_OPTION', text)
  }
  const isLittle = endianness === 'little'
  const layout = { width, isLittle, offset, adjustment, headBytes: offset + width, maxFrameBytes: limit }
  return Object.freeze({
    name: 'lengthPrefixed',
    open: () => ({ reader: new PrefixedReader(layout), writer: new PrefixedWriter(layout) }),
  })
}

class PrefixedReader implements FrameReader<Buffer> {
  readonly #layout: Layout
  readonly #frame = new IncompleteFrame()
  readonly #decode: (bytes: Buffer, start: number, end: number) => Buffer
  /** Bytes of the whole incomplete frame; unknown until its length field has arrived. */
  #frameBytes: number | undefined
  failure: RivuletError | undefined

  constructor(layout: Layout) {
    const { offset, headBytes } = layout
    this.#layout = layout
    this.#decode =
      offset === 0
        ? (bytes, start, end) => bytes.subarray(start + headBytes, end)
        : (bytes, start, end) =>
            Buffer.concat([bytes.subarray(start, start + offset), bytes.subarray(start + headBytes, end)])
  }

  get buffered(): number {
    return this.#frame.capacity
  }

  receive(chunk: Buffer) {
    if (this.failure) return noSupplies
    let at = 0
    let first: Buffer | undefined
    if (this.#frame.length > 0) {
      at = this.#complete(chunk)
      if (this.failure || this.#frame.length !== this.#frameBytes) return noSupplies
      first = this.#frame.take()
    }
    const { headBytes } = this.#layout
    const places: number[] = []
    while (chunk.length - at >= headBytes) {
      const bytes = this.#declared(chunk, at)
      if (bytes === undefined) return suppliesOf(first, chunk, places, this.#decode)
      if (chunk.length - at < bytes) break
      places.push(at, at + bytes)
      at += bytes
    }
    this.#frameBytes = undefined
    if (at < chunk.length) this.#complete(chunk.subarray(at))
    return suppliesOf(first, chunk, places, this.#decode)
  }

  end(): RivuletError | undefined {
    return truncated('lengthPrefixed', this.#frame.length)
  }

  /** Adds to the incomplete frame what belongs to it; returns how many bytes that are. */
  #complete(chunk: Buffer): number {
    const frame = this.#frame
    const { headBytes } = this.#layout
    let at = 0
    if (frame.length < headBytes) {
      at = Math.min(headBytes - frame.length, chunk.length)
      frame.append(chunk.subarray(0, at))
      if (frame.length < headBytes) return at
      this.#frameBytes = this.#declared(frame.bytes, 0)
    }
    const bytes = this.#frameBytes
    if (bytes === undefined) {
      frame.clear()
      return at
    }
    const end = Math.min(chunk.length, at + bytes - frame.length)
    if (end > at) frame.append(chunk.subarray(at, end), bytes)
    return end
  }

  /** The bytes of a whole frame by its length field; `undefined` if that is beyond the limits, which is a failure. */
  #declared(bytes: Buffer, start: number): number | undefined {
    const { width, isLittle, offset, adjustment, headBytes, maxFrameBytes } = this.#layout
    const from = start + offset
    let value = 0
    // a number beyond 2^53 is not exact, and far beyond any limit
    if (isLittle) for (let at = width - 1; at >= 0; at--) value = value * 256 + (bytes[from + at] as number)
    else for (let at = 0; at < width; at++) value = value * 256 + (bytes[from + at] as number)
    const following = value + adjustment
    if (following < 0) {
      const text = `lengthPrefixed: a length of ${value} with an adjustment of ${adjustment}`
      this.failure = new RivuletError('RIVULET_BAD_FRAME', text)
      return undefined
    }
    if (offset + following > maxFrameBytes) {
      this.failure = frameTooLarge('lengthPrefixed', offset + following, maxFrameBytes)
      return undefined
    }
    return headBytes + following
  }
}

class PrefixedWriter implements FrameWriter<Uint8Array> {
  readonly #layout: Layout
  readonly #written = new WrittenBytes()

  constructor(layout: Layout) {
    this.#layout = layout
  }

  get bytes(): number {
    return this.#written.bytes
  }

  write(message: Uint8Array): void {
    const bytes = asBuffer('lengthPrefixed', message)
    const { width, isLittle, offset, adjustment, maxFrameBytes } = this.#layout
    if (bytes.length > maxFrameBytes) throw messageTooLarge('lengthPrefixed', bytes.length, maxFrameBytes)
    const value = bytes.length - offset - adjustment
    if (bytes.length < offset || value < 0) {
      const least = offset + Math.max(0, adjustment)
      throw invalidMessage('lengthPrefixed', `a message of ${bytes.length} bytes; it has at least ${least}`)
    }
    const written = this.#written
    if (offset > 0) written.append(bytes.subarray(0, offset))
    const buffer = written.room(width)
    const from = written.position
    let rest = value
    for (let at = 0; at < width; at++) {
      buffer[from + (isLittle ? at : width - 1 - at)] = rest % 256
      rest = Math.floor(rest / 256)
    }
    written.wrote(width)
    written.append(offset > 0 ? bytes.subarray(offset) : bytes)
    written.endMessage()
  }

  take(): readonly WrittenFrames[] {
    return this.#written.take()
  }
}
