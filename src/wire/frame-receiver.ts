/**
 * From bytes of anybody to frames whose writer's schema is known, in order; everything else is told with its reason.
 *
 * Pull sockets and subscribers share it. Which messages are wanted, and who gets them, is theirs to say.
 */
import { RivuletError } from '../errors/index.js'
import { type DataFrame, maxHeaderBytes, openDataFrame } from './data-frame.js'
import { SchemaBook } from './schema-book.js'

/** What comes of the bytes. */
export interface FrameReceiverPorts {
  /** A frame, with the text of its writer's schema. */
  accept(frame: DataFrame, writerText: string): void
  /** Bytes that are no frame of ours. */
  reject(error: RivuletError): void
  /** Messages whose schema did not come; `error` is for the first of a writer. */
  lose(messages: number, error: RivuletError | undefined): void
}

/** Opens frames and knows their schemas. */
export class FrameReceiver {
  readonly book: SchemaBook
  readonly #maxFrameBytes: number
  readonly #ports: FrameReceiverPorts

  /**
   * @param maxMessageBytes - What a frame may hold of messages; larger frames are rejected.
   */
  constructor(maxMessageBytes: number, maxParkedFrames: number, ports: FrameReceiverPorts) {
    this.book = new SchemaBook(maxParkedFrames)
    this.#maxFrameBytes = maxMessageBytes + maxHeaderBytes
    this.#ports = ports
  }

  /** Takes one frame; never throws. */
  receive(bytes: Buffer, topic: Buffer | undefined): void {
    let frame: DataFrame
    let lookup: ReturnType<SchemaBook['look']>
    try {
      frame = openDataFrame(bytes, topic, this.#maxFrameBytes)
      lookup = this.book.look(frame)
    } catch (error) {
      this.#ports.reject(error as RivuletError)
      return
    }
    if (lookup.kind === 'known') {
      for (const waited of lookup.waited) this.#ports.accept(waited, lookup.text)
      this.#ports.accept(frame, lookup.text)
    } else if (lookup.kind === 'lost') {
      this.#ports.lose(lookup.messages, lookup.first ? unknownSchema(lookup.messages) : undefined)
    }
  }
}

function unknownSchema(messages: number): RivuletError {
  const text = `${messages} messages are lost: their writer did not announce its schema in time`
  return new RivuletError('RIVULET_UNKNOWN_SCHEMA', text, { messages })
}
