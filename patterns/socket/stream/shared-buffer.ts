/** A buffer that several frames stand in: it is used again when the system has taken all of them, and no more are written to it. */
import { spareBuffers } from '../../../src/memory/index.js'

/** A buffer with frames that are to leave. */
export class SharedBuffer {
  readonly buffer: Buffer
  #frames = 0
  #isLeft = false

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /** One more frame stands in it; returns what to call, once, when nobody reads that any more. */
  hold(): () => void {
    this.#frames += 1
    return () => {
      this.#frames -= 1
      this.#giveBack()
    }
  }

  /** No more frames are written to it. */
  leave(): void {
    this.#isLeft = true
    this.#giveBack()
  }

  #giveBack(): void {
    if (this.#isLeft && this.#frames === 0) spareBuffers.give(this.buffer)
  }
}
