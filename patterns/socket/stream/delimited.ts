/**
 * Frames that end with a delimiter: each message is the bytes before it.
 *
 * What the bytes stand for is for the application to say.
 */
import type { RivuletError } from '../../../src/errors/index.js'
import { defaults, describe, integer, invalidOption, resolveOptions } from '../../../src/options/index.js'
import { frameTooLarge, invalidMessage, messageTooLarge, truncated } from './frame-errors.js'
import { noSupplies, suppliesOf } from './frame-supply.js'
import type { FrameReader, FrameWriter, Framing, WrittenFrames } from './framing.js'
import { IncompleteFrame } from './incomplete-frame.js'
import { asBuffer } from './message-bytes.js'
import { WrittenBytes } from './written-bytes.js'

/** Options of `delimited`. */
export interface DelimitedOptions {
  /**
   * The longest frame without its delimiter, in bytes, 1 to 256 MiB, of both directions.
   * @defaultValue `1_048_576` (1 MiB)
   */
  readonly maxFrameBytes?: number
}

const mostDelimiterBytes = 256

const rules = {
  maxFrameBytes: integer({ min: 1, max: 256 * 1024 * 1024, fallback: defaults.maxFrameBytes }),
}

/**
 * Cuts a byte stream at a delimiter, such as a null byte; messages are the bytes between.
 *
 * A message that contains the delimiter is refused, since it would arrive as several. A message may share its memory with
 * others of the same read; a message of 8 KiB or more that is sent is not copied: do not change it afterwards.
 *
 * @param delimiter - The bytes that end each frame, 1 to 256 of them.
 * @param options - The longest frame.
 * @throws RIVULET_INVALID_OPTION
 * @example
 * ```ts compile-only
 * import { connectStream, delimited } from 'rivulet/socket'
 *
 * const framing = delimited(Buffer.of(0))
 * await using connection = await connectStream({ framing, connect: 'ipc:///run/app.sock' })
 * await connection.send(Buffer.from('hello'))
 * ```
 */
export function delimited(delimiter: Uint8Array, options: DelimitedOptions = {}): Framing<Uint8Array, Buffer> {
  if (!(delimiter instanceof Uint8Array) || delimiter.length < 1 || delimiter.length > mostDelimiterBytes) {
    const received = delimiter instanceof Uint8Array ? `${delimiter.length} bytes` : describe(delimiter)
    throw invalidOption('delimited', 'the delimiter', `1 to ${mostDelimiterBytes} bytes`, received)
  }
  const { maxFrameBytes } = resolveOptions('delimited', options, rules)
  const own = Buffer.from(delimiter)
  return Object.freeze({
    name: 'delimited',
    open: () => ({ reader: new DelimitedReader(own, maxFrameBytes), writer: new DelimitedWriter(own, maxFrameBytes) }),
  })
}

class DelimitedReader implements FrameReader<Buffer> {
  readonly #delimiter: Buffer
  readonly #most: number
  readonly #frame = new IncompleteFrame()
  failure: RivuletError | undefined

  constructor(delimiter: Buffer, most: number) {
    this.#delimiter = delimiter
    this.#most = most
  }

  get buffered(): number {
    return this.#frame.capacity
  }

  receive(chunk: Buffer) {
    if (this.failure) return noSupplies
    const delimiter = this.#delimiter
    let start = 0
    let first: Buffer | undefined
    if (this.#frame.length > 0) {
      const end = this.#endWithin(chunk)
      if (end === undefined) {
        this.#keep(chunk)
        return noSupplies
      }
      if (this.#frame.length + end > this.#most) {
        this.#fail(this.#frame.length + end)
        return noSupplies
      }
      if (end > 0) this.#frame.append(chunk.subarray(0, end))
      const whole = this.#frame.take()
      first = end < 0 ? whole.subarray(0, end) : whole
      start = end + delimiter.length
    }
    const places: number[] = []
    for (let end = chunk.indexOf(delimiter, start); end >= 0; end = chunk.indexOf(delimiter, start)) {
      if (end - start > this.#most) {
        this.#fail(end - start)
        return suppliesOf(first, chunk, places, decode)
      }
      places.push(start, end)
      start = end + delimiter.length
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    return suppliesOf(first, chunk, places, decode)
  }

  end(): RivuletError | undefined {
    return truncated('delimited', this.#frame.length)
  }

  /** Where the incomplete frame ends in the chunk: below 0 if its delimiter has begun before that. */
  #endWithin(chunk: Buffer): number | undefined {
    const delimiter = this.#delimiter
    const before = Math.min(delimiter.length - 1, this.#frame.length)
    if (before > 0) {
      const seam = Buffer.concat([this.#frame.bytes.subarray(-before), chunk.subarray(0, delimiter.length - 1)])
      const at = seam.indexOf(delimiter)
      if (at >= 0 && at < before) return at - before
    }
    const at = chunk.indexOf(delimiter)
    return at >= 0 ? at : undefined
  }

  #keep(piece: Buffer): void {
    const length = this.#frame.length + piece.length
    // the end of it may be the beginning of the delimiter
    if (length > this.#most + this.#delimiter.length - 1) {
      this.#fail(length)
      return
    }
    this.#frame.append(piece, this.#most + this.#delimiter.length - 1)
    if (length > this.#most && length - this.#begunDelimiter() > this.#most) this.#fail(length)
  }

  /** Bytes of the delimiter that the incomplete frame ends with. */
  #begunDelimiter(): number {
    const { bytes } = this.#frame
    for (let count = Math.min(this.#delimiter.length - 1, bytes.length); count > 0; count--) {
      if (bytes.subarray(-count).equals(this.#delimiter.subarray(0, count))) return count
    }
    return 0
  }

  #fail(bytes: number): void {
    this.failure = frameTooLarge('delimited', bytes, this.#most)
    this.#frame.clear()
  }
}

class DelimitedWriter implements FrameWriter<Uint8Array> {
  readonly #delimiter: Buffer
  readonly #most: number
  readonly #written = new WrittenBytes()

  constructor(delimiter: Buffer, most: number) {
    this.#delimiter = delimiter
    this.#most = most
  }

  get bytes(): number {
    return this.#written.bytes
  }

  write(message: Uint8Array): void {
    const bytes = asBuffer('delimited', message)
    if (bytes.length > this.#most) throw messageTooLarge('delimited', bytes.length, this.#most)
    const delimiter = this.#delimiter
    // a delimiter such as 'aa' may also begin in the message and end in its own delimiter
    const end = bytes.subarray(Math.max(0, bytes.length - delimiter.length + 1))
    if (bytes.includes(delimiter) || Buffer.concat([end, delimiter]).indexOf(delimiter) < end.length) {
      throw invalidMessage('delimited', 'a message must not contain the delimiter, nor begin it at its end')
    }
    this.#written.append(bytes)
    this.#written.append(delimiter)
    this.#written.endMessage()
  }

  take(): readonly WrittenFrames[] {
    return this.#written.take()
  }
}

function decode(bytes: Buffer, start: number, end: number): Buffer {
  return bytes.subarray(start, end)
}
