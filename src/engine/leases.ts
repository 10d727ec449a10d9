/**
 * The leases of a queue: which messages were dealt out together, to whom, and until when.
 *
 * The record of a lease is what counts an attempt: it is there before its messages leave, and as long as one of them is
 * unsettled. Time limits are in memory only: after a restart each lease has its whole time again.
 */
import { readU64, writeU64 } from '../store/index.js'
import type { Consumer } from './consumer.js'
import type { DeliveryExtras } from './engine.js'
import { keyOf, table } from './tables.js'
import type { Transaction } from './transaction.js'

/** Unsettled messages of a lease that follow one another in a block, or a single one. */
export interface Segment {
  /** Which message of the lease is the first, and how many there are. */
  readonly index: number
  readonly count: number
  /** The position of the first. */
  readonly position: number
  /** The position of the first of the block; -1 for a single message. */
  readonly block: number
  /** When the single message was due. */
  readonly due: number
  /** The bytes of the bodies. */
  readonly bytes: number
}

/** Messages that were dealt out together. */
export interface Lease {
  readonly number: number
  /** The name of the consumer, and who it is now, if it is there. */
  readonly consumer: string
  owner: Consumer | undefined
  /** The schema of its messages; not known of a lease that was read. */
  schemaId: Uint8Array | undefined
  /** When it runs out, on the clock that never goes back, in milliseconds. */
  deadline: number
  readonly count: number
  segments: readonly Segment[]
  /** The size of each body, and what some messages have beside them; not known of a lease that was read. */
  readonly lengths: readonly number[] | undefined
  readonly extras: readonly DeliveryExtras[] | undefined
  /** Whether its owner was ever notified of it. */
  isDelivered: boolean
  /** When it first ran out, if it has not ended since; `undefined` while it runs. */
  lapsedAt: number | undefined
}

/** A lease that has run out and ended, and the messages that it had then. */
export interface PastLease {
  readonly consumer: string
  readonly segments: readonly Segment[]
}

/** What is remembered of leases that have run out, in segments. */
const pastSegments = 16_384

const fixedBytes = 10
const segmentBytes = 32
const byItself = 0xffff_ffff

/** The leases of a queue. */
export class Leases {
  /** The number of the next one. */
  next = 1
  /** Messages under leases, and their bytes. */
  messages = 0
  bytes = 0
  /** Those that run out first come first, as long as the lease of the queue is not changed. */
  readonly #leases = new Map<number, Lease>()
  readonly #changed = new Set<Lease>()
  /** Leases that this write ends: if it fails, they continue. */
  readonly #ended = new Map<number, Lease>()
  /** Leases that have run out and that nobody wanted, the oldest first. */
  readonly lapsed = new Set<Lease>()
  /** The last leases that have run out and ended. */
  readonly #past = new Map<number, PastLease>()
  #pastSegments = 0
  readonly #queue: number

  constructor(queue: number) {
    this.#queue = queue
  }

  get size(): number {
    return this.#leases.size
  }

  get(number: number): Lease | undefined {
    return this.#leases.get(number)
  }

  /** A lease as it was before this write. */
  former(number: number): Lease | undefined {
    return this.#leases.get(number) ?? this.#ended.get(number)
  }

  /** The write is safe. */
  written(): void {
    if (this.#ended.size > 0) this.#ended.clear()
  }

  values(): IterableIterator<Lease> {
    return this.#leases.values()
  }

  /** Messages of leases that have lapsed: others may have them. */
  get lapsedMessages(): number {
    let messages = 0
    for (const { segments } of this.lapsed) for (const { count } of segments) messages += count
    return messages
  }

  /** A lease that has run out and ended, if it is one of the last. */
  past(number: number): PastLease | undefined {
    return this.#past.get(number)
  }

  /** The first to run out. */
  get first(): Lease | undefined {
    for (const lease of this.#leases.values()) return lease
    return undefined
  }

  /** Begins a lease; its record is part of the write. */
  add(lease: Lease): void {
    this.restore(lease)
    this.#changed.add(lease)
  }

  /** A lease that was read. */
  restore(lease: Lease): void {
    this.#leases.set(lease.number, lease)
    if (lease.lapsedAt !== undefined) this.lapsed.add(lease)
    for (const { count, bytes } of lease.segments) {
      this.messages += count
      this.bytes += bytes
    }
  }

  /** Restarts a lease. */
  extend(lease: Lease, deadline: number): void {
    lease.lapsedAt = undefined
    this.lapsed.delete(lease)
    this.#runUntil(lease, deadline)
  }

  /** Leaves a lease that has run out with its owner until somebody wants its messages; looks at it again later. */
  lapse(lease: Lease, now: number, checkAt: number): void {
    lease.lapsedAt ??= now
    this.lapsed.add(lease)
    this.#runUntil(lease, checkAt)
  }

  /** Remembers a lease that has run out and is about to end, so that late acknowledgements are understood. */
  remember({ number, consumer, segments }: Lease): void {
    this.#past.set(number, { consumer, segments })
    this.#pastSegments += segments.length
    for (const [first, { segments }] of this.#past) {
      if (this.#pastSegments <= pastSegments) return
      this.#past.delete(first)
      this.#pastSegments -= segments.length
    }
  }

  #runUntil(lease: Lease, deadline: number): void {
    lease.deadline = deadline
    this.#leases.delete(lease.number)
    this.#leases.set(lease.number, lease)
  }

  /** Other messages of a lease are left; `messages` and `bytes` are not any more. */
  keep(lease: Lease, segments: readonly Segment[], messages: number, bytes: number): void {
    lease.segments = segments
    this.messages -= messages
    this.bytes -= bytes
    this.#changed.add(lease)
    if (segments.length > 0) return
    this.#leases.delete(lease.number)
    this.lapsed.delete(lease)
    this.#ended.set(lease.number, lease)
    // parts of a block that cannot be read any more were counted as nothing
    if (this.#leases.size === 0) this.bytes = 0
  }

  /** Makes what has changed part of the write. */
  flush(tx: Transaction): void {
    for (const lease of this.#changed) {
      const key = keyOf(table.lease, this.#queue, lease.number)
      if (lease.segments.length > 0) tx.put(key, encodeLease(lease))
      else tx.remove(key)
    }
    this.#changed.clear()
  }
}

/** A lease as a record. */
export function encodeLease({ consumer, count, segments }: Lease): Buffer {
  const name = Buffer.from(consumer)
  const bytes = Buffer.allocUnsafe(fixedBytes + name.length + segmentBytes * segments.length)
  bytes.writeUInt32BE(count, 0)
  bytes.writeUInt32BE(segments.length, 4)
  bytes.writeUInt16BE(name.length, 8)
  bytes.set(name, fixedBytes)
  let at = fixedBytes + name.length
  for (const { index, count, position, block, due, bytes: size } of segments) {
    bytes.writeUInt32BE(index, at)
    bytes.writeUInt32BE(block < 0 ? byItself : count, at + 4)
    writeU64(bytes, position, at + 8)
    writeU64(bytes, block < 0 ? due : block, at + 16)
    writeU64(bytes, size, at + 24)
    at += segmentBytes
  }
  return bytes
}

/** Reads a lease, whose owner is not known yet. */
export function decodeLease(number: number, value: Uint8Array, deadline: number): Lease {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const nameEnd = fixedBytes + bytes.readUInt16BE(8)
  const segments: Segment[] = []
  for (let at = nameEnd; at < bytes.length; at += segmentBytes) {
    const count = bytes.readUInt32BE(at + 4)
    const place = readU64(bytes, at + 16)
    segments.push({
      index: bytes.readUInt32BE(at),
      count: count === byItself ? 1 : count,
      position: readU64(bytes, at + 8),
      block: count === byItself ? -1 : place,
      due: count === byItself ? place : 0,
      bytes: readU64(bytes, at + 24),
    })
  }
  const consumer = bytes.toString('utf8', fixedBytes, nameEnd)
  const count = bytes.readUInt32BE(0)
  const known = { lengths: undefined, extras: undefined }
  return {
    number,
    consumer,
    owner: undefined,
    schemaId: undefined,
    deadline,
    count,
    segments,
    ...known,
    isDelivered: true,
    lapsedAt: undefined,
  }
}
