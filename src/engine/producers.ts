/**
 * The last number of each producer of a queue: what makes sending twice harmless.
 *
 * A producer that has not sent for a day is forgotten, and may begin anywhere then.
 */
import { defaults } from '../options/index.js'
import { readU64, writeU64 } from '../store/index.js'
import { keyName, nameKey, rangeOf, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** A producer that is known. */
interface Producer {
  readonly key: Buffer
  last: number
  /** When it sent last, in milliseconds since 1970. */
  time: number
  /** Whether it has a record. */
  isStored: boolean
}

const { producerMemoryMs } = defaults

/** Producers that are kept in memory; as many again of those that are on no disk. */
const keptProducers = 10_000

/** Producers that one sweep looks at. */
const sweptProducers = 1000

/** The producers of a queue. */
export class Producers {
  readonly #queue: number
  readonly #known = new Map<string, Producer>()
  readonly #changed = new Set<Producer>()
  /** Producers whose first messages were refused once and are part of this write, with what came before those. */
  readonly #begun = new Map<string, number>()
  /** How many are on no disk, since all that they sent was refused. */
  #refused = 0
  /** Where the sweep continues. */
  #swept: Buffer | undefined

  /** @param former - What was known until now, of which only what is not on disk is still true. */
  constructor(queue: number, former?: Producers) {
    this.#queue = queue
    if (!former) return
    for (const [name, producer] of former.#known) if (!producer.isStored) this.#known.set(name, producer)
    for (const [name, last] of former.#begun) {
      this.#known.set(name, { key: this.#keyOf(name), last, time: former.#known.get(name)?.time ?? 0, isStored: false })
    }
    this.#refused = this.#known.size
  }

  /** The number of the last message that was stored; `undefined` for a producer that is not known. */
  last(tx: Transaction, name: string): number | undefined {
    return this.#find(tx, name)?.last
  }

  /**
   * The number with which a producer continues after a refused message. One that is not known yet has to begin with it:
   * what it sent behind that must not be taken for its beginning. 0 if there are too many such producers to remember one more.
   */
  expected(tx: Transaction, name: string, refused: number): number {
    const producer = this.#find(tx, name)
    if (producer) return producer.last + 1
    if (this.#refused >= keptProducers) return 0
    this.#refused += 1
    this.#keep(name, { key: this.#keyOf(name), last: refused - 1, time: tx.wall, isStored: false })
    return refused
  }

  /** Messages up to a number are stored with this write. */
  stored(tx: Transaction, name: string, last: number): void {
    const producer = this.#find(tx, name) ?? { key: this.#keyOf(name), last, time: tx.wall, isStored: true }
    if (!producer.isStored) {
      this.#begun.set(name, producer.last)
      this.#refused -= 1
    }
    producer.last = last
    producer.time = tx.wall
    producer.isStored = true
    this.#keep(name, producer)
    this.#changed.add(producer)
  }

  /** Makes what has changed part of the write. */
  flush(tx: Transaction): void {
    for (const { key, last, time } of this.#changed) {
      const value = Buffer.allocUnsafe(16)
      writeU64(value, last)
      writeU64(value, time, 8)
      tx.put(key, value)
    }
    this.#changed.clear()
  }

  /** The write is safe. */
  written(): void {
    if (this.#begun.size > 0) this.#begun.clear()
  }

  /** Forgets some that have not sent for long; tells whether there may be more. */
  sweep(tx: Transaction): boolean {
    const [from, to] = rangeOf(table.producer, this.#queue)
    let count = 0
    for (const { key, value } of tx.stored(this.#swept ?? from, to, sweptProducers)) {
      count += 1
      this.#swept = Buffer.concat([key, Buffer.of(0)])
      if (tx.wall - readU64(value, 8) > producerMemoryMs) tx.remove(key)
    }
    if (count === sweptProducers) return true
    this.#swept = undefined
    for (const [name, { time, isStored }] of this.#known) {
      if (isStored || tx.wall - time <= producerMemoryMs) continue
      this.#known.delete(name)
      this.#refused -= 1
    }
    return false
  }

  #find(tx: Transaction, name: string): Producer | undefined {
    const known = this.#known.get(name)
    if (known) return known
    const key = this.#keyOf(name)
    const value = tx.get(key)
    if (!value) return undefined
    const producer = { key, last: readU64(value), time: readU64(value, 8), isStored: true }
    this.#keep(name, producer)
    return producer
  }

  #keep(name: string, producer: Producer): void {
    if (this.#known.size - this.#refused >= keptProducers && this.#changed.size === 0) {
      for (const [known, { isStored }] of this.#known) if (isStored) this.#known.delete(known)
    }
    this.#known.set(name, producer)
  }

  #keyOf(name: string): Buffer {
    return nameKey(table.producer, this.#queue, keyName(name))
  }
}
