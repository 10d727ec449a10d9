/**
 * The lone messages of many datagrams that came in one turn, as one supply: a supply for each would cost more than its message.
 *
 * Their bytes are copied behind one another, so that the buffers of the system are free at once. It decodes nothing before a message
 * is taken.
 */
import { type Cursor, decodeFailure } from '../../../src/avro/codec.js'
import { Malformed } from '../../../src/avro/read-primitives.js'
import type { RivuletError } from '../../../src/errors/index.js'
import type { MessageReader } from '../../../src/wire/index.js'
import { type DatagramDelivery, type DatagramSupply, datagramCostBytes } from './delivery.js'

/** The most datagrams of one supply. */
const mostDatagrams = 256

/** Larger messages have a supply of their own, in bytes: it keeps their buffer, and copies nothing. */
const mostMessageBytes = 2048

/** What the messages of several supplies are copied into, one behind the other; a new one when it is full. */
const slabBytes = 65_536

/** Up to here a loop is cheaper than a call of `copy`, in bytes. */
const shortBytes = 64

/** Where an array of one message stands, as Avro writes it in one block: the count before it, and the end behind it. */
const oneItem = 2
const arrayEnd = 0

/** One for all, since reading a message calls nobody. */
const cursor: Cursor = { position: 0 }

/** Memory for messages; what is written is not written again. */
export class MessageSlab {
  readonly buffer = Buffer.allocUnsafeSlow(slabBytes)
  readonly view = new DataView(this.buffer.buffer)
  used = 0

  /** Whether there is room for any message. */
  get hasRoom(): boolean {
    return this.used + mostMessageBytes <= slabBytes
  }
}

/** What is known of the sender of a message. */
export interface GatheredSource {
  readonly from: string
  /** A `MessageReader` of the messages of the supply. */
  readonly reader: unknown
}

/** Lone messages, in the order in which they came. */
export class GatheredSupply<T> implements DatagramSupply<T> {
  released: (cost: number) => void = () => {}
  readonly #slab: MessageSlab
  readonly #start: number
  readonly #ends: number[] = []
  readonly #sources: GatheredSource[] = []
  readonly #sequences: number[] = []
  /** By place; most have none. */
  #lost: Map<number, number> | undefined
  #cost = 0
  #taken = 0
  /** Whether a message that was taken has something behind it. */
  #trailing = false

  constructor(slab: MessageSlab) {
    this.#slab = slab
    this.#start = slab.used
  }

  /** Whether the array that begins at `start` is one message that may be gathered. */
  static suits(bytes: Buffer, start: number, count: number): boolean {
    return count === 1 && bytes[start] === oneItem && bytes.length - start <= mostMessageBytes
  }

  get cost(): number {
    return this.#cost
  }

  /** Whether it takes no more. */
  get isFull(): boolean {
    return this.#ends.length >= mostDatagrams || !this.#slab.hasRoom
  }

  get remaining(): number {
    return this.#ends.length - this.#taken
  }

  /** Adds a message that suits; it is not full. */
  add(bytes: Buffer, start: number, source: GatheredSource, sequence: number, lost: number): void {
    const slab = this.#slab
    const { buffer } = slab
    const first = start + 1
    let at = slab.used
    if (bytes.length - first > shortBytes) at += bytes.copy(buffer, at, first)
    else for (let i = first; i < bytes.length; i++) buffer[at++] = bytes[i] as number
    slab.used = at
    this.#cost += bytes.length + datagramCostBytes
    if (lost > 0) {
      this.#lost ??= new Map()
      this.#lost.set(this.#ends.length, lost)
    }
    this.#ends.push(at)
    this.#sources.push(source)
    this.#sequences.push(sequence)
  }

  take(): DatagramDelivery<T> {
    const at = this.#taken++
    const start = at === 0 ? this.#start : (this.#ends[at - 1] as number)
    const end = this.#ends[at] as number
    cursor.position = start
    const { from, reader } = this.#sources[at] as GatheredSource
    const value = (reader as MessageReader<T>).read(this.#slab.buffer, this.#slab.view, cursor, end)
    if (cursor.position !== end - 1 || this.#slab.buffer[end - 1] !== arrayEnd) this.#trailing = true
    return { value, from, sequence: this.#sequences[at] as number, lost: this.#lost?.get(at) ?? 0 }
  }

  failed(): number {
    return 1
  }

  discard(): number {
    const left = this.remaining
    this.#taken = this.#ends.length
    this.released(this.#cost)
    return left
  }

  trailing(): RivuletError | undefined {
    this.released(this.#cost)
    if (!this.#trailing) return undefined
    return decodeFailure(new Malformed('there is more than its header says'), 'the end of a datagram')
  }
}
