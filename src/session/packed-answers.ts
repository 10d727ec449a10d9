/**
 * Answers that wait: short items, each the only one of a stream that the peer opened.
 *
 * Nobody asks for such a stream again, so an answer needs no state: it takes its bytes, and one that equals the answer before it
 * takes six or so. An untrusted peer can make a side owe it very many.
 */
import { readLong } from '../avro/read-primitives.js'
import { writeLong } from '../avro/write-primitives.js'
import { type Fragment, fragmentBytes } from './fragment.js'

/** The longest body of an answer that is packed, in bytes. */
export const packedBytes = 1024

/** What the numbers of an answer take at most, and about what they take in a frame, in bytes. */
const numbersBytes = 40
const headBytes = 8

/** Instead of the length of a body: it is that of the answer before. */
const asBefore = -1

/** A few answers, in order: what may leave in one turn. */
export class PackedAnswers {
  #bytes = Buffer.allocUnsafeSlow(256)
  readonly #cursor = { position: 0 }
  #end = 0
  #last: Buffer | undefined
  /** What they take in frames, about, in bytes. */
  #sentBytes = 0
  /** Where the body is of the one that was taken out last. */
  #bodyStart = 0
  #bodyEnd = 0

  get isEmpty(): boolean {
    return this.#cursor.position === this.#end
  }

  /** Whether an answer may be added whose body is so long: together they are no longer than a fragment, here and in frames. */
  hasRoom(length: number): boolean {
    return Math.max(this.#sentBytes + headBytes, this.#end + numbersBytes) + length <= fragmentBytes
  }

  add(stream: number, kind: number, flags: number, body: Buffer): void {
    const isSame = body === this.#last
    this.#makeRoom(numbersBytes + (isSame ? 0 : body.length))
    const bytes = this.#bytes
    let position = writeLong(bytes, this.#end, stream)
    position = writeLong(bytes, position, kind)
    position = writeLong(bytes, position, flags)
    position = writeLong(bytes, position, isSame ? asBefore : body.length)
    if (!isSame) position += body.copy(bytes, position)
    this.#end = position
    this.#last = body
    this.#sentBytes += body.length + headBytes
  }

  /** Takes the next one out. */
  take(fragment: Fragment): void {
    const [bytes, cursor, end] = [this.#bytes, this.#cursor, this.#end]
    fragment.stream = readLong(bytes, cursor, end)
    fragment.kind = readLong(bytes, cursor, end)
    fragment.flags = readLong(bytes, cursor, end)
    const length = readLong(bytes, cursor, end)
    if (length !== asBefore) {
      this.#bodyStart = cursor.position
      this.#bodyEnd = cursor.position = this.#bodyStart + length
    }
    fragment.body = bytes
    fragment.start = this.#bodyStart
    fragment.end = this.#bodyEnd
  }

  #makeRoom(size: number): void {
    const needed = this.#end + size
    if (needed <= this.#bytes.length) return
    const bytes = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(bytes, 0, 0, this.#end)
    this.#bytes = bytes
  }
}
