/** A receiver of frames without a socket: what it accepted, what it rejected, what it lost. */
import { type Codec, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Batch, CompatibleReader, type DataFrame, FrameReceiver } from '../../src/wire/index.js'
import { VirtualClock } from './virtual-clock.js'

/** Takes frames in and reads every message at once. */
export class Reception<T> {
  readonly clock = new VirtualClock()
  readonly frames: DataFrame[] = []
  readonly values: T[] = []
  readonly rejected: RivuletError[] = []
  readonly refused: RivuletError[] = []
  /** Messages of frames that could not be read to their end. */
  readonly broken: RivuletError[] = []
  readonly lost: [number, RivuletError | undefined][] = []
  readonly receiver: FrameReceiver
  /** Messages that headers claimed, and of these the ones that could not be read. */
  claimed = 0
  undecodable = 0

  constructor(schema: Schema<unknown, T>, maxMessageBytes = 1_048_576, parkedFrames = 8) {
    const codec = codecOf(schema) as Codec<never, T>
    const reader = new CompatibleReader<T>(codec, (error) => this.refused.push(error))
    const options = { maxMessageBytes, parkedFrames, parkedMs: 3000, clock: this.clock }
    this.receiver = new FrameReceiver(options, {
      accept: (frame, text) => {
        this.frames.push(frame)
        const read = reader.readerFor(text)
        if (read) this.#take(new Batch(frame, read))
      },
      reject: (error) => this.rejected.push(error),
      newSchema() {},
      lose: (messages, error) => this.lost.push([messages, error]),
    })
    this.receiver.know(codec.schemaId, codec.text)
  }

  /** One frame arrives. */
  receive(bytes: Buffer, topic?: Buffer): void {
    this.receiver.receive(bytes, topic)
  }

  get rejectedCodes(): string[] {
    return this.rejected.map(({ code }) => code)
  }

  #take(batch: Batch<T>): void {
    this.claimed += batch.remaining
    while (batch.remaining > 0) {
      try {
        this.values.push(batch.take())
      } catch (cause) {
        this.undecodable += batch.failed(cause)
      }
    }
    const trailing = batch.trailing()
    if (trailing) this.broken.push(trailing)
  }
}
