/**
 * Cuts the bytes of one direction of a typed stream into frames, each behind its length of four bytes.
 *
 * A length is checked when its last byte is there, and nothing is kept for a frame before that. What frames are is not
 * known here.
 */
import type { RivuletError } from '../../../src/errors/index.js'
import { spareBuffers } from '../../../src/memory/index.js'
import { lengthBytes } from '../../../src/wire/index.js'
import { IncompleteFrame } from './incomplete-frame.js'

/** What takes the frames; each answers why the direction cannot be read any further, if that is so. */
export interface SizedFramesPorts {
  /** The declared length of the next frame. */
  checkLength(bytes: number): RivuletError | undefined
  /** The first `startBytes` of a frame, from `at` on; the others may not be there. */
  checkStart(bytes: Buffer, at: number): RivuletError | undefined
  /** A whole frame; where it is alone in its buffer, the buffer may be given back to `spareBuffers` when nobody reads the frame. */
  takeFrame(frame: Buffer, buffer: Buffer | undefined): RivuletError | undefined
}

/** The frames of one direction. */
export class SizedFrames {
  readonly #startBytes: number
  readonly #ports: SizedFramesPorts
  readonly #frame = new IncompleteFrame(spareBuffers)
  /** The length of the frame whose bytes come, as far as it is known. */
  #length = 0
  /** Bytes of the length that have come. */
  #lengthBytes = 0
  #isStartChecked = false

  /** @param startBytes - What `checkStart` looks at; every frame that `checkLength` accepts is longer. */
  constructor(startBytes: number, ports: SizedFramesPorts) {
    this.#startBytes = startBytes
    this.#ports = ports
  }

  /** What an incomplete frame takes in memory, in bytes. */
  get buffered(): number {
    return this.#frame.capacity
  }

  /** Bytes of an incomplete frame that have come, its length among them. */
  get incomplete(): number {
    return this.#lengthBytes + this.#frame.length
  }

  /** Takes the next bytes; returns why there can be no more. */
  receive(chunk: Buffer): RivuletError | undefined {
    let at = 0
    while (at < chunk.length) {
      let failure: RivuletError | undefined
      if (this.#lengthBytes < lengthBytes) {
        at = this.#readLength(chunk, at)
        if (this.#lengthBytes === lengthBytes) failure = this.#ports.checkLength(this.#length)
      } else if (this.#frame.length === 0 && chunk.length - at >= this.#length) {
        const frame = chunk.subarray(at, at + this.#length)
        at += this.#length
        failure = this.#ports.checkStart(frame, 0) ?? this.#complete(frame, undefined)
      } else {
        const end = Math.min(chunk.length, at + this.#length - this.#frame.length)
        this.#frame.append(chunk.subarray(at, end), this.#length)
        at = end
        failure = this.#grown()
      }
      if (failure !== undefined) return failure
    }
    return undefined
  }

  /** Forgets what is incomplete. */
  clear(): void {
    this.#frame.clear()
    this.#lengthBytes = 0
  }

  #readLength(chunk: Buffer, start: number): number {
    if (this.#lengthBytes === 0 && chunk.length - start >= lengthBytes) {
      this.#length = chunk.readUInt32BE(start)
      this.#lengthBytes = lengthBytes
      return start + lengthBytes
    }
    if (this.#lengthBytes === 0) this.#length = 0
    let at = start
    for (; at < chunk.length && this.#lengthBytes < lengthBytes; at++) {
      this.#length = this.#length * 256 + (chunk[at] as number)
      this.#lengthBytes += 1
    }
    return at
  }

  /** Bytes were added to the incomplete frame. */
  #grown(): RivuletError | undefined {
    const frame = this.#frame
    if (!this.#isStartChecked && frame.length >= this.#startBytes) {
      this.#isStartChecked = true
      const failure = this.#ports.checkStart(frame.bytes, 0)
      if (failure !== undefined) return failure
    }
    if (frame.length < this.#length) return undefined
    const { buffer } = frame
    return this.#complete(frame.take(), buffer)
  }

  #complete(frame: Buffer, buffer: Buffer | undefined): RivuletError | undefined {
    this.#lengthBytes = 0
    this.#isStartChecked = false
    return this.#ports.takeFrame(frame, buffer)
  }
}
