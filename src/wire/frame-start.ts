/**
 * What all frames of one sender begin with: the prelude but for the checksum, and constants behind it.
 *
 * The checksum of these bytes is worked out once, which counts where frames are short.
 */
import { crc32 } from '../checksum/index.js'
import { preludeBytes, sealFrame } from './prelude.js'

/** Where the checksum stands. */
const checkAt = 4

/** The start of frames that begin alike. */
export class FrameStart {
  readonly #bytes: Buffer
  /** The same, four bytes each. */
  readonly #words: Uint32Array
  readonly #checksum: number

  /** @param constants - What follows the prelude; a multiple of four bytes. */
  constructor(kind: number, constants: Buffer) {
    const prelude = Buffer.alloc(preludeBytes)
    sealFrame(prelude, kind, undefined)
    const bytes = Buffer.concat([prelude, constants])
    this.#bytes = bytes
    this.#words = Uint32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readUInt32BE(at * 4))
    this.#checksum = crc32(constants, 0, constants.length, crc32(prelude, 0, checkAt))
  }

  /** Writes it into a buffer, before a frame from `from` to `end` whose other bytes are final. */
  write(buffer: Buffer, view: DataView, from: number, end: number): void {
    const words = this.#words
    // words, since a loop over bytes costs more, and so does a call of `copy`
    for (let at = 0; at < words.length; at++) view.setUint32(from + at * 4, words[at] as number)
    view.setUint32(from + checkAt, crc32(buffer, from + this.#bytes.length, end, this.#checksum))
  }

  /** Whether a frame begins so, whatever its checksum. */
  begins(frame: Buffer): boolean {
    const bytes = this.#bytes
    if (frame.length < bytes.length) return false
    for (let at = 0; at < checkAt; at++) if (frame[at] !== bytes[at]) return false
    for (let at = preludeBytes; at < bytes.length; at++) if (frame[at] !== bytes[at]) return false
    return true
  }

  /** Whether the checksum of a frame that begins so is right. */
  matches(frame: Buffer): boolean {
    return frame.readUInt32BE(checkAt) === crc32(frame, this.#bytes.length, frame.length, this.#checksum)
  }
}
