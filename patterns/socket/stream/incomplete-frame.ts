/**
 * The bytes of a frame whose end has not arrived, in one buffer that grows as they do.
 *
 * A frame that arrives byte by byte takes no more than twice its bytes: nothing is kept of the pieces. It knows no limits.
 */

/** The smallest buffer, in bytes. */
const smallestBytes = 256

const none = Buffer.alloc(0)

/** The incomplete frame of one reader. */
export class IncompleteFrame {
  #buffer = none
  #length = 0

  /** Bytes that have arrived. */
  get length(): number {
    return this.#length
  }

  /** What it takes in memory, in bytes. */
  get capacity(): number {
    return this.#buffer.length
  }

  /** What has arrived; a view that the next `append` may change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Adds bytes; `most` of them may come in all, where that is known. */
  append(bytes: Buffer, most = Number.POSITIVE_INFINITY): void {
    const needed = this.#length + bytes.length
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(most, Math.max(smallestBytes, 2 * needed))))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    bytes.copy(this.#buffer, this.#length)
    this.#length = needed
  }

  /** Returns what has arrived, and begins again without it. */
  take(): Buffer {
    const { bytes } = this
    this.clear()
    return bytes
  }

  /** Forgets what has arrived. */
  clear(): void {
    this.#buffer = none
    this.#length = 0
  }
}
