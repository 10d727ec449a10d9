/**
 * The messages of one frame, taken out one by one as they are wanted.
 *
 * What has not been taken stays bytes, so a slow consumer holds one frame and no objects.
 */
import type { Cursor, ReadValue } from '../avro/codec.js'
import { decodeFailure } from '../avro/decode-failure.js'
import { fail, Malformed, readLong } from '../avro/read-primitives.js'
import type { RivuletError } from '../errors/index.js'
import type { DataFrame } from './data-frame.js'
import type { DataHeader } from './schemas.js'

/** A frame with the reader of its messages. */
export class Batch<T> {
  readonly header: DataHeader
  readonly #read: ReadValue<T>
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #cursor: Cursor
  readonly #end: number
  /** Messages left in the current block of the array. */
  #block = 0
  #remaining: number
  #discarded = false

  constructor(frame: DataFrame, read: ReadValue<T>) {
    this.header = frame.header
    this.#read = read
    this.#bytes = frame.bytes
    this.#view = frame.view
    this.#cursor = { position: frame.start }
    this.#end = frame.bytes.length
    this.#remaining = frame.header.count
  }

  /** Messages that have not been taken. */
  get remaining(): number {
    return this.#remaining
  }

  /** Takes the next message; throws anything when it cannot be read, and nothing after it can. */
  take(): T {
    if (this.#block === 0) this.#openBlock()
    this.#block -= 1
    this.#remaining -= 1
    return this.#read(this.#bytes, this.#view, this.#cursor, this.#end)
  }

  /** Gives up on the rest; returns how many messages that were. */
  discard(): number {
    const left = this.#remaining
    this.#remaining = 0
    this.#discarded = true
    return left
  }

  /** What is wrong after the last message, if anything: every frame must be read to its end. */
  trailing(): RivuletError | undefined {
    if (this.#discarded) return undefined
    try {
      const more = this.#block + this.#blockCount()
      if (more === 0 && this.#cursor.position === this.#end) return undefined
      return decodeFailure(new Malformed('there is more than its header says'), 'the end of a frame')
    } catch (cause) {
      return decodeFailure(cause, 'the end of a frame')
    }
  }

  #openBlock(): void {
    const count = this.#blockCount()
    if (count === 0 || count > this.#remaining) fail(`a block of ${count} messages where ${this.#remaining} are left`)
    this.#block = count
  }

  /** The count of an array block; a negative one is followed by the block's bytes, which nobody here needs. */
  #blockCount(): number {
    const count = readLong(this.#bytes, this.#cursor, this.#end)
    if (count >= 0) return count
    readLong(this.#bytes, this.#cursor, this.#end)
    return -count
  }
}
