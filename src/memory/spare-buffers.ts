/**
 * Buffers of frames that nobody reads any more, for the next frames: new ones, 32 MiB of them, would each time make the engine mark
 * the whole heap.
 *
 * Only those who know that a buffer has no other reader may give it back. It keeps few, for all connections of a thread together.
 */

/** The sizes of buffers, in bytes. Between a power of two and the next one there are four. */
const smallestBytes = 32_768
const largestBytes = 2_097_152

/** What is kept in all, in bytes. */
const mostBytes = 4_194_304

/** Buffers to use again. */
export class SpareBuffers {
  readonly #spare = new Map<number, Buffer[]>()
  #bytes = 0

  /** What is kept, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Returns a buffer of at least so many bytes, with any contents. */
  take(bytes: number): Buffer {
    if (bytes < smallestBytes || bytes > largestBytes) return Buffer.allocUnsafeSlow(bytes)
    const size = sizeOf(bytes)
    const spare = this.#spare.get(size)?.pop()
    if (spare === undefined) return Buffer.allocUnsafeSlow(size)
    this.#bytes -= size
    return spare
  }

  /** Takes a buffer of `take` back, of which nobody has a view. */
  give(buffer: Buffer): void {
    const { length } = buffer
    if (length < smallestBytes || length > largestBytes || length !== sizeOf(length)) return
    if (this.#bytes + length > mostBytes) return
    this.#bytes += length
    const spare = this.#spare.get(length)
    if (spare === undefined) this.#spare.set(length, [buffer])
    else spare.push(buffer)
  }
}

function sizeOf(bytes: number): number {
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 2)
  return Math.ceil(bytes / step) * step
}

/** Those of this thread. */
export const spareBuffers = new SpareBuffers()
