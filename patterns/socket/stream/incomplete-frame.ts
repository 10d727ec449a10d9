/**
 * The bytes of a frame whose end has not arrived, in one buffer that grows as they do.
 *
 * A frame that arrives byte by byte takes no more than twice its bytes: nothing is kept of the pieces. It knows no limits.
 */

/** The smallest buffer, in bytes. */
const smallestBytes = 256

const none: Buffer = Buffer.alloc(0)

/** Where its buffers come from, and what is done with those that it has no use for. */
export interface FrameMemory {
  take(bytes: number): Buffer
  give(buffer: Buffer): void
}

const plainMemory: FrameMemory = { take: (bytes) => Buffer.allocUnsafeSlow(bytes), give() {} }

/** The incomplete frame of one reader. */
export class IncompleteFrame {
  readonly #memory: FrameMemory
  #buffer: Buffer = none
  #length = 0

  constructor(memory = plainMemory) {
    this.#memory = memory
  }

  /** Bytes that have arrived. */
  get length(): number {
    return this.#length
  }

  /** What it takes in memory, in bytes. */
  get capacity(): number {
    return this.#buffer.length
  }

  /** What it takes in memory. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** What has arrived; a view that the next `append` may change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Adds bytes; `most` of them may come in all, where that is known. */
  append(bytes: Buffer, most = Number.POSITIVE_INFINITY): void {
    const needed = this.#length + bytes.length
    if (needed > this.#buffer.length) {
      const former = this.#buffer
      const larger = this.#memory.take(Math.max(needed, Math.min(most, Math.max(smallestBytes, 2 * needed))))
      former.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
      this.#memory.give(former)
    }
    bytes.copy(this.#buffer, this.#length)
    this.#length = needed
  }

  /** Returns what has arrived, and begins again without it. */
  take(): Buffer {
    const { bytes } = this
    this.#buffer = none
    this.#length = 0
    return bytes
  }

  /** Forgets what has arrived. */
  clear(): void {
    this.#memory.give(this.#buffer)
    this.#buffer = none
    this.#length = 0
  }
}
