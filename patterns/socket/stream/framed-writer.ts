/** Puts what a framing has written into the outbox: at the end of a turn, or when it is as large as a frame. */
import { isRivuletError, RivuletError } from '../../../src/errors/index.js'
import { defaults } from '../../../src/options/index.js'
import type { Writer } from '../../../src/stream/index.js'
import type { FrameWriter } from './framing.js'
import type { StreamOutbox } from './stream-outbox.js'

/** The writer of one connection, as `Outgoing` uses it. */
export class FramedWriter<In> implements Writer<In> {
  readonly #frames: FrameWriter<In>
  readonly #outbox: Pick<StreamOutbox, 'add'>
  #count = 0

  constructor(frames: FrameWriter<In>, outbox: Pick<StreamOutbox, 'add'>) {
    this.#frames = frames
    this.#outbox = outbox
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#frames.bytes
  }

  append(value: In): RivuletError | undefined {
    try {
      this.#frames.write(value)
    } catch (cause) {
      if (isRivuletError(cause)) return cause
      return new RivuletError('RIVULET_INVALID_MESSAGE', 'a message cannot be written', { cause })
    }
    this.#count += 1
    if (this.#frames.bytes >= defaults.frameBytes) this.flush()
    return undefined
  }

  flush(): void {
    this.#count = 0
    const written = this.#frames.take()
    if (written.length > 0) this.#outbox.add(written)
  }
}
