/** What users hold of a message that came in a datagram, and the supplies of such messages. */
import type { Cursor, ReadValue } from '../../../src/avro/codec.js'
import { fail } from '../../../src/avro/read-primitives.js'
import type { RivuletError } from '../../../src/errors/index.js'
import type { CheckedSupply } from '../../../src/stream/index.js'
import { Batch, type BatchFrame, type MessageReader } from '../../../src/wire/index.js'

/** A message, with where it comes from. */
export interface DatagramDelivery<T> {
  /** The message. */
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

/** What a datagram counts as beside its bytes while it waits: the memory that it takes. */
export const datagramCostBytes = 512

/** Datagrams whose messages wait: they hold memory until the messages are taken. */
export interface DatagramSupply<T> extends CheckedSupply<DatagramDelivery<T>> {
  /** What it counts as in the inbox, in bytes. */
  readonly cost: number
  /** Called with its cost when none of its messages waits any more. */
  released: (cost: number) => void
}

/** What a header says of the messages of its datagram. */
export interface MessageNumbers {
  readonly count: number
  readonly from: string
  readonly sequence: number
  readonly lost: number
}

function nothing(): void {}

/** The messages of a datagram with numbers. */
export class NumberedSupply<T> implements DatagramSupply<T> {
  readonly cost: number
  released: (cost: number) => void = nothing
  readonly #batch: Batch<T, MessageNumbers>
  #lost: number

  constructor(frame: BatchFrame<MessageNumbers>, reader: MessageReader<T>) {
    this.cost = frame.bytes.length + datagramCostBytes
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
    this.released(this.cost)
    return this.#batch.discard()
  }

  trailing(): RivuletError | undefined {
    this.released(this.cost)
    return this.#batch.trailing()
  }
}

/** The one message of a datagram that has no header. */
export class RawSupply<T> implements DatagramSupply<T> {
  readonly cost: number
  released: (cost: number) => void = nothing
  remaining = 1
  readonly #bytes: Buffer
  readonly #from: string
  readonly #read: (bytes: Buffer) => T

  constructor(bytes: Buffer, from: string, read: (bytes: Buffer) => T) {
    this.cost = bytes.length + datagramCostBytes
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
    this.released(this.cost)
    return left
  }

  trailing(): undefined {
    this.released(this.cost)
  }
}

/** One for all, since reading a message calls nobody. */
const cursor: Cursor = { position: 0 }

/** Reads bare Avro, which must end with the datagram. */
export function bareReader<T>(read: ReadValue<T>): (bytes: Buffer) => T {
  return (bytes) => {
    cursor.position = 0
    const value = read(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), cursor, bytes.length)
    if (cursor.position !== bytes.length) fail('there is more than one value')
    return value
  }
}
