/**
 * The messages of one frame, taken out one by one as they are wanted.
 *
 * What has not been taken stays bytes, so a slow consumer holds one frame and no objects.
 */
import { type Cursor, decodeFailure, type ReadValue, type SkipValue } from '../avro/codec.js'
import { fail, Malformed, readLong, Unfit } from '../avro/read-primitives.js'
import type { RivuletError } from '../errors/index.js'
import type { Header } from './data-header.js'

/** Stands for the place of a message when there is none. */
const noMessage = -1

/** How the messages of one writer are read. */
export interface MessageReader<T> {
  readonly read: ReadValue<T>
  /** Returns the way past messages of the writer; asked for only when one does not fit the reader. */
  readonly skipper: () => SkipValue
}

/** What a batch needs of a frame: how many messages there are, and where the array of them begins. */
export interface BatchFrame<H extends { readonly count: number } = Header> {
  readonly header: H
  readonly bytes: Buffer
  readonly view: DataView
  readonly start: number
}

/** A frame with the reader of its messages. */
export class Batch<T, H extends { readonly count: number } = Header> {
  readonly header: H
  readonly #read: ReadValue<T>
  readonly #skipper: () => SkipValue
  readonly #bytes: Buffer
  readonly #view: DataView
  readonly #cursor: Cursor
  readonly #end: number
  /** Where the message begins that was taken last. */
  #messageStart = noMessage
  /** Messages left in the current block of the array. */
  #block = 0
  #remaining: number
  #discarded = false

  constructor(frame: BatchFrame<H>, { read, skipper }: MessageReader<T>) {
    this.header = frame.header
    this.#read = read
    this.#skipper = skipper
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

  /** Takes the next message; throws anything when it cannot be read: then `failed` must be called. */
  take(): T {
    this.#remaining -= 1
    if (this.#block === 0) this.#openBlock()
    this.#block -= 1
    this.#messageStart = this.#cursor.position
    return this.#read(this.#bytes, this.#view, this.#cursor, this.#end)
  }

  /**
   * Goes past the message that could not be read, if its end can be found, and else gives up on all behind it too.
   *
   * @returns How many messages are lost.
   */
  failed(cause: unknown): number {
    if (this.#discarded) return 0
    if (cause instanceof Unfit && this.#messageStart !== noMessage) {
      this.#cursor.position = this.#messageStart
      try {
        this.#skipper()(this.#bytes, this.#view, this.#cursor, this.#end)
        return 1
      } catch {
        // malformed after all, for the reason in `cause`
      }
    }
    return this.discard() + 1
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
    this.#messageStart = noMessage
    const count = this.#blockCount()
    const left = this.#remaining + 1
    if (count === 0 || count > left) fail(`a block of ${count} messages where ${left} are left`)
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
