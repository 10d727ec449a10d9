/**
 * Writes one direction of a typed stream: the opening, batches, the end.
 *
 * What one turn writes is one frame, as far as it fits. It knows no turns: the connection takes what was written.
 */
import type { Codec } from '../../../src/avro/codec.js'
import type { RivuletError } from '../../../src/errors/index.js'
import { spareBuffers } from '../../../src/memory/index.js'
import { defaults } from '../../../src/options/index.js'
import { BatchWriter, type CutFrame, Origin, type OriginClock } from '../../../src/wire/index.js'
import type { FrameWriter, WrittenFrames } from './framing.js'
import { SharedBuffer } from './shared-buffer.js'

/** How a direction is written. */
export interface SchemaWriterSettings<In> {
  readonly codec: Codec<In, unknown>
  /** Larger messages are refused, in bytes. */
  readonly maxMessageBytes: number
}

/** The writing side of one connection. */
export class SchemaWriter<In> implements FrameWriter<In> {
  readonly #batches: BatchWriter<In>
  readonly #refusal: (failure: RivuletError) => readonly Buffer[]
  #isOpen = false
  #isEnded = false
  #cut: WrittenFrames[] = []
  #cutBytes = 0
  /** The buffer of the frame that was cut last. */
  #shared: SharedBuffer | undefined

  /** @param refusal - Makes the last bytes of a connection that fails. */
  constructor(
    { codec, maxMessageBytes }: SchemaWriterSettings<In>,
    clock: OriginClock,
    refusal: (failure: RivuletError) => readonly Buffer[],
  ) {
    this.#refusal = refusal
    this.#batches = new BatchWriter<In>({
      codec,
      // one opening brings the schema
      origin: new Origin(clock, Number.POSITIVE_INFINITY),
      topic: undefined,
      isPrefixed: true,
      frameBytes: defaults.frameBytes,
      maxBatchMessages: defaults.maxBatchMessages,
      maxMessageBytes,
      spread: () => 1,
      memory: spareBuffers,
      cut: (frame) => this.#add(frame),
    })
    this.#batches.announce()
  }

  get bytes(): number {
    return this.#cutBytes + this.#batches.bytes
  }

  /** Lets the opening leave, and what follows it. */
  open(): void {
    this.#isOpen = true
  }

  #add({ bytes, messages, buffer }: CutFrame): void {
    let taken: (() => void) | undefined
    if (buffer !== undefined) {
      if (this.#shared?.buffer !== buffer) {
        this.#shared?.leave()
        this.#shared = new SharedBuffer(buffer)
      }
      taken = this.#shared.hold()
    }
    this.#cut.push({ parts: [bytes], bytes: bytes.length, messages, taken })
    this.#cutBytes += bytes.length
  }

  write(value: In): void {
    const refusal = this.#batches.append(value)
    if (refusal !== undefined) throw refusal
  }

  take(): readonly WrittenFrames[] {
    if (!this.#isOpen) return nothing
    if (!this.#isEnded) this.#batches.flush()
    const cut = this.#cut
    this.#cut = []
    this.#cutBytes = 0
    return cut
  }

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#batches.end()
  }

  refuse(failure: RivuletError): readonly Buffer[] {
    return this.#refusal(failure)
  }
}

const nothing: readonly never[] = []
