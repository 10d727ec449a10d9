/**
 * Messages under one lease at a consumer: handed out one by one, and what was said of each, until the host has confirmed it.
 *
 * It sends nothing: its consumer collects what was said at the end of a turn.
 */
import { Malformed } from '../avro/read-primitives.js'
import { crc32 } from '../checksum/index.js'
import type { RivuletError } from '../errors/index.js'
import { bufferOf } from '../memory/index.js'
import type { PeerIdentity } from '../security/index.js'
import type { CheckedSupply } from '../stream/index.js'
import { Confirmation } from './confirmation.js'
import { type Delivery, type DeliveryLease, LeasedDelivery } from './delivery.js'
import { leaseLost } from './lease-errors.js'
import { type PendingSettlement, PendingSettlements } from './pending-settlements.js'
import type { DeliveredExtras, Fate, LeasedMessages } from './protocol.js'
import { describeReason } from './reason.js'
import { senderAt } from './sender.js'

/** Reads a message of the writer that the lease has messages of. */
export type ReadMessage<Out> = (bytes: Buffer, view: DataView, cursor: { position: number }, end: number) => Out

/** The consumer that has a lease. */
export interface LeaseOwner {
  /** Something was said of a lease: it is to be collected at the end of this turn. */
  touched(lease: HeldLease<unknown>): void
  /** A message was handed out; it was the last one of its lease or not. */
  handedOut(lease: HeldLease<unknown>, isLast: boolean): void
  /** Messages were settled here: they count against the prefetch no more. */
  settled(messages: number, handedOut: number): void
  /** A settlement came after the lease was lost; its caller is notified at the end of this turn. */
  late(confirmation: Confirmation, error: RivuletError): void
  /** Knows what becomes of messages that cannot be read. */
  readonly schemas: { fateOf(cause: unknown): Fate }
}

/** What is known of a message; 0 while it waits to be handed out. */
const inHand = 1
const acked = 2
const settledOtherwise = 3
/** Handed out and not settled when the lease was lost: the host knows whether somebody else has it. */
const lostInHand = 4

/** A lease. */
export class HeldLease<Out> implements CheckedSupply<Delivery<Out>>, DeliveryLease {
  readonly number: number
  readonly count: number
  /** Since when the lease runs at the latest, on the clock of the consumer. */
  renewedAt: number
  #inWork = 0
  /** Whether it is to be extended with the next request, and the callers that wait for that. */
  extension: Confirmation | undefined
  /** Messages of which no outcome is known. */
  open: number
  readonly #owner: LeaseOwner
  readonly #leased: LeasedMessages
  readonly #bodies: Buffer
  readonly #checks: Buffer
  readonly #view: DataView
  readonly #read: ReadMessage<Out>
  readonly #cursor = { position: 0 }
  readonly #marks: Uint8Array
  readonly #signals = new Map<number, AbortController>()
  #next = 0
  #start = 0
  #nextExtras = 0
  /** What the message that was taken last has beside its body. */
  #taken: DeliveredExtras | undefined
  #end: number
  /** The acks that were not collected lie between these. */
  #low = Number.POSITIVE_INFINITY
  #high = -1
  readonly #pending = new PendingSettlements(this)
  #lost: RivuletError | undefined
  #suspected: RivuletError | undefined
  /** Why what was in hand was failed, though nobody had said anything of it. */
  #givenUp: RivuletError | undefined

  constructor(owner: LeaseOwner, leased: LeasedMessages, read: ReadMessage<Out>, now: number) {
    const { bodies, checks, lengths, lease } = leased
    this.#owner = owner
    this.#leased = leased
    this.#read = read
    this.#bodies = bufferOf(bodies)
    this.#checks = bufferOf(checks)
    this.#view = new DataView(bodies.buffer, bodies.byteOffset, bodies.length)
    this.number = lease
    this.count = lengths.length
    this.open = this.count
    this.#end = this.count
    this.#marks = new Uint8Array(this.count)
    this.renewedAt = now
  }

  get remaining(): number {
    return this.#end - this.#next
  }

  /** Messages that were handed out and not settled. */
  get unsettled(): number {
    let count = 0
    for (const mark of this.#marks) if (mark === inHand) count += 1
    return count
  }

  /** Why it was lost; `undefined` if it was not. */
  get lostBy(): RivuletError | undefined {
    return this.#lost
  }

  /** Whether each message has its outcome: there is nothing left to extend. */
  get isOver(): boolean {
    return this.open === 0
  }

  take(): Delivery<Out> {
    const index = this.#next
    const { lengths, extras = [] } = this.#leased
    const bodies = this.#bodies
    const start = this.#start
    const end = start + (lengths[index] as number)
    this.#next += 1
    this.#start = end
    this.#marks[index] = inHand
    const own = extras[this.#nextExtras]?.index === index ? extras[this.#nextExtras++] : undefined
    this.#taken = own
    if (crc32(bodies, start, end) !== this.#checks.readUInt32BE(4 * index)) {
      throw new Malformed('its check does not match its bytes')
    }
    this.#cursor.position = start
    const value = this.#read(bodies, this.#view, this.#cursor, end)
    if (this.#cursor.position !== end) throw new Malformed('there is more than the value')
    this.#owner.handedOut(this, this.#next === this.#end)
    return new LeasedDelivery(value, this, index, own)
  }

  /** A message cannot be read: it goes to others that may, or is a dead letter. */
  failed(cause: unknown): number {
    const index = this.#next - 1
    this.#marks[index] = settledOtherwise
    this.#say(this.#owner.schemas.fateOf(cause), index, 1)
    this.#owner.settled(1, 0)
    return 1
  }

  /** The message that was taken last, also if it could not be read. */
  get lastTaken(): { readonly position: number; readonly attempt: number; readonly id: string | undefined } {
    const { attempt, id } = this.#taken ?? {}
    return { position: this.positionOf(this.#next - 1), attempt: attempt ?? 1, id: id ?? undefined }
  }

  /** Releases what was not handed out; returns how many messages that were. */
  discard(): number {
    const { remaining } = this
    if (remaining > 0) this.sayOfRest({ kind: 'release' })
    return remaining
  }

  /** Says something of all that was not handed out, and never will be. */
  sayOfRest(what: Fate): void {
    const { remaining } = this
    const first = this.#next
    this.#end = first
    this.#marks.fill(settledOtherwise, first)
    this.#say(what, first, remaining)
    this.#owner.settled(remaining, 0)
  }

  trailing(): undefined {}

  positionOf(index: number): number {
    const { position, positions = [] } = this.#leased
    return position + (positions.length === 0 ? index : (positions[index] as number))
  }

  timeOf(index: number): number {
    const { time, times = [] } = this.#leased
    return time + (times.length === 0 ? 0 : (times[index] as number))
  }

  senderOf(index: number): PeerIdentity | undefined {
    return senderAt(this.#leased, index)
  }

  isSettled(index: number): boolean {
    return this.#marks[index] !== inHand
  }

  signalOf(index: number): AbortSignal {
    let controller = this.#signals.get(index)
    if (controller === undefined) {
      controller = new AbortController()
      this.#signals.set(index, controller)
      const why = this.#lost ?? this.#givenUp ?? this.#suspected
      if (why !== undefined) controller.abort(why)
    }
    return controller.signal
  }

  ack(index: number): Promise<void> {
    if (this.#marks[index] === lostInHand) return this.#ackLate(index)
    if (this.#marks[index] !== inHand) return this.#tooLate()
    this.#marks[index] = acked
    if (index < this.#low) this.#low = index
    if (index > this.#high) this.#high = index
    return this.#settled(index, this.#pending.ack())
  }

  fail(index: number, kind: 'nack' | 'reject', delayMs: number | undefined, reason: unknown): Promise<void> {
    if (this.#marks[index] !== inHand) return this.#tooLate()
    this.#marks[index] = settledOtherwise
    return this.#settled(
      index,
      this.#pending.fail({ kind, delayMs: delayMs ?? null, ...describeReason(reason) }, index),
    )
  }

  extend(): Promise<void> {
    const why = this.#lost ?? this.#givenUp
    if (why !== undefined) return this.#late(why)
    if (this.isOver) return Promise.resolve()
    this.extension ??= new Confirmation()
    this.extension.holders += 1
    this.#owner.touched(this)
    return this.extension
  }

  working(handlers: number): void {
    this.#inWork += handlers
  }

  /** Whether it should not run out: some messages were not handed out, or are worked on. */
  get isInUse(): boolean {
    return this.remaining > 0 || this.#inWork > 0
  }

  /** Extends it although nobody asks. */
  renew(): void {
    this.extension ??= new Confirmation()
    this.#owner.touched(this)
  }

  /** Fails all that were handed out and not settled: their consumer closes. Returns how many that were. */
  giveUp(reason: RivuletError): number {
    let count = 0
    for (let index = 0; index < this.#next; index++) {
      if (this.#marks[index] !== inHand) continue
      count += 1
      this.#marks[index] = settledOtherwise
      this.#say({ kind: 'nack', delayMs: 0, reason: reason.message }, index, 1)
    }
    if (count === 0) return 0
    this.#givenUp = reason
    this.#owner.settled(count, count)
    this.#abort(reason)
    return count
  }

  /** Returns what was said since the last time, as ranges. */
  collect(): PendingSettlement[] {
    const acks: [index: number, count: number][] = []
    for (let index = this.#low; index <= this.#high; index++) {
      if (this.#marks[index] !== acked) continue
      const first = index
      while (index <= this.#high && this.#marks[index] === acked) this.#marks[index++] = settledOtherwise
      acks.push([first, index - first])
    }
    this.#low = Number.POSITIVE_INFINITY
    this.#high = -1
    return this.#pending.take(acks)
  }

  /** Nothing has renewed it for as long as it lasts: somebody else may have the messages. */
  suspect(why: string): void {
    if (this.#suspected !== undefined) return
    this.#suspected = leaseLost(why)
    this.#abort(this.#suspected)
  }

  /** The host has been heard of again in time. */
  renewed(at: number): void {
    this.renewedAt = Math.max(this.renewedAt, at)
    this.#suspected = undefined
  }

  /**
   * It is lost; returns what was said in vain, and how many messages nobody was given.
   *
   * Acks that were not collected may count all the same: they are collected next.
   */
  lose(error: RivuletError): { readonly settlements: PendingSettlement[]; readonly undelivered: number } {
    this.#lost = error
    const undelivered = this.remaining
    const { unsettled } = this
    this.#end = this.#next
    const settlements = this.#pending.keepAcks(this.collect())
    if (!this.#pending.isEmpty) this.#owner.touched(this)
    this.#marks.forEach((mark, index) => {
      this.#marks[index] = mark === inHand ? lostInHand : settledOtherwise
    })
    this.open = 0
    if (undelivered + unsettled > 0) this.#owner.settled(undelivered + unsettled, unsettled)
    this.#abort(error)
    return { settlements, undelivered }
  }

  /** What a settlement gets that comes when the lease is lost, or its consumer has given it up. */
  #tooLate(): Promise<void> {
    return this.#late(this.#lost ?? this.#givenUp ?? leaseLost('it is settled'))
  }

  #late(error: RivuletError): Promise<void> {
    const confirmation = new Confirmation()
    confirmation.holders = 1
    this.#owner.late(confirmation, error)
    return confirmation
  }

  /** Acknowledges a message although the lease is lost: it counts as long as nobody else has been dealt the message. */
  #ackLate(index: number): Promise<void> {
    this.#marks[index] = settledOtherwise
    this.#owner.touched(this)
    return this.#pending.ackLate(index)
  }

  #settled(index: number, confirmation: Promise<void>): Promise<void> {
    this.#signals.delete(index)
    this.#owner.settled(1, 1)
    this.#owner.touched(this)
    return confirmation
  }

  #say(what: Fate, index: number, count: number): void {
    this.#pending.add(what, index, count)
    this.#owner.touched(this)
  }

  #abort(error: RivuletError): void {
    const controllers = [...this.#signals.values()]
    if (this.#lost !== undefined) this.#signals.clear()
    for (const controller of controllers) controller.abort(error)
  }
}
