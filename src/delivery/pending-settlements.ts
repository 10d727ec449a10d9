/** What was said of the messages of one lease and was not collected yet, and what is promised for it. */
import type { RivuletError } from '../errors/index.js'
import { Confirmation } from './confirmation.js'
import type { Fate, SettledRange } from './protocol.js'

/** The lease that something is said of. */
export interface SettlingLease {
  readonly number: number
  /** Messages of which no outcome is known. */
  open: number
  readonly isOver: boolean
  /** Why it was lost; `undefined` if it was not. */
  readonly lostBy: RivuletError | undefined
  /** Whether it is to be extended with the next request, and the callers that wait for that. */
  extension: Confirmation | undefined
}

/** Something that was said, and waits for its outcome. */
export interface PendingSettlement {
  readonly lease: SettlingLease
  readonly range: SettledRange
  readonly confirmation: Confirmation
}

/** What was said of one lease in this turn. */
export class PendingSettlements {
  readonly #lease: SettlingLease
  /** What acks share, and what everything else does: of a lease that is lost, acks may count all the same. */
  #ackConfirmation: Confirmation | undefined
  #otherConfirmation: Confirmation | undefined
  #others: SettledRange[] = []
  #lateAcks: PendingSettlement[] = []

  constructor(lease: SettlingLease) {
    this.#lease = lease
  }

  /** The promise for an ack; the ranges of acks come when they are collected. */
  ack(): Promise<void> {
    this.#ackConfirmation ??= new Confirmation()
    this.#ackConfirmation.holders += 1
    return this.#ackConfirmation
  }

  /** An ack for a lease that is lost: it has an outcome of its own. */
  ackLate(index: number): Promise<void> {
    const confirmation = new Confirmation()
    confirmation.holders = 1
    this.#lateAcks.push({ lease: this.#lease, range: this.#rangeOf(index, 1, { kind: 'ack' }), confirmation })
    return confirmation
  }

  /** Something else, which nobody waits for. */
  add(what: Fate, index: number, count: number): void {
    this.#others.push(this.#rangeOf(index, count, what))
  }

  /** The same, and its promise. */
  fail(what: Fate, index: number): Promise<void> {
    this.add(what, index, 1)
    this.#otherConfirmation ??= new Confirmation()
    this.#otherConfirmation.holders += 1
    return this.#otherConfirmation
  }

  /** Takes all of it, with acks of messages from some indices on. */
  take(acks: readonly (readonly [index: number, count: number])[]): PendingSettlement[] {
    const lease = this.#lease
    const taken = this.#lateAcks
    this.#lateAcks = []
    if (this.#others.length > 0) {
      const confirmation = this.#otherConfirmation ?? new Confirmation()
      for (const range of this.#others) taken.push({ lease, range, confirmation })
      this.#others = []
      this.#otherConfirmation = undefined
    }
    if (acks.length > 0) {
      const confirmation = this.#ackConfirmation ?? new Confirmation()
      for (const [index, count] of acks) {
        taken.push({ lease, range: this.#rangeOf(index, count, { kind: 'ack' }), confirmation })
      }
      this.#ackConfirmation = undefined
    }
    return taken
  }

  /** Puts acks back: they are to be collected although the lease is lost. Returns the rest. */
  keepAcks(taken: readonly PendingSettlement[]): PendingSettlement[] {
    const others: PendingSettlement[] = []
    for (const one of taken) {
      if (one.range.kind === 'ack') this.#lateAcks.push(one)
      else others.push(one)
    }
    return others
  }

  /** Whether something is to be collected, but for acks that have no ranges yet. */
  get isEmpty(): boolean {
    return this.#others.length === 0 && this.#lateAcks.length === 0
  }

  #rangeOf(index: number, count: number, what: Fate): SettledRange {
    return { lease: this.#lease.number, index, count, ...what }
  }
}
