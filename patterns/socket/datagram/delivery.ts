/** What users hold of a message that came in a datagram, and the supplies of such messages. */
import { decodeFailure, type ReadValue } from '../../../src/avro/codec.js'
import { fail, Malformed } from '../../../src/avro/read-primitives.js'
import type { RivuletError } from '../../../src/errors/index.js'
import type { CheckedSupply } from '../../../src/stream/index.js'
import { Batch, type BatchFrame, type MessageReader } from '../../../src/wire/index.js'

/** A message, with where it comes from. */
export interface DatagramDelivery<T> {
  readonly value: T
  /** The endpoint of the sender, which `sendTo` takes: `udp://10.0.0.7:40000`. Senders can forge it. */
  readonly from: string
  /** The number of the message among those of its source, from 1; 0 of `raw`, which has no numbers. */
  readonly sequence: number
  /**
   * Messages of this source that were found to be missing since its previous message; they may still come late.
   *
   * 0 for messages that come late, and of `raw`.
   */
  readonly lost: number
}

/** A datagram whose messages wait: it holds memory until they are taken. */
export interface DatagramSupply<T> extends CheckedSupply<DatagramDelivery<T>> {
  /** The bytes of the datagram. */
  readonly bytes: number
  /** Called when none of its messages waits any more. */
  released: (bytes: number) => void
}

/** What a header says of the messages of its datagram. */
export interface MessageNumbers {
  readonly count: number
  readonly from: string
  readonly sequence: number
  readonly lost: number
}

/** Where an array of one message stands, as Avro writes it in one block: the count before it, and the end behind it. */
const oneItem = 2
const arrayEnd = 0

/** One for all, since reading a message calls nobody. */
const cursor = { position: 0 }

/**
 * The one message of a datagram with numbers, which most have: for less than half of what any number of them costs.
 *
 * Only where `fits` tells that its array begins with a block of one.
 */
export class LoneSupply<T> implements DatagramSupply<T> {
  readonly bytes: number
  released: (bytes: number) => void = nothing
  remaining = 1
  readonly #bytes: Buffer
  readonly #start: number
  readonly #from: string
  readonly #sequence: number
  readonly #lost: number
  readonly #reader: MessageReader<T>
  /** Where the message ends; 0 where it could not be read. */
  #end = 0

  /** Whether the array that begins at `start` is one block of one message. */
  static fits(bytes: Buffer, start: number, count: number): boolean {
    return count === 1 && bytes[start] === oneItem
  }

  constructor(bytes: Buffer, start: number, from: string, sequence: number, lost: number, reader: MessageReader<T>) {
    this.bytes = bytes.length
    this.#bytes = bytes
    this.#start = start
    this.#from = from
    this.#sequence = sequence
    this.#lost = lost
    this.#reader = reader
  }

  take(): DatagramDelivery<T> {
    this.remaining = 0
    const bytes = this.#bytes
    cursor.position = this.#start + 1
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const value = this.#reader.read(bytes, view, cursor, bytes.length)
    this.#end = cursor.position
    return { value, from: this.#from, sequence: this.#sequence, lost: this.#lost }
  }

  failed(): number {
    return 1
  }

  discard(): number {
    const left = this.remaining
    this.remaining = 0
    this.released(this.bytes)
    return left
  }

  trailing(): RivuletError | undefined {
    this.released(this.bytes)
    const end = this.#end
    if (end === 0 || (this.#bytes[end] === arrayEnd && end + 1 === this.bytes)) return undefined
    return decodeFailure(new Malformed('there is more than its header says'), 'the end of a datagram')
  }
}

function nothing(): void {}

/** The messages of a datagram with numbers. */
export class NumberedSupply<T> implements DatagramSupply<T> {
  readonly bytes: number
  released: (bytes: number) => void = nothing
  readonly #batch: Batch<T, MessageNumbers>
  #lost: number

  constructor(frame: BatchFrame<MessageNumbers>, reader: MessageReader<T>) {
    this.bytes = frame.bytes.length
    this.#batch = new Batch<T, MessageNumbers>(frame, reader)
    this.#lost = frame.header.lost
  }

  get remaining(): number {
    return this.#batch.remaining
  }

  take(): DatagramDelivery<T> {
    const { from, sequence, count } = this.#batch.header
    const number = sequence + count - this.#batch.remaining
    const value = this.#batch.take()
    const lost = this.#lost
    this.#lost = 0
    return { value, from, sequence: number, lost }
  }

  failed(cause: unknown): number {
    return this.#batch.failed(cause)
  }

  discard(): number {
    this.released(this.bytes)
    return this.#batch.discard()
  }

  trailing(): RivuletError | undefined {
    this.released(this.bytes)
    return this.#batch.trailing()
  }
}

/** The one message of a datagram that has no header. */
export class RawSupply<T> implements DatagramSupply<T> {
  readonly bytes: number
  released: (bytes: number) => void = nothing
  remaining = 1
  readonly #bytes: Buffer
  readonly #from: string
  readonly #read: (bytes: Buffer) => T

  constructor(bytes: Buffer, from: string, read: (bytes: Buffer) => T) {
    this.bytes = bytes.length
    this.#bytes = bytes
    this.#from = from
    this.#read = read
  }

  take(): DatagramDelivery<T> {
    this.remaining = 0
    return { value: this.#read(this.#bytes), from: this.#from, sequence: 0, lost: 0 }
  }

  failed(): number {
    return 1
  }

  discard(): number {
    const left = this.remaining
    this.remaining = 0
    this.released(this.bytes)
    return left
  }

  trailing(): undefined {
    this.released(this.bytes)
  }
}

/** Reads bare Avro, which must end with the datagram. */
export function bareReader<T>(read: ReadValue<T>): (bytes: Buffer) => T {
  return (bytes) => {
    cursor.position = 0
    const value = read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), cursor, bytes.length)
    if (cursor.position !== bytes.length) fail('there is more than one value')
    return value
  }
}
