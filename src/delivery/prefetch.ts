/**
 * The messages that a consumer has: asks the host for as many as it has room for, keeps their leases, and says what became
 * of them.
 *
 * It hands nothing out itself: what comes goes to an `Inbound`, whose stream does. It has a clock, and no timer.
 */
import type { Codec } from '../avro/codec.js'
import type { Conversation } from '../conversation/index.js'
import { RivuletError } from '../errors/index.js'
import { atEndOfTurn, OncePerTurn, Waiters } from '../lifecycle/index.js'
import type { Inbound } from '../stream/index.js'
import type { Confirmation } from './confirmation.js'
import type { Delivery } from './delivery.js'
import { HeldLease, type LeaseOwner } from './held-lease.js'
import { leaseLost, leaseLostByBlocking, notExtended, silence } from './lease-errors.js'
import { LoopLag } from './loop-lag.js'
import type { PendingSettlement } from './pending-settlements.js'
import type { DeliveryAnswer, DeliveryOpened, DeliveryRequest, LeasedMessages } from './protocol.js'
import { Settlements } from './settlements.js'
import { isLeaseTime, isWhole } from './validation.js'
import { noReader, WriterSchemas } from './writer-schemas.js'

/** What a prefetch needs of its consumer. */
export interface PrefetchPorts<Out, Open> {
  /** How a stream begins: with the leases that are held, and the schemas that cannot be read. */
  opening(held: number[], unreadable: Buffer[]): Open
  readonly prefetch: number
  readonly codec: Codec<never, Out>
  now(): number
  /** Whether somebody wants messages. */
  isWanted(): boolean
  inbound(): Inbound<Delivery<Out>>
  /** There is something to say. */
  wake(): void
  /** The number of leases, or how long they last, has changed. */
  leasesChanged(): void
  report(error: RivuletError): void
}

/** The prefetch of one consumer. */
export class Prefetch<Out, Open> implements LeaseOwner, Conversation<DeliveryRequest<Open>, DeliveryAnswer> {
  /** How long a lease lasts, in milliseconds; infinite until the host has said so. */
  leaseMs = Number.POSITIVE_INFINITY
  readonly #ports: PrefetchPorts<Out, Open>
  readonly schemas: WriterSchemas<Out>
  readonly #settlements: Settlements
  readonly #leases = new Map<number, HeldLease<Out>>()
  readonly #touched = new Set<HeldLease<unknown>>()
  readonly #lag = new LoopLag()
  /** Since when it has listened to the host without having been blocked. */
  #listensSince = Number.NEGATIVE_INFINITY
  /** Why nothing is said any more. */
  #finished: RivuletError | undefined
  #epoch = ''
  #isOpened = false
  /** What the host was asked for on this stream and has not sent. */
  #granted = 0
  /** Messages that are here and not settled, and those of them that were handed out. */
  #outstanding = 0
  #handedOut = 0
  #closing = false
  #isIdle = false
  #refusal: string | undefined
  readonly #idleWaiters = new Waiters()
  readonly #settledWaiters = new Waiters()
  readonly #flushes = new OncePerTurn(() => {
    if (this.#finished === undefined) this.#ports.wake()
    else this.#failTouched(this.#finished)
  })

  constructor(ports: PrefetchPorts<Out, Open>) {
    this.#ports = ports
    this.schemas = new WriterSchemas(ports.codec, (error) => ports.report(error))
    this.#settlements = new Settlements((error, unreported) => this.#reportUnreported(error, unreported))
  }

  /** Leases that it holds. */
  get leases(): number {
    return this.#leases.size
  }

  /** Messages that were handed out and not settled. */
  get handedOutMessages(): number {
    return this.#handedOut
  }

  /** Whether messages are here that nobody was given, or may come. */
  get hasAsked(): boolean {
    return this.#granted > 0 || this.#ports.inbound().pending > 0
  }

  /** Somebody wants messages, or nobody does any more. */
  wantedChanged(): void {
    if (this.#ports.isWanted()) this.#isIdle = false
    this.#flushes.schedule()
  }

  /** Nobody has wanted messages for a while: what is here goes back, and so does what still comes. */
  idle(): void {
    this.#isIdle = true
    this.releaseWaiting('released')
  }

  /** Releases everything that nobody was given. */
  releaseWaiting(reason: string): void {
    let released = 0
    for (const lease of this.#leases.values()) released += lease.discard()
    if (released > 0) this.#ports.inbound().givenUp(reason, released)
  }

  /** When `tick` is due next; at infinity if it is not. */
  expectTick(dueAt: number): void {
    this.#lag.expect(dueAt)
  }

  /** Extends the leases that are in use, and suspects those of which nothing was heard. */
  tick(): void {
    const now = this.#ports.now()
    // what the host has said meanwhile is read after this
    if (this.#lag.checked(now, this.leaseMs)) this.#listensSince = now
    for (const lease of this.#leases.values()) {
      const hasRunOut = now - Math.max(lease.renewedAt, this.#listensSince) >= this.leaseMs
      if (hasRunOut) lease.suspect(this.#isOpened && !lease.isInUse ? notExtended(this.leaseMs) : silence)
      if (lease.isInUse) lease.renew()
    }
  }

  /** Asks for nothing more. */
  stop(): void {
    this.#closing = true
  }

  /** Resolves when everything that was handed out is settled. */
  whenIdle(): Promise<void> {
    if (this.#handedOut === 0) return Promise.resolve()
    return this.#idleWaiters.wait()
  }

  /** Fails what was handed out and not settled; returns how many messages that were. */
  giveUp(reason: RivuletError): number {
    let given = 0
    for (const lease of this.#leases.values()) given += lease.giveUp(reason)
    return given
  }

  /** Resolves when the host has answered everything, and nothing that it was asked for can come any more. */
  whenSettled(): Promise<void> {
    this.#ports.wake()
    if (this.#isSettled) return Promise.resolve()
    return this.#settledWaiters.wait()
  }

  /** Nothing is answered any more. */
  failAll(error: RivuletError): void {
    this.#finished = error
    for (const lease of [...this.#leases.values()]) this.#lose(lease, error)
    this.#failTouched(error)
    this.#settlements.failAll(error)
    this.#checkSettled()
  }

  open(): DeliveryRequest<Open> {
    this.#isOpened = false
    return { open: this.#ports.opening([...this.#leases.keys()], this.schemas.allUnreadable()) }
  }

  take(): DeliveryRequest<Open> | undefined {
    if (!this.#isOpened) return undefined
    const now = this.#ports.now()
    // the host hears that this consumer is alive: it must hear of its leases as well, or they are lost
    if (this.#lag.isDue(now)) this.tick()
    const ranges: PendingSettlement[] = []
    const extended: HeldLease<unknown>[] = []
    for (const lease of this.#touched) {
      ranges.push(...lease.collect())
      if (lease.extension !== undefined) extended.push(lease)
    }
    this.#touched.clear()
    const credit = this.#creditToGive()
    if (ranges.length === 0 && extended.length === 0 && credit === 0 && !this.#settlements.hasMore) return undefined
    this.#granted += credit
    const { number, sent } = this.#settlements.send(ranges, extended, now)
    const settlements = sent.map(({ range }) => range)
    const unreadable = this.schemas.newUnreadable()
    return { number, credit, settlements, extend: extended.map((lease) => lease.number), unreadable }
  }

  answer({ opened, leased, settled = [], extended = [], lost = [] }: DeliveryAnswer): void {
    if (opened) this.#opened(opened)
    for (const lease of lost) this.#hostLost(lease)
    for (const { number, outcomes } of settled) {
      this.#settlements.answered(number, outcomes, (one) => this.#closeRange(one))
    }
    for (const number of extended) this.#settlements.extended(number)
    if (leased) this.#accept(leased)
    this.#checkSettled()
  }

  down(): void {
    this.#isOpened = false
    this.#granted = 0
    this.#settlements.down()
    for (const lease of this.#leases.values()) if (lease.extension !== undefined) this.#touched.add(lease)
    this.#checkSettled()
  }

  refused(error: RivuletError): void {
    // it is tried again, and would be refused again and again
    if (this.#refusal === error.code) return
    this.#refusal = error.code
    this.#ports.report(error)
  }

  touched(lease: HeldLease<unknown>): void {
    this.#touched.add(lease)
    this.#flushes.schedule()
  }

  handedOut(lease: HeldLease<unknown>, isLast: boolean): void {
    this.#handedOut += 1
    if (isLast && this.#ports.now() - lease.renewedAt > this.leaseMs / 8) lease.renew()
  }

  settled(messages: number, handedOut: number): void {
    this.#outstanding -= messages
    this.#handedOut -= handedOut
    if (this.#handedOut === 0) this.#idleWaiters.wake()
    this.#flushes.schedule()
  }

  late(confirmation: Confirmation, error: RivuletError): void {
    atEndOfTurn(() => this.#reportUnreported(error, confirmation.fail(error)))
  }

  #opened({ epoch, leaseMs, lost = [], setsAside = false }: DeliveryOpened): void {
    if (!isLeaseTime(leaseMs)) {
      this.#violated(`the leases of the host last for ${leaseMs} ms`) // nothing is asked of it, and nothing said to it
      return
    }
    const isAnother = this.#epoch !== '' && this.#epoch !== epoch
    this.#isOpened = true
    this.#refusal = undefined
    this.#epoch = epoch
    this.leaseMs = leaseMs
    this.schemas.hostSetsAside = setsAside
    const now = this.#ports.now()
    for (const lease of lost) this.#hostLost(lease)
    // adopted leases restart; messages that were not handed out go to consumers that are free now
    for (const lease of this.#leases.values()) lease.renewed(now)
    if (isAnother || this.#isIdle) this.releaseWaiting('released')
    this.#ports.leasesChanged()
    this.#flushes.schedule()
  }

  #accept(leased: LeasedMessages): void {
    const inbound = this.#ports.inbound()
    const count = leased.lengths.length
    const isAsked = count <= this.#granted && !this.#leases.has(leased.lease)
    this.#granted = Math.max(0, this.#granted - count)
    if (!isAsked || !isWhole(leased)) {
      this.#violated(`the host sent messages that ${isAsked ? 'do not add up' : 'it was not asked for'}`)
      return
    }
    this.#outstanding += count
    const reader = this.schemas.readerOf(leased)
    const read = typeof reader === 'string' ? noReader : reader.read
    const lease = new HeldLease<Out>(this, leased, read, this.#ports.now())
    this.#leases.set(lease.number, lease)
    if (this.#leases.size === 1) this.#ports.leasesChanged()
    if (typeof reader === 'string') {
      lease.sayOfRest(this.schemas.fateWithout(reader, leased))
      inbound.lose(reader, count)
    } else if (this.#closing || this.#isIdle) {
      lease.discard()
      inbound.lose(this.#closing ? 'closed' : 'released', count)
    } else {
      inbound.push(lease)
    }
  }

  #hostLost(number: number): void {
    const lease = this.#leases.get(number)
    if (lease === undefined) return
    const blockedMs = this.#lag.blockedSince(lease.renewedAt, this.#ports.now(), this.leaseMs)
    const takenBack = () => leaseLost('the host has taken it back')
    this.#lose(lease, blockedMs > 0 ? leaseLostByBlocking(blockedMs, this.leaseMs) : takenBack())
  }

  #lose(lease: HeldLease<Out>, error: RivuletError): void {
    this.#leases.delete(lease.number)
    this.#touched.delete(lease)
    const { settlements, undelivered } = lease.lose(error)
    if (undelivered > 0) this.#ports.inbound().givenUp('lease-lost', undelivered)
    this.#settlements.lost(lease, settlements, error)
    this.#ports.leasesChanged()
  }

  /** Messages have their outcome; a lease without others has ended. */
  #closeRange({ lease, range }: PendingSettlement): void {
    lease.open -= range.count
    if (!lease.isOver || lease.lostBy !== undefined) return
    lease.extension?.confirm()
    lease.extension = undefined
    this.#leases.delete(lease.number)
    if (this.#leases.size === 0) this.#ports.leasesChanged()
  }

  /** Fails settlements that were not collected: they are not sent any more. */
  #failTouched(error: RivuletError): void {
    for (const lease of this.#touched) this.#settlements.lost(lease, lease.collect(), error)
    this.#touched.clear()
  }

  #creditToGive(): number {
    if (this.#closing || !this.#ports.isWanted()) return 0
    return Math.max(0, this.#ports.prefetch - this.#granted - this.#outstanding)
  }

  get #isSettled(): boolean {
    return this.#touched.size === 0 && this.#settlements.isEmpty && this.#granted === 0
  }

  #checkSettled(): void {
    if (this.#settledWaiters.isAny && this.#isSettled) this.#settledWaiters.wake()
  }

  #violated(what: string): void {
    this.#ports.report(new RivuletError('RIVULET_PROTOCOL_VIOLATION', what))
  }

  #reportUnreported(error: RivuletError, messages: number): void {
    if (messages === 0) return
    const { code, message, cause, executed } = error
    this.#ports.report(new RivuletError(code, message, { cause, messages, ...(executed && { executed }) }))
  }
}
