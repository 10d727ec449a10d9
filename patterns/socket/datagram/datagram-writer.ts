/**
 * Makes datagrams of the messages for one destination: encodes each once, into the buffer that leaves.
 *
 * Without batches each message has a datagram of its own, at once; with them, those of one turn share datagrams. What does not fit
 * is refused before it has a number. It knows neither addresses nor sockets.
 */
import { bufferFull, type Codec, spareBytes } from '../../../src/avro/codec.js'
import { RivuletError } from '../../../src/errors/index.js'
import { Slab } from '../../../src/memory/index.js'
import type { Writer } from '../../../src/stream/index.js'
import { type FrameStart, messageWithin } from '../../../src/wire/index.js'
import {
  datagramStart,
  headRoom,
  maxDatagramMessages,
  overheadBytes,
  tailBytes,
  writeDatagram,
} from './datagram-frame.js'

/** A new buffer has room for a largest datagram and so many bytes of others. */
const slabBytes = 8192

/** How datagrams are made. */
export interface DatagramWriterOptions<In> {
  readonly codec: Codec<In, unknown>
  /** `source` and `schemaId`; none for bare messages, without a header. */
  readonly constants: Buffer | undefined
  /** The most bytes of a datagram, header included. */
  readonly maxPayloadBytes: number
  readonly batch: boolean
  /** Takes each datagram. */
  readonly cut: (bytes: Buffer, messages: number) => void
}

/** Makes the datagrams of one destination. */
export class DatagramWriter<In> implements Writer<In> {
  readonly #options: DatagramWriterOptions<In>
  readonly #slab: Slab
  readonly #start: FrameStart | undefined
  readonly #most: number
  #count = 0
  #next = 1
  #isWriting = false

  constructor(options: DatagramWriterOptions<In>) {
    this.#options = options
    this.#start = options.constants && datagramStart(options.constants)
    this.#most = options.batch ? maxDatagramMessages : 1
    const needed = headRoom + options.maxPayloadBytes + spareBytes + tailBytes
    const size = needed + slabBytes
    this.#slab = new Slab({ head: headRoom, tail: tailBytes, smallest: size, largest: size, worthwhile: needed })
  }

  /** The number of the next message. */
  get next(): number {
    return this.#next
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#count > 0 ? this.#slab.bytes : 0
  }

  append(value: In): RivuletError | undefined {
    if (this.#isWriting) return messageWithin()
    this.#isWriting = true
    try {
      return this.#append(value)
    } finally {
      this.#isWriting = false
    }
  }

  /** Makes a datagram of what was gathered. */
  flush(): void {
    // in the middle of a message, a getter of it has led here: what is gathered leaves at the end of the turn
    if (this.#count > 0 && !this.#isWriting) this.#cut()
  }

  #append(value: In): RivuletError | undefined {
    if (this.#count === 0) this.#slab.begin()
    let room = this.#room
    let end = this.#write(value, room)
    if (end === undefined && this.#count > 0) {
      this.#cut()
      this.#slab.begin()
      room = this.#room
      end = this.#write(value, room)
    }
    if (end === undefined) return this.#tooLarge(room)
    if (typeof end !== 'number') return end
    this.#slab.position = end
    this.#count += 1
    if (this.#count >= this.#most) this.#cut()
    return undefined
  }

  /** What the messages of the present datagram may take together, one more included, in bytes. */
  get #room(): number {
    const { maxPayloadBytes, constants } = this.#options
    return constants === undefined ? maxPayloadBytes : maxPayloadBytes - overheadBytes(this.#next, this.#count + 1)
  }

  /** Returns where the message ends; why it cannot be encoded; or `undefined` where there is no room. */
  #write(value: In, room: number): number | RivuletError | undefined {
    const { codec } = this.#options
    const { buffer, view, start, position } = this.#slab
    try {
      const end = codec.write(value, buffer, view, position, start + room + spareBytes)
      return end - start <= room ? end : undefined
    } catch (cause) {
      return cause === bufferFull ? undefined : codec.explain(value)
    }
  }

  #tooLarge(room: number): RivuletError {
    const { maxPayloadBytes } = this.#options
    const header = maxPayloadBytes - room
    const beside = header > 0 ? `, ${header} of them for the header` : ''
    const text = `a message does not fit in a datagram of maxPayloadBytes, ${maxPayloadBytes} bytes${beside}`
    return new RivuletError('RIVULET_MESSAGE_TOO_LARGE', text, { executed: 'no' })
  }

  #cut(): void {
    const slab = this.#slab
    const begin = this.#start
    const count = this.#count
    const bytes =
      begin === undefined
        ? slab.buffer.subarray(slab.start, slab.position)
        : writeDatagram(begin, this.#next, count, slab)
    slab.cut() // it belongs to the transport
    this.#count = 0
    this.#options.cut(bytes, count)
    // after that: what is announced before the datagram says that its messages are the next
    this.#next += count
  }
}
