/** The messages of one frame of a typed stream, whose buffer is used again when none of them waits: what is taken out are copies. */
import type { RivuletError } from '../../../src/errors/index.js'
import { spareBuffers } from '../../../src/memory/index.js'
import { Batch, type DataFrame, type MessageReader } from '../../../src/wire/index.js'

/** A frame with the reader of its messages. */
export class FrameBatch<T> extends Batch<T> {
  #buffer: Buffer | undefined

  /** @param buffer - The buffer in which the frame is alone, of `spareBuffers`; none where others share it. */
  constructor(frame: DataFrame, reader: MessageReader<T>, buffer: Buffer | undefined) {
    super(frame, reader)
    this.#buffer = buffer
  }

  override discard(): number {
    const left = super.discard()
    this.#release()
    return left
  }

  override trailing(): RivuletError | undefined {
    const error = super.trailing()
    this.#release()
    return error
  }

  #release(): void {
    const buffer = this.#buffer
    this.#buffer = undefined
    if (buffer !== undefined) spareBuffers.give(buffer)
  }
}
