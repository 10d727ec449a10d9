/**
 * Gathers messages into frames: each is encoded once, straight into the buffer that leaves.
 *
 * What one turn of the event loop appends goes out as one frame when `flush` is called, or earlier when a frame is full.
 * It knows neither when a turn ends nor where frames go.
 */
import { bufferFull, type Codec, spareBytes } from '../avro/codec.js'
import type { RivuletError } from '../errors/index.js'
import { type BufferMemory, Slab } from '../memory/index.js'
import { headerRoom, maxFrameMessages, writeDataFrame } from './data-frame.js'
import type { HeaderInput } from './data-header.js'
import { messageTooLarge, messageWithin } from './message-refusals.js'
import type { Origin } from './origin.js'

/** The smallest buffer for frames, in bytes: a score of lone messages, since a new buffer costs more than such a frame. */
const smallSlabBytes = 4096

/** A buffer with less room than this is not begun again, in bytes. */
const worthwhileBytes = headerRoom + 256

/** A frame, ready to leave. */
export interface CutFrame {
  readonly bytes: Buffer
  readonly messages: number
  /** The buffer that it stands in, which it may share with others that are cut before and after it; `undefined` if it is alone. */
  readonly buffer: Buffer | undefined
  readonly header: HeaderInput
  /** Of a frame that carries the schema: makes one without messages that tells the same in its place, should it be dropped. */
  readonly announcement: (() => Buffer) | undefined
}

/** Where the messages of a writer stand: the number of the next one, and the position of the last; 0 if there is none. */
export interface TopicNumbers {
  sequence: number
  previous: number
}

/** How a writer cuts frames. */
export interface BatchWriterOptions<In> {
  readonly codec: Codec<In, unknown>
  /** Numbers the messages and frames. */
  readonly origin: Origin
  /** Continued and kept up to date; from 1 if left out. */
  readonly numbers?: TopicNumbers
  /** The topic part, for topics. */
  readonly topic: Buffer | undefined
  /** Whether each frame is preceded by its length, as in a stream of bytes. Default: no. */
  readonly isPrefixed?: boolean
  /**
   * Cut before a frame grows beyond this, in bytes; a single larger message has a frame to itself, and a schema that
   * takes more than half makes a frame larger.
   */
  readonly frameBytes: number
  /** The most messages of one frame. */
  readonly maxBatchMessages: number
  /** Larger messages are refused, in bytes. */
  readonly maxMessageBytes: number
  /** Over how many frames one flush is spread, so that each of as many receivers has its part. */
  readonly spread: () => number
  /** Where its buffers come from. Default: they are new. */
  readonly memory?: BufferMemory
  /** Takes each frame that is cut. */
  readonly cut: (frame: CutFrame) => void
}

/** Gathers the messages of one schema, and of one topic if there are topics. */
export class BatchWriter<In> {
  readonly #options: BatchWriterOptions<In>
  readonly #write: Codec<In, unknown>['write']
  readonly #maxMessages: number
  /** What a frame may hold of messages, in bytes: any frame may have to carry the schema as well. */
  readonly #wholeRoom: number
  /** Where each gathered message begins: to spread them, the frame is taken apart there. */
  #offsets = new Uint32Array(64)
  readonly #slab: Slab
  /** Where the next message must end. */
  #limit = 0
  #count = 0
  #writing = false
  readonly #numbers: TopicNumbers
  /** Frames that still carry the schema, and when it was last announced. */
  #announcements = 1
  #announcedAt = Number.NEGATIVE_INFINITY
  #unannouncedAt = Number.NEGATIVE_INFINITY
  /** Those of the frame of a message that has one to itself. */
  #extensions: HeaderInput['extensions']

  constructor(options: BatchWriterOptions<In>) {
    this.#options = options
    this.#write = options.codec.write
    this.#numbers = options.numbers ?? { sequence: 1, previous: 0 }
    this.#maxMessages = Math.min(options.maxBatchMessages, maxFrameMessages)
    const { codec, frameBytes } = options
    const schemaBytes = Math.min(Buffer.byteLength(codec.text), frameBytes >> 1)
    this.#wholeRoom = frameBytes - headerRoom - schemaBytes - 1
    this.#slab = new Slab({
      head: headerRoom,
      tail: 1,
      smallest: smallSlabBytes,
      largest: frameBytes,
      worthwhile: worthwhileBytes,
      ...(options.memory && { memory: options.memory }),
    })
  }

  /** Messages that were appended and not cut. */
  get count(): number {
    return this.#count
  }

  /** Bytes that were appended and not cut. */
  get bytes(): number {
    return this.#slab.bytes
  }

  /** Encodes a message; returns why it was refused, if it was. */
  append(value: In): RivuletError | undefined {
    if (this.#writing) return messageWithin()
    this.#writing = true
    try {
      return this.#append(value)
    } finally {
      this.#writing = false
    }
  }

  #append(value: In): RivuletError | undefined {
    const slab = this.#slab
    if (this.#count === 0) this.#begin()
    let end: number
    try {
      end = this.#write(value, slab.buffer, slab.view, slab.position, this.#limit)
    } catch (cause) {
      if (cause !== bufferFull) return this.#options.codec.explain(value)
      const written = this.#writeInLarger(value)
      if (typeof written !== 'number') return written
      end = written
    }
    const size = end - slab.position
    if (size > this.#options.maxMessageBytes) return messageTooLarge(this.#options.maxMessageBytes, size)
    if (this.#count === this.#offsets.length) this.#growOffsets()
    this.#offsets[this.#count] = slab.position
    if (this.#count === 0) this.#limit = this.#frameLimit
    this.#count += 1
    slab.position = end
    if (this.#count >= this.#maxMessages || end >= slab.start + this.#wholeRoom) this.#cutAll()
    return undefined
  }

  /** Encodes a message into a frame of its own, with extensions in its header; returns why it was refused, if it was. */
  appendAlone(value: In, extensions: HeaderInput['extensions']): RivuletError | undefined {
    if (this.#writing) return messageWithin()
    this.flush()
    this.#extensions = extensions
    const refusal = this.append(value)
    this.flush()
    this.#extensions = undefined
    return refusal
  }

  /** Cuts what was gathered, spread over as many frames as there are receivers. */
  flush(): void {
    const count = this.#count
    // in the middle of a message, a getter of it has led here: what is gathered leaves at the end of the turn
    if (count === 0 || this.#writing) return
    const parts = Math.min(this.#options.spread(), count)
    if (parts <= 1) {
      this.#cutAll()
      return
    }
    let first = 0
    for (let part = 1; part <= parts; part++) {
      const next = Math.floor((count * part) / parts)
      this.#cutSome(first, next)
      first = next
    }
    this.#slab.drop()
    this.#count = 0
  }

  /**
   * Tells new receivers the schema: the next frames carry it, as many as there are receivers that may not know it.
   *
   * If a frame without the schema left a moment ago, it may have reached one of them first: then frames without
   * messages carry the schema at once.
   *
   * @param waiting - Whether frames that were cut before are still to leave, which may be as well without the schema.
   * @param introduced - Frames without messages that are still to leave: they are the first of those that are needed.
   */
  introduce(receivers: number, waiting = false, introduced = 0): void {
    this.#announcements = Math.max(this.#announcements, receivers)
    const { clock, announceMs } = this.#options.origin
    if (!waiting && clock.now() - this.#unannouncedAt > announceMs) return
    this.flush()
    for (let count = introduced; count < receivers; count++) this.#beacon()
  }

  /** Cuts what was gathered, then a frame without messages that carries the schema. */
  announce(): void {
    this.flush()
    this.#beacon()
  }

  /** Cuts what was gathered, then a frame that says that nothing follows. */
  end(): void {
    this.flush()
    this.#emitEmpty('tombstone')
  }

  /** Cuts what was gathered, then a frame that says that the retained value of the topic is none; it carries the schema, too. */
  clear(): void {
    this.flush()
    this.#beacon('tombstone')
  }

  /** Cuts a frame without messages, which carries the schema and the number of the next message. */
  #beacon(kind: HeaderInput['kind'] = 'beacon'): void {
    this.#announcements = Math.max(this.#announcements, 1)
    this.#emitEmpty(kind)
  }

  #emitEmpty(kind: HeaderInput['kind']): void {
    this.#emit(kind, Buffer.allocUnsafeSlow(headerRoom + 1), headerRoom, headerRoom, 0)
  }

  /** Makes ready for the first message of a frame. */
  #begin(): void {
    this.#slab.begin()
    const { length } = this.#slab.buffer
    // the first message may have all of a buffer for large ones; those behind it are held to the frame
    this.#limit = length > this.#options.frameBytes ? length - 1 : this.#frameLimit
  }

  get #frameLimit(): number {
    return Math.min(this.#slab.buffer.length - 1, this.#slab.start + this.#wholeRoom)
  }

  /** There was no room for the value: make some, in steps, until it fits or is too large. */
  #writeInLarger(value: In): number | RivuletError {
    const { codec, frameBytes, maxMessageBytes } = this.#options
    const most = maxMessageBytes + spareBytes
    const slab = this.#slab
    for (;;) {
      const room = this.#limit - slab.start
      const whole = room >= this.#wholeRoom
      if (this.#count > 0) {
        if (whole) this.#cutAll()
        else this.#enlarge(Math.min(Math.max(slab.buffer.length, smallSlabBytes) * 4, frameBytes))
        if (whole) this.#begin()
      } else if (!whole) {
        this.#enlarge(frameBytes)
      } else if (room < most) {
        this.#enlarge(headerRoom + Math.min(room * 4, most) + 1)
        this.#limit = slab.buffer.length - 1
      } else {
        return messageTooLarge(maxMessageBytes)
      }
      try {
        return this.#write(value, slab.buffer, slab.view, slab.position, this.#limit)
      } catch (cause) {
        if (cause !== bufferFull) return codec.explain(value)
      }
    }
  }

  /** Moves what was gathered to the front of a new buffer. */
  #enlarge(bytes: number): void {
    const moved = this.#slab.enlarge(bytes)
    for (let i = 0; i < this.#count; i++) (this.#offsets[i] as number) -= moved
    this.#limit = Math.min(bytes - 1, headerRoom + this.#wholeRoom)
  }

  #growOffsets(): void {
    const larger = new Uint32Array(this.#offsets.length * 4)
    larger.set(this.#offsets)
    this.#offsets = larger
  }

  #cutAll(): void {
    const { buffer, start, position } = this.#slab
    const count = this.#count
    this.#slab.cut() // it belongs to the transport
    this.#count = 0
    this.#emit('data', buffer, start, position, count)
  }

  #cutSome(first: number, next: number): void {
    const from = this.#offsets[first] as number
    const to = next === this.#count ? this.#slab.position : (this.#offsets[next] as number)
    const slab = Buffer.allocUnsafeSlow(headerRoom + (to - from) + 1)
    this.#slab.buffer.copy(slab, headerRoom, from, to)
    this.#emit('data', slab, headerRoom, headerRoom + (to - from), next - first)
  }

  #emit(kind: HeaderInput['kind'], slab: Buffer, start: number, end: number, count: number): void {
    const { codec, origin, topic, isPrefixed, cut } = this.#options
    const numbers = this.#numbers
    const time = origin.clock.wallNow()
    const position = origin.take(count)
    const announces = this.#schemaIfDue()
    const numbered: HeaderInput = {
      kind,
      fingerprint: codec.fingerprint,
      schemaId: codec.schemaId,
      writerSchema: announces ? codec.text : null,
      source: origin.source,
      position,
      sequence: numbers.sequence,
      previous: numbers.previous,
      time,
      count,
    }
    const header = this.#extensions === undefined ? numbered : { ...numbered, extensions: this.#extensions }
    const bytes = writeDataFrame(header, slab, start, end, topic, isPrefixed)
    numbers.sequence += count
    if (count > 0) numbers.previous = position + count - 1
    const buffer = slab === this.#slab.buffer && bytes.buffer === slab.buffer ? slab : undefined
    cut({
      bytes,
      messages: count,
      header,
      buffer,
      announcement: announces ? this.#announcementFor(numbered) : undefined,
    })
  }

  #announcementFor(frame: HeaderInput): () => Buffer {
    return () => {
      const { position, sequence, count } = frame
      const next = { position: position + count, sequence: sequence + count, previous: position + count - 1 }
      const header: HeaderInput = { ...frame, kind: 'beacon', ...next, count: 0 }
      const slab = Buffer.allocUnsafeSlow(headerRoom + 1)
      const { topic, isPrefixed } = this.#options
      return writeDataFrame(header, slab, headerRoom, headerRoom, topic, isPrefixed)
    }
  }

  #schemaIfDue(): boolean {
    const { origin, spread } = this.#options
    const now = origin.clock.now()
    if (now - this.#announcedAt >= origin.announceMs) this.#announcements = Math.max(1, this.#announcements, spread())
    if (this.#announcements === 0) {
      this.#unannouncedAt = now
      return false
    }
    this.#announcements -= 1
    this.#announcedAt = now
    return true
  }
}
