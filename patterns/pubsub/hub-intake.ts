/**
 * What comes to a hub from publishers: frames, opened, checked, and each message once.
 *
 * It reads headers and no messages, and forwards nothing.
 */
import { RivuletError } from '../../src/errors/index.js'
import { type Reasons, RejectedFrames } from '../../src/stream/index.js'
import { type DataFrame, maxHeaderBytes, openDataFrame, SchemaBook } from '../../src/wire/index.js'
import type { SourceCheck } from './followed-topics.js'
import { type HubGap, HubOrder } from './hub-order.js'

/** The longest topic on the wire, in bytes. */
const maxPartBytes = 256

/** The byte that ends each word of a topic. */
const dot = 46

/** A frame that is to be forwarded. */
export interface HubFrame {
  readonly frame: DataFrame
  /** The publisher and the topic. */
  readonly key: string
  /** The text of its schema, if the hub knows it. */
  readonly schemaText: string | undefined
  /** What did not come before it. */
  readonly gap: HubGap | undefined
}

/** Opens the frames of one hub. */
export class HubIntake {
  readonly #maxFrameBytes: number
  readonly #rejected: RejectedFrames
  /** What was seen of each topic of each publisher. */
  readonly order = new HubOrder()
  /** None waits for its schema here: subscribers may know it. */
  readonly #schemas = new SchemaBook(0)
  #received = 0
  #duplicates = 0

  constructor(maxMessageBytes: number, reports: ConstructorParameters<typeof RejectedFrames>[0]) {
    this.#maxFrameBytes = maxMessageBytes + maxHeaderBytes
    this.#rejected = new RejectedFrames(reports)
  }

  /** Messages in frames that could be opened. */
  get received(): number {
    return this.#received
  }

  /** Of these, the ones in frames that had come before. */
  get duplicates(): number {
    return this.#duplicates
  }

  get rejectedFrames(): Reasons {
    return this.#rejected.snapshot()
  }

  /**
   * Opens a frame; `undefined` if it goes no further, which is counted.
   *
   * @param now - How often prefixes came to be wanted.
   * @param check - Whether the peer that brings it may use its source. Default: it may.
   */
  open(topic: Buffer, bytes: Buffer, now: number, check?: SourceCheck): HubFrame | undefined {
    try {
      if (topic.length > maxPartBytes || topic.at(-1) !== dot) {
        throw new RivuletError('RIVULET_BAD_FRAME', 'a frame has an invalid topic: words that end with a dot')
      }
      const frame = openDataFrame(bytes, topic, this.#maxFrameBytes)
      if (check?.(frame.header.source.toString('hex')) === false) return undefined
      const lookup = this.#schemas.lookUp(frame)
      const { source, count } = frame.header
      this.#received += count
      const key = orderKey(source, topic)
      const { isNew, gap } = this.order.take(key, frame.header, now)
      if (isNew) return { frame, key, schemaText: lookup.kind === 'known' ? lookup.text : undefined, gap }
      this.#duplicates += count
    } catch (error) {
      this.reject(error as RivuletError)
    }
    return undefined
  }

  /** Takes the text of a schema that came apart from frames. */
  learn(schemaId: Buffer, text: string): void {
    try {
      this.#schemas.learn(schemaId, text)
    } catch (error) {
      this.reject(error as RivuletError)
    }
  }

  /** Takes a frame that was fetched; whether it has a message that was not seen. */
  fetched({ header, topic }: DataFrame, now: number): boolean {
    const { source, count } = header
    const { isNew } = this.order.take(orderKey(source, topic as Buffer), header, now)
    if (isNew) this.#received += count
    return isNew
  }

  /** Counts a frame that its publisher may not publish. */
  denied(): void {
    this.#rejected.count('denied')
  }

  /** Counts and reports what is no frame of a publisher. */
  reject(error: RivuletError): void {
    this.#rejected.add(error)
  }
}

/** How the order knows a topic of a publisher. */
export function orderKey(source: Buffer, topic: Buffer): string {
  return source.toString('latin1') + topic.toString('latin1')
}
