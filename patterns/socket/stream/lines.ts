/**
 * Lines of text: each message is one, without its end.
 *
 * A line ends with LF; a CR before that belongs to the end. It knows no other separators.
 */
import { isUtf8 } from 'node:buffer'
import { RivuletError } from '../../../src/errors/index.js'
import { defaults, integer, oneOf, resolveOptions } from '../../../src/options/index.js'
import { frameTooLarge, invalidMessage, messageTooLarge, truncated } from './frame-errors.js'
import { noSupplies, suppliesOf } from './frame-supply.js'
import type { FrameReader, FrameWriter, Framing, WrittenFrames } from './framing.js'
import { IncompleteFrame } from './incomplete-frame.js'
import { WrittenBytes } from './written-bytes.js'

/** Options of `lines`. */
export interface LinesOptions {
  /**
   * The longest line without its end, in bytes, 1 to 256 MiB, of both directions.
   * @defaultValue `65_536` (64 KiB)
   */
  readonly maxLineBytes?: number
  /**
   * How text becomes bytes; both sides use the same.
   * @defaultValue `'utf8'`
   */
  readonly encoding?: 'utf8' | 'latin1'
}

const mebibyte = 1024 * 1024
const lineFeed = 10
const carriageReturn = 13
/** The most bytes of one character of a text in UTF-16, in UTF-8. */
const mostBytesPerCharacter = 3
/** What decoders put in the place of what is no text. */
const replacement = '\ufffd'

const rules = {
  maxLineBytes: integer({ min: 1, max: 256 * mebibyte, fallback: defaults.maxLineBytes }),
  encoding: oneOf(['utf8', 'latin1'], defaults.lineEncoding),
}

/**
 * Cuts a byte stream into lines of text.
 *
 * A line ends with LF, or CR and LF; this side writes LF. A message that contains LF, or ends with CR, is refused, since it would
 * arrive as another one. A line that is no valid UTF-8 is dropped and reported as RIVULET_DECODE_FAILED.
 *
 * @param options - The longest line, and how text becomes bytes.
 * @throws RIVULET_INVALID_OPTION
 * @example
 * ```ts compile-only
 * import { connectStream, lines } from 'rivulet/socket'
 *
 * await using connection = await connectStream({ framing: lines(), connect: 'tcp://127.0.0.1:7000' })
 * connection.messages.subscribe((line) => console.log(line))
 * await connection.send('hello')
 * ```
 */
export function lines(options: LinesOptions = {}): Framing<string> {
  const { maxLineBytes, encoding } = resolveOptions('lines', options, rules)
  return Object.freeze({
    name: 'lines',
    open: () => ({ reader: new LineReader(maxLineBytes, encoding), writer: new LineWriter(maxLineBytes, encoding) }),
  })
}

class LineReader implements FrameReader<string> {
  readonly #most: number
  readonly #decode: (bytes: Buffer, start: number, end: number) => string
  readonly #line = new IncompleteFrame()
  failure: RivuletError | undefined

  constructor(most: number, encoding: 'utf8' | 'latin1') {
    this.#most = most
    this.#decode = encoding === 'latin1' ? decodeLatin1 : decodeUtf8
  }

  get buffered(): number {
    return this.#line.capacity
  }

  receive(chunk: Buffer) {
    if (this.failure) return noSupplies
    let start = 0
    let end = chunk.indexOf(lineFeed)
    let first: Buffer | undefined
    if (this.#line.length > 0 && end >= 0) {
      if (!this.#keep(chunk.subarray(0, end))) return noSupplies
      first = withoutReturn(this.#line.take())
      start = end + 1
      end = chunk.indexOf(lineFeed, start)
    }
    const places: number[] = []
    for (; end >= 0; end = chunk.indexOf(lineFeed, start)) {
      const last = end > start && chunk[end - 1] === carriageReturn ? end - 1 : end
      if (last - start > this.#most) {
        this.failure = frameTooLarge('lines', last - start, this.#most)
        return suppliesOf(first, chunk, places, this.#decode)
      }
      places.push(start, last)
      start = end + 1
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    return suppliesOf(first, chunk, places, this.#decode)
  }

  end(): RivuletError | undefined {
    return truncated('lines', this.#line.length)
  }

  /** Keeps a piece of a line, if that stays within its limit. */
  #keep(piece: Buffer): boolean {
    const last = piece.length > 0 ? piece[piece.length - 1] : this.#line.bytes[this.#line.length - 1]
    const length = this.#line.length + piece.length
    // a CR may belong to the end of the line
    if (length - (last === carriageReturn ? 1 : 0) > this.#most) {
      this.failure = frameTooLarge('lines', length, this.#most)
      this.#line.clear()
      return false
    }
    if (piece.length > 0) this.#line.append(piece, this.#most + 1)
    return true
  }
}

class LineWriter implements FrameWriter<string> {
  readonly #most: number
  readonly #encoding: 'utf8' | 'latin1'
  readonly #written = new WrittenBytes()

  constructor(most: number, encoding: 'utf8' | 'latin1') {
    this.#most = most
    this.#encoding = encoding
  }

  get bytes(): number {
    return this.#written.bytes
  }

  write(line: string): void {
    const problem = problemOf(line, this.#encoding)
    if (problem !== undefined) throw invalidMessage('lines', problem)
    const isLatin1 = this.#encoding === 'latin1'
    let room = isLatin1 ? line.length : line.length * mostBytesPerCharacter
    if (room > this.#most) {
      room = Buffer.byteLength(line, this.#encoding)
      if (room > this.#most) throw messageTooLarge('lines', room, this.#most)
    }
    const written = this.#written
    const buffer = written.room(room + 1)
    const bytes = buffer.write(line, written.position, this.#encoding)
    buffer[written.position + bytes] = lineFeed
    written.wrote(bytes + 1)
    written.endMessage()
  }

  take(): readonly WrittenFrames[] {
    return this.#written.take()
  }
}

/** Why a text cannot be a line; a text with other characters would arrive changed. */
function problemOf(line: string, encoding: 'utf8' | 'latin1'): string | undefined {
  if (typeof line !== 'string') return `a line must be a string, received ${typeof line}`
  if (line.includes('\n')) return 'a line must not contain LF'
  if (line.endsWith('\r')) return 'a line must not end with CR, which belongs to the end of a line'
  if (encoding === 'utf8')
    return loneSurrogate.test(line) ? 'a line must be valid UTF-16: it has half a character' : undefined
  return beyondLatin1.test(line) ? 'a line has a character that is not in latin1' : undefined
}

const loneSurrogate = /\p{Surrogate}/u
const beyondLatin1 = /[^\0-\xff]/

function decodeLatin1(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end)
}

function decodeUtf8(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  // the character may also have been sent
  if (text.includes(replacement) && !isUtf8(bytes.subarray(start, end))) {
    throw new RivuletError('RIVULET_DECODE_FAILED', 'lines: a line is no valid UTF-8')
  }
  return text
}

function withoutReturn(line: Buffer): Buffer {
  return line[line.length - 1] === carriageReturn ? line.subarray(0, -1) : line
}
