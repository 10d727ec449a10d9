/**
 * A run of frames of one log: a column for each number, and the bytes of small frames one behind the other.
 *
 * A segment has a fixed capacity. Frames are added at its end and removed at its beginning; it knows nothing of bounds.
 */
import type { LoggedFrame } from './topic-log.js'

/** What a frame takes beside its bytes, in bytes: its columns here, its place in the list of its topic, and room that is not used. */
export const entryBytes = 72

/** Frames up to this size are copied, in bytes: views cost more than they hold, and would hold the buffers of writers. */
const copiedBytes = 2048

/** The smallest and the largest piece of memory for copied frames. */
const smallestChunk = 1024
const largestChunk = 16_384

const nothing = Buffer.alloc(0)

/** What a segment keeps of a frame beside the frame itself. */
export interface EntryKeys {
  readonly topic: number
  readonly schema: number
  readonly time: number
}

/** Some frames of a log, by position. */
export class FrameSegment {
  readonly capacity: number
  /** The slots in use: from `start` on and before `end`. */
  start = 0
  end = 0
  readonly positions: Float64Array
  readonly sequences: Float64Array
  readonly times: Float64Array
  readonly counts: Uint32Array
  readonly topics: Uint32Array
  readonly schemas: Uint32Array
  readonly lengths: Uint32Array
  /** Where the bytes are: in which piece of memory, and from where on. */
  readonly #chunkOf: Uint16Array
  readonly #offsets: Uint32Array
  readonly #chunks: Buffer[] = []
  /** Frames in each piece of memory. */
  readonly #users: number[] = []
  /** The piece that copies go to, and how much of it is used. */
  #filling = -1
  #used = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.positions = new Float64Array(capacity)
    this.sequences = new Float64Array(capacity)
    this.times = new Float64Array(capacity)
    this.counts = new Uint32Array(capacity)
    this.topics = new Uint32Array(capacity)
    this.schemas = new Uint32Array(capacity)
    this.lengths = new Uint32Array(capacity)
    this.#offsets = new Uint32Array(capacity)
    this.#chunkOf = new Uint16Array(capacity)
  }

  get size(): number {
    return this.end - this.start
  }

  get isFull(): boolean {
    return this.end === this.capacity
  }

  /** The position of the first message. */
  get first(): number {
    return this.positions[this.start] as number
  }

  /** The position of the last message of a frame. */
  lastOf(slot: number): number {
    return (this.positions[slot] as number) + (this.counts[slot] as number) - 1
  }

  /** Adds a frame behind the others; with its bytes, unless they are kept elsewhere. */
  add(frame: LoggedFrame, keys: EntryKeys, bytes: Buffer | undefined): void {
    const slot = this.end++
    this.positions[slot] = frame.position
    this.sequences[slot] = frame.sequence
    this.times[slot] = keys.time
    this.counts[slot] = frame.count
    this.topics[slot] = keys.topic
    this.schemas[slot] = keys.schema
    this.lengths[slot] = frame.bytes.length
    if (bytes !== undefined) this.#keep(slot, bytes)
  }

  /** The bytes of a frame. */
  bytesOf(slot: number): Buffer {
    const chunk = this.#chunks[this.#chunkOf[slot] as number] ?? nothing
    const offset = this.#offsets[slot] as number
    const length = this.lengths[slot] as number
    return length === chunk.length ? chunk : chunk.subarray(offset, offset + length)
  }

  /** Removes the first frame. */
  shift(): void {
    const slot = this.start++
    const chunk = this.#chunkOf[slot] as number
    if (chunk >= this.#users.length) return
    const users = (this.#users[chunk] as number) - 1
    this.#users[chunk] = users
    if (users === 0 && chunk !== this.#filling) this.#chunks[chunk] = nothing
  }

  /** The first slot whose frame ends at a position or behind it; `end` if there is none. */
  slotFrom(position: number): number {
    let low = this.start
    let high = this.end
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.lastOf(middle) < position) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Moves the frames from a slot on to a segment of their own. */
  split(slot: number): FrameSegment {
    const size = this.end - slot
    const rest = new FrameSegment(size)
    for (const [column, into] of [
      [this.positions, rest.positions],
      [this.sequences, rest.sequences],
      [this.times, rest.times],
      [this.counts, rest.counts],
      [this.topics, rest.topics],
      [this.schemas, rest.schemas],
      [this.lengths, rest.lengths],
      [this.#offsets, rest.#offsets],
      [this.#chunkOf, rest.#chunkOf],
    ] as const) {
      into.set(column.subarray(slot, this.end))
    }
    rest.end = size
    for (let at = 0; at < this.#chunks.length; at++) rest.#chunks.push(this.#chunks[at] as Buffer)
    rest.#users.push(...this.#chunks.map(() => 0))
    for (let at = slot; at < this.end && this.#chunks.length > 0; at++) {
      const chunk = this.#chunkOf[at] as number
      ;(rest.#users[chunk] as number)++
      ;(this.#users[chunk] as number)--
    }
    for (const part of [this, rest]) {
      for (let at = 0; at < part.#chunks.length; at++) {
        if (part.#users[at] === 0 && at !== part.#filling) part.#chunks[at] = nothing
      }
    }
    this.end = slot
    return rest
  }

  #keep(slot: number, bytes: Buffer): void {
    const { length } = bytes
    if (length > copiedBytes && length * 4 >= bytes.buffer.byteLength * 3) {
      this.#chunkOf[slot] = this.#chunks.push(bytes) - 1
      this.#offsets[slot] = 0
      this.#users.push(1)
      return
    }
    let chunk = this.#chunks[this.#filling]
    if (chunk === undefined || chunk.length - this.#used < length) {
      const grown = Math.min(largestChunk, 2 * (chunk?.length ?? smallestChunk / 2))
      chunk = Buffer.allocUnsafeSlow(Math.max(length, grown))
      if (this.#filling >= 0 && this.#users[this.#filling] === 0) this.#chunks[this.#filling] = nothing
      this.#filling = this.#chunks.push(chunk) - 1
      this.#users.push(0)
      this.#used = 0
    }
    chunk.set(bytes, this.#used)
    this.#chunkOf[slot] = this.#filling
    this.#offsets[slot] = this.#used
    this.#used += length
    ;(this.#users[this.#filling] as number)++
  }
}
