/**
 * The buffer of a writer of frames: pieces are written one behind the other, each once, and what is cut is not copied.
 *
 * A piece that has been cut belongs to its receiver. A new buffer suits what was cut last, and shrinks in steps.
 */

const nothing: Buffer = Buffer.alloc(0)
const viewOfNothing: DataView = new DataView(nothing.buffer)

/** Where buffers come from. */
export interface BufferMemory {
  /** Returns a buffer of at least so many bytes. */
  take(bytes: number): Buffer
  /** Takes a buffer back. */
  give(buffer: Buffer): void
}

/** How a writer uses its buffers, in bytes. */
export interface SlabSettings {
  /** Kept free before and behind each piece. */
  readonly head: number
  readonly tail: number
  /** The smallest and the largest new buffer for what is not known yet. */
  readonly smallest: number
  readonly largest: number
  /** A buffer with less room than this is not begun again. */
  readonly worthwhile: number
  /** Where buffers come from, and what is done with one that nobody has a piece of. Default: new ones, and nothing. */
  readonly memory?: BufferMemory
}

/** The buffer of a writer; where it writes is up to the writer. */
export class Slab {
  readonly #settings: SlabSettings
  buffer: Buffer = nothing
  view = viewOfNothing
  /** Where the present piece begins, and where what is written next goes. */
  start = 0
  position = 0
  /** The first byte of the buffer that belongs to no piece yet. */
  #free = 0
  #nextBytes: number

  constructor(settings: SlabSettings) {
    this.#settings = settings
    this.#nextBytes = settings.smallest
  }

  /** What was written of the present piece, in bytes. */
  get bytes(): number {
    return this.position - this.start
  }

  /** Begins a piece. */
  begin(): void {
    const { head, worthwhile } = this.#settings
    if (this.buffer.length - this.#free < worthwhile) this.#renew(this.#nextBytes)
    this.start = this.position = this.#free + head
  }

  /** Begins a piece in the same buffer, which has been written already: behind the one that was cut. */
  resume(): void {
    this.start = this.position = this.#free + this.#settings.head
  }

  /** Moves the present piece to the front of a new buffer of so many bytes; returns how far. */
  enlarge(bytes: number): number {
    const { buffer, start, position } = this
    const { head, memory } = this.#settings
    const isWhole = this.#free === 0
    this.#renew(bytes)
    buffer.copy(this.buffer, head, start, position)
    if (isWhole) memory?.give(buffer)
    this.start = head
    this.position = head + position - start
    return start - head
  }

  /** Ends the present piece, which belongs to others from now on: the next one goes behind it. */
  cut(): void {
    this.#free = this.position + this.#settings.tail
    this.drop()
  }

  /** Ends the present piece, whose bytes nobody needs any more. */
  drop(): void {
    const { smallest, largest } = this.#settings
    this.#nextBytes = Math.min(largest, Math.max(smallest, 2 * this.bytes, this.#nextBytes >> 1))
    this.position = this.start
  }

  #renew(bytes: number): void {
    this.buffer = this.#settings.memory?.take(bytes) ?? Buffer.allocUnsafeSlow(bytes)
    this.view = new DataView(this.buffer.buffer)
    this.#free = 0
  }
}
