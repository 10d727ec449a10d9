/**
 * One queue: its tables, its numbers, and who consumes from it.
 *
 * Messages come and go in `sending.ts`, `dispatcher.ts`, `settling.ts` and `dropping.ts`, which change
 * what is here as parts of a write. What memory knows beyond the disk is that one write; if it fails, all is read again.
 */
import type { RivuletError } from '../errors/index.js'
import { BlockLog, corruptError } from './block-log.js'
import { type Consumer, isReadable } from './consumer.js'
import { droppedOf, type QueueCounters, zeroCounters } from './counts.js'
import type { QueueCounts, QueueSettings } from './engine.js'
import { Ids } from './ids.js'
import { KeyOrder } from './key-order.js'
import { decodeLease, type Lease, Leases } from './leases.js'
import { asStoreError, type EngineStore } from './ports.js'
import { Producers } from './producers.js'
import { ScheduledMessages } from './scheduled-messages.js'
import { SetAside } from './set-aside.js'
import { decodeState, encodeState, isSameState, type QueueState } from './state-record.js'
import { firstNumber, keyOf, rangeOf, table } from './tables.js'
import type { Participant, Transaction } from './transaction.js'

/** What a queue needs of its engine. */
export interface QueueOwner {
  readonly store: EngineStore
  intern(schemaId: Uint8Array): Uint8Array
  report(error: RivuletError): void
  now(): number
  /** Makes the state of a queue out from its records, since some are lost. */
  recover(tx: Transaction, queue: Queue): void
  /** Where dead letters go; `undefined` for a queue of dead letters. */
  deadOf(queue: Queue): Queue | undefined
}

/** The tables with messages. */
const kept = [table.state, table.block, table.scheduled, table.parked, table.aside]

/** A queue of an engine. */
export class Queue implements Participant {
  readonly number: number
  readonly name: string
  settings: QueueSettings
  readonly consumers = new Set<Consumer>()
  counters: QueueCounters = zeroCounters()
  log!: BlockLog
  scheduled!: ScheduledMessages
  leases!: Leases
  producers!: Producers
  ids!: Ids
  keys!: KeyOrder
  aside!: SetAside
  nextPosition = 1
  /** When it was last written as it is on disk, in milliseconds since 1970. */
  writtenAt = 0
  /** Whether records were lost, so that the state must be made out from the others before anything else. */
  isBroken = false
  readonly #owner: QueueOwner
  #countersBefore: QueueCounters = this.counters
  #written: Buffer | undefined
  #isNamed = false
  #isUnread = false
  /** Leases as they were when what is on disk was about to be read, until it is. */
  #leasesBefore: Leases | undefined

  constructor(number: number, name: string, settings: QueueSettings, owner: QueueOwner) {
    this.number = number
    this.name = name
    this.settings = settings
    this.#owner = owner
    this.#makeTables()
  }

  get dead(): Queue | undefined {
    return this.#owner.deadOf(this)
  }

  /** Messages in the queue, and what their bodies take. */
  get depth(): number {
    return this.log.ready + this.scheduled.size + this.keys.parked + this.aside.messages + this.leases.messages
  }

  get bytes(): number {
    return this.log.bytes + this.scheduled.bytes + this.keys.bytes + this.aside.bytes + this.leases.bytes
  }

  readonly intern = (schemaId: Uint8Array): Uint8Array => this.#owner.intern(schemaId)

  /** Changes how messages are treated; where leases are longer or shorter from now on, all restart. */
  treat(settings: QueueSettings): void {
    const isSame = settings.leaseMs === this.settings.leaseMs
    this.settings = settings
    if (isSame) return
    for (const lease of this.leases.values()) lease.deadline = this.#owner.now() + settings.leaseMs
  }

  /** Messages were lost to damage; NaN if nobody knows how many, which is found out when no others are left. */
  corrupt(position: number, messages: number): void {
    if (!Number.isNaN(messages)) this.counters.corrupt += messages
    const what = Number.isNaN(messages) ? 'a block of messages' : messages === 1 ? 'a message' : `${messages} messages`
    this.#owner.report(corruptError(this.name, position, what))
  }

  /** Messages that had been dealt out were lost to damage, and with them what is known of their keys. */
  lost(tx: Transaction, position: number, messages: number): void {
    this.corrupt(position, messages)
    this.passKeysOn(tx, position, messages)
  }

  /** Messages are gone that cannot be read: the next of the keys that they owned have their turn. */
  passKeysOn(tx: Transaction, position: number, messages: number): void {
    if (!this.keys.isActive) return
    for (const next of this.keys.releaseUnknown(tx, position, messages)) {
      this.scheduled.putDue(tx, next)
    }
  }

  report(error: RivuletError): void {
    this.#owner.report(error)
  }

  beforeWrite(tx: Transaction): void {
    if (this.#isUnread) this.reload()
    this.#countersBefore = { ...this.counters }
    if (this.isBroken) this.#owner.recover(tx, this)
  }

  /** The write is safe. */
  written(): void {
    this.log.written()
    this.leases.written()
    this.producers.written()
  }

  flush(tx: Transaction): void {
    this.leases.flush(tx)
    this.producers.flush(tx)
    this.aside.flush(tx)
    this.scheduled.countDue(tx)
    if (!this.#isNamed) tx.put(keyOf(table.name, this.number), Buffer.from(this.name))
    this.#isNamed = true
    const state = encodeState(this.#state(tx.wall))
    if (this.#written && isSameState(state, this.#written)) return
    tx.put(keyOf(table.state, this.number), state)
    this.#written = state
  }

  /**
   * Reads the state on disk again, since a write failed. If that fails, too, it is done before the next change.
   *
   * @throws RIVULET_STORE_FAILED, RIVULET_CLOSED
   */
  reload(): void {
    this.#isUnread = true
    this.counters = { ...this.#countersBefore }
    this.load(this.#owner.now())
    this.#isUnread = false
  }

  /** Reads what is on disk. */
  load(now: number): void {
    const { store } = this.#owner
    this.#leasesBefore ??= this.leases
    const known = this.#leasesBefore
    this.#makeTables()
    this.#isNamed = store.get(keyOf(table.name, this.number)) !== undefined
    const value = store.get(keyOf(table.state, this.number))
    this.#written = value && Buffer.from(value)
    const state = value && decodeState(value)
    if (state) this.#apply(state)
    this.aside.load(store)
    for (const consumer of this.consumers) consumer.outstanding = 0
    const leases: Lease[] = []
    for (const { key, value, damaged } of store.range(...rangeOf(table.lease, this.number))) {
      if (!damaged) leases.push(this.#readLease(firstNumber(key), value, known, now))
    }
    for (const lease of leases.sort((one, other) => one.deadline - other.deadline)) this.#restoreLease(lease)
    if (this.aside.messages > 0) this.log.keepThose((start) => this.aside.holds(store, start))
    // a state that is there and cannot be read counts, too: numbers that it had given must not come again
    const hasRecords = () => kept.some((which) => this.#hasAny(which))
    const isWhole = (known: QueueState) => known.leases === this.leases.size && known.aside === this.aside.messages
    this.isBroken = state ? !isWhole(state) : this.leases.size > 0 || hasRecords()
    if (!state && !this.isBroken) this.log.beginEmpty()
    this.#leasesBefore = undefined
  }

  /** Counts what has become due, as far as can be read. */
  countDue(tx: Transaction): void {
    if (this.#isUnread || this.isBroken) return
    try {
      this.scheduled.countDue(tx)
    } catch (cause) {
      this.#owner.report(asStoreError(cause))
    }
  }

  counts(wall: number): QueueCounts {
    const { counters, log, scheduled, leases, keys, aside } = this
    const lapsed = leases.lapsedMessages
    return {
      depth: this.depth,
      ready: log.ready + scheduled.due + keys.parked + aside.messages + lapsed,
      unreadable: aside.count((name) => !isReadable(this.consumers, name)),
      delayed: scheduled.delayed,
      leased: leases.messages - lapsed,
      bytes: this.bytes,
      oldestMs: Math.max(
        0,
        wall - Math.min(wall, log.oldest ?? wall, scheduled.oldest(wall) ?? wall, aside.oldest ?? wall),
      ),
      consumers: this.#reachable,
      stored: counters.stored,
      duplicates: counters.duplicates,
      delivered: counters.delivered,
      acked: counters.acked,
      nacked: counters.nacked,
      leasesLost: counters.leasesLost,
      deadLettered: counters.deadLettered,
      dropped: droppedOf(counters),
      stale: counters.stale,
    }
  }

  /** Forgets all that is known of messages, to compute it again. */
  forgetAll(): void {
    const { producers, ids } = this
    this.#makeTables()
    this.producers = producers
    this.ids = ids
    for (const consumer of this.consumers) consumer.outstanding = 0
  }

  #makeTables(): void {
    const { number } = this
    this.log = new BlockLog(this)
    this.scheduled = new ScheduledMessages(this)
    this.leases = new Leases(number)
    this.producers = new Producers(number, this.producers)
    this.ids = new Ids(number)
    this.keys = new KeyOrder(this)
    this.aside = new SetAside(this, this.aside)
    this.nextPosition = 1
  }

  #state(writtenAt: number): QueueState {
    const { log, scheduled, leases, keys } = this
    return {
      nextPosition: this.nextPosition,
      nextLease: leases.next,
      headStart: log.headStart,
      headOffset: log.headOffset,
      headBytes: log.headBytes,
      ready: log.ready,
      readyBytes: log.bytes,
      due: scheduled.due,
      delayed: scheduled.delayed,
      laterBytes: scheduled.bytes,
      parked: keys.parked,
      parkedBytes: keys.bytes,
      leases: leases.size,
      keyOrder: keys.isActive ? 1 : 0,
      scannedDue: scheduled.scannedDue,
      scannedPosition: scheduled.scannedPosition,
      writtenAt,
      held: keys.held,
      aside: this.aside.messages,
    }
  }

  #apply(state: QueueState): void {
    const { log, scheduled, leases, keys } = this
    this.nextPosition = state.nextPosition
    this.writtenAt = state.writtenAt
    leases.next = state.nextLease
    log.begin(state.headStart, state.headOffset, state.headBytes)
    log.ready = state.ready
    log.bytes = state.readyBytes
    scheduled.due = state.due
    scheduled.scannedDue = state.scannedDue
    scheduled.scannedPosition = state.scannedPosition
    scheduled.delayed = state.delayed
    scheduled.bytes = state.laterBytes
    keys.parked = state.parked
    keys.held = state.held
    keys.bytes = state.parkedBytes
    keys.isActive = state.keyOrder === 1
  }

  #readLease(number: number, value: Uint8Array, known: Leases | undefined, now: number): Lease {
    const before = known?.former(number)
    const lease = decodeLease(number, value, before?.deadline ?? now + this.settings.leaseMs)
    if (before) {
      lease.owner = before.owner
      lease.schemaId = before.schemaId
      lease.isDelivered = before.isDelivered
      lease.lapsedAt = before.lapsedAt
    }
    return lease
  }

  #restoreLease(lease: Lease): void {
    this.leases.restore(lease)
    for (const { count, block, due, position } of lease.segments) {
      if (block < 0) this.scheduled.leased(due, position)
      else this.log.lease(block, count)
      if (lease.owner) lease.owner.outstanding += count
    }
  }

  /** Consumers that can be reached. */
  get #reachable(): number {
    let count = 0
    for (const { isSuspended } of this.consumers) if (!isSuspended) count += 1
    return count
  }

  #hasAny(which: number): boolean {
    for (const _ of this.#owner.store.range(...rangeOf(which, this.number), { limit: 1 })) return true
    return false
  }
}
