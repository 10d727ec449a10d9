/**
 * The messages of one chunk: where its frames are, read one by one when they are wanted.
 */
import type { RivuletError } from '../../../src/errors/index.js'
import type { CheckedSupply } from '../../../src/stream/index.js'

/** Makes a message of the bytes of a frame; throws if they are none. */
export type FrameDecoder<T> = (bytes: Buffer, start: number, end: number) => T

/** Frames of one chunk, and before them one that began in an earlier chunk. */
export class FrameSupply<T> implements CheckedSupply<T> {
  readonly #chunk: Buffer
  /** The start and the end of each frame, one after the other. */
  readonly #places: readonly number[]
  readonly #decode: FrameDecoder<T>
  #first: Buffer | undefined
  #at = 0

  constructor(first: Buffer | undefined, chunk: Buffer, places: readonly number[], decode: FrameDecoder<T>) {
    this.#first = first
    this.#chunk = chunk
    this.#places = places
    this.#decode = decode
  }

  get remaining(): number {
    return ((this.#places.length - this.#at) >> 1) + (this.#first === undefined ? 0 : 1)
  }

  take(): T {
    const first = this.#first
    if (first !== undefined) {
      this.#first = undefined
      return this.#decode(first, 0, first.length)
    }
    const at = this.#at
    this.#at = at + 2
    return this.#decode(this.#chunk, this.#places[at] as number, this.#places[at + 1] as number)
  }

  failed(): number {
    return 1
  }

  discard(): number {
    const left = this.remaining
    this.#first = undefined
    this.#at = this.#places.length
    return left
  }

  trailing(): RivuletError | undefined {
    return undefined
  }
}

/** The supplies of a chunk: one, or none if it completes no frame. */
export function suppliesOf<T>(
  first: Buffer | undefined,
  chunk: Buffer,
  places: readonly number[],
  decode: FrameDecoder<T>,
): readonly FrameSupply<T>[] {
  return first === undefined && places.length === 0 ? noSupplies : [new FrameSupply(first, chunk, places, decode)]
}

/** What an incomplete frame leads to. */
export const noSupplies: readonly never[] = []
