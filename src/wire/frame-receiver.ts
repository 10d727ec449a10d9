/**
 * From bytes of any peer to frames whose writer's schema is known, in order; everything else is reported with its reason.
 *
 * Pull sockets and subscribers share it. Which messages are wanted, and who gets them, is theirs to say.
 */
import { RivuletError } from '../errors/index.js'
import { type DataFrame, maxHeaderBytes, openDataFrame } from './data-frame.js'
import { type Lookup, SchemaBook } from './schema-book.js'

/** What comes of the bytes. */
export interface FrameReceiverPorts {
  /** A frame, with the text of its writer's schema. */
  accept(frame: DataFrame, writerText: string): void
  /** Bytes that are no frame of ours. */
  reject(error: RivuletError): void
  /** A frame has brought a writer's schema that was not known, which costs time to read. */
  newSchema(): void
  /** Messages whose schema did not come; `error` is for the first of a writer. */
  lose(messages: number, error: RivuletError | undefined): void
}

/** How a receiver opens frames. */
export interface FrameReceiverOptions {
  /** What a frame may hold of messages, in bytes; larger frames are rejected. */
  readonly maxMessageBytes: number
  /** The most frames that wait for their schema, and for how long, in milliseconds. */
  readonly parkedFrames: number
  readonly parkedMs: number
  readonly clock: { setTimer(callback: () => void, delayMs: number): { cancel(): void } }
}

/** Opens frames and knows their schemas. */
export class FrameReceiver {
  readonly #options: FrameReceiverOptions
  readonly #ports: FrameReceiverPorts
  readonly #book: SchemaBook
  #parkTimer: { cancel(): void } | undefined

  constructor(options: FrameReceiverOptions, ports: FrameReceiverPorts) {
    this.#options = options
    this.#ports = ports
    this.#book = new SchemaBook(options.parkedFrames)
  }

  /** Messages in frames that wait for their schema. */
  get parkedMessages(): number {
    return this.#book.parkedMessages
  }

  /** Enters a schema that needs no announcement. */
  know(schemaId: Buffer, text: string): void {
    this.#book.know(schemaId, text)
  }

  /** Enters a schema of a writer that came apart from its frames; never throws. */
  learn(schemaId: Buffer, text: string): void {
    try {
      this.#book.learn(schemaId, text)
    } catch (error) {
      this.#ports.reject(error as RivuletError)
    }
  }

  /**
   * Takes one frame; never throws.
   *
   * @param check - Whether a frame with this header is taken, before anything behind it is read. Default: it is.
   */
  receive(bytes: Buffer, topic: Buffer | undefined, check?: (header: DataFrame['header']) => boolean): void {
    let frame: DataFrame
    let lookup: Lookup
    try {
      frame = openDataFrame(bytes, topic, this.#options.maxMessageBytes + maxHeaderBytes)
      const { kind, count } = frame.header
      // wills and groups of topics are for later versions; on a topic, a tombstone says where its numbers stand as a beacon does
      const isKnown =
        kind === 'data' || kind === 'beacon' || (kind === 'tombstone' && topic !== undefined && count === 0)
      if (!isKnown) throw new RivuletError('RIVULET_BAD_FRAME', `a frame of kind '${kind}'`)
      if (check?.(frame.header) === false) return
      lookup = this.#book.lookUp(frame)
    } catch (error) {
      this.#ports.reject(error as RivuletError)
      return
    }
    if (lookup.kind === 'known') {
      if (lookup.isNew) this.#ports.newSchema()
      for (const waited of lookup.waited) this.#ports.accept(waited, lookup.text)
      this.#ports.accept(frame, lookup.text)
    } else if (lookup.kind === 'lost') {
      this.#ports.lose(lookup.messages, lookup.first ? unknownSchema(lookup.messages) : undefined)
    } else {
      const { clock, parkedMs } = this.#options
      this.#parkTimer ??= clock.setTimer(() => this.#giveUp(), parkedMs)
    }
  }

  /** Gives up waiting frames, which are reported like any other loss; returns how many messages that were. */
  close(): number {
    this.#parkTimer?.cancel()
    return this.#giveUp()
  }

  #giveUp(): number {
    this.#parkTimer = undefined
    const messages = this.#book.giveUp()
    if (messages > 0) this.#ports.lose(messages, unknownSchema(messages))
    return messages
  }
}

function unknownSchema(messages: number): RivuletError {
  const text = `${messages} messages are lost: their writer did not announce its schema in time`
  return new RivuletError('RIVULET_UNKNOWN_SCHEMA', text, { messages })
}
