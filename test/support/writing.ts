/** A `BatchWriter` with the frames that it cut, and what a stranger's reader makes of them. */
import avsc from 'avsc'
import { type Codec, codecOf } from '../../src/avro/codec.js'
import type { Schema } from '../../src/avro/index.js'
import { BatchWriter, type CutFrame, Origin } from '../../src/wire/index.js'
import { Header } from './stranger.js'
import { VirtualClock } from './virtual-clock.js'

/** A frame as avsc reads it with the documents alone. */
export interface ReadFrame<T> {
  readonly header: {
    kind: string
    writerSchema: string | null
    count: number
    position: number
    sequence: number
    previous: number
    time: number
    source: Buffer
  }
  readonly values: T[]
  readonly bytes: Buffer
}

interface WritingOptions {
  readonly frameBytes?: number
  readonly maxBatchMessages?: number
  readonly maxMessageBytes?: number
  readonly topic?: Buffer
}

/** Writes messages and reads them back with avsc. */
export class Writing<In> {
  readonly clock = new VirtualClock()
  readonly cut: CutFrame[] = []
  readonly origin: Origin
  readonly writer: BatchWriter<In>
  /** Over how many frames the next flush is spread. */
  spread = 1
  readonly #array: avsc.Type
  readonly #frames: ReadFrame<unknown>[] = []

  constructor(schema: Schema<In>, options: WritingOptions = {}) {
    const { frameBytes = 65_536, maxBatchMessages = 65_536, maxMessageBytes = 1_048_576, topic } = options
    this.origin = new Origin(this.clock, 1000)
    this.writer = new BatchWriter<In>({
      codec: codecOf(schema) as Codec<In, unknown>,
      origin: this.origin,
      topic,
      frameBytes,
      maxBatchMessages,
      maxMessageBytes,
      spread: () => this.spread,
      cut: (frame) => this.cut.push(frame),
    })
    const items = JSON.parse(codecOf(schema).text)
    this.#array = avsc.Type.forSchema({ type: 'array', items }, { registry: Object.create(null) })
  }

  /** Appends values that must be taken. */
  append(...values: In[]): void {
    for (const value of values) {
      const refusal = this.writer.append(value)
      if (refusal) throw refusal
    }
  }

  /** Everything that was cut so far. */
  frames<T>(): ReadFrame<T>[] {
    while (this.#frames.length < this.cut.length) {
      const { bytes } = this.cut[this.#frames.length] as CutFrame
      const header = Header.decode(bytes, 8)
      const array = this.#array.decode(bytes, header.offset)
      if (array.offset !== bytes.length) throw new Error('a frame is not read to its end')
      this.#frames.push({ header: header.value, values: array.value, bytes })
    }
    return this.#frames as ReadFrame<T>[]
  }

  /** Messages by frame. */
  get counts(): number[] {
    return this.cut.map(({ messages }) => messages)
  }
}
