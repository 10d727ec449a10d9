/**
 * The settlements of a consumer: kept until the host has answered, and sent again on a new stream.
 */
import { RivuletError, receivedError } from '../errors/index.js'
import type { Confirmation } from './confirmation.js'
import type { HeldLease } from './held-lease.js'
import { leaseLost } from './lease-errors.js'
import type { PendingSettlement } from './pending-settlements.js'
import type { RangeOutcome } from './protocol.js'

/** The most that one request has: ranges of messages, and characters of reasons and stacks. */
const requestRanges = 4096
const requestCharacters = 262_144

/** Extensions that were asked for together. */
interface Extending {
  readonly at: number
  readonly leases: readonly { readonly lease: HeldLease<unknown>; readonly confirmation: Confirmation }[]
}

/** What came of a confirmation that failed. */
export type Failed = (error: RivuletError, unreported: number) => void

/** What was said and not answered. */
export class Settlements {
  readonly #failed: Failed
  #number = 0
  readonly #requests = new Map<number, readonly PendingSettlement[]>()
  readonly #extensions = new Map<number, Extending>()
  /** What waits for the next request: said on a stream that has ended, or too much for one. */
  #again: PendingSettlement[] = []
  readonly #repeated = new Set<PendingSettlement>()

  constructor(failed: Failed) {
    this.#failed = failed
  }

  /** Whether nothing waits for an answer. */
  get isEmpty(): boolean {
    return this.#requests.size === 0 && this.#again.length === 0
  }

  /** Whether something waits to be said. */
  get hasMore(): boolean {
    return this.#again.length > 0
  }

  /** Enters what is said next, behind what waits and as much as one request may have; returns its number and all of it. */
  send(
    ranges: PendingSettlement[],
    extended: Iterable<HeldLease<unknown>>,
    now: number,
  ): { number: number; sent: PendingSettlement[] } {
    const all = this.#again.length === 0 ? ranges : [...this.#again, ...ranges]
    const fitting = fittingRanges(all)
    const sent = fitting === all.length ? all : all.slice(0, fitting)
    this.#again = fitting === all.length ? [] : all.slice(fitting)
    const number = ++this.#number
    if (sent.length > 0) this.#requests.set(number, sent)
    const leases = [...extended].map((lease) => {
      const confirmation = lease.extension as Confirmation
      lease.extension = undefined
      return { lease, confirmation }
    })
    if (leases.length > 0) this.#extensions.set(number, { at: now, leases })
    return { number, sent }
  }

  /** The host has answered; calls back for each range that has its outcome. */
  answered(number: number, outcomes: readonly RangeOutcome[], done: (range: PendingSettlement) => void): void {
    const sent = this.#requests.get(number)
    if (sent === undefined) return
    this.#requests.delete(number)
    const errors = new Map<Confirmation, RivuletError | undefined>()
    const counted = new Set<Confirmation>()
    for (const [at, one] of sent.entries()) {
      const outcome = outcomes[at]
      const error = this.#errorOf(one, outcome)
      if (error !== undefined || !errors.has(one.confirmation)) errors.set(one.confirmation, error)
      if (outcome !== undefined && outcome.settled > 0) counted.add(one.confirmation)
      this.#repeated.delete(one)
      done(one)
    }
    for (const [confirmation, error] of errors) {
      const isMixed = error?.code === 'RIVULET_LEASE_LOST' && counted.has(confirmation)
      this.#finish(confirmation, isMixed ? mixed(error) : error)
    }
  }

  /** The host has extended what it was asked to, as far as it did not say that it is lost. */
  extended(number: number): void {
    const extending = this.#extensions.get(number)
    if (extending === undefined) return
    this.#extensions.delete(number)
    for (const { lease, confirmation } of extending.leases) {
      if (lease.lostBy !== undefined) {
        this.#finish(confirmation, lease.lostBy)
      } else {
        lease.renewed(extending.at)
        confirmation.confirm()
      }
    }
  }

  /** The stream has ended: what has no answer is said again on the next one. */
  down(): void {
    for (const sent of this.#requests.values()) {
      for (const one of sent) {
        this.#repeated.add(one)
        this.#again.push(one)
      }
    }
    this.#requests.clear()
    for (const { leases } of this.#extensions.values()) {
      for (const { lease, confirmation } of leases) {
        if (lease.lostBy !== undefined) this.#finish(confirmation, lease.lostBy)
        else if (lease.isOver || lease.extension !== undefined) confirmation.confirm()
        else lease.extension = confirmation
      }
    }
    this.#extensions.clear()
  }

  /** A lease is lost: its settlements have their outcome, unless they are in transit or acks, which may count all the same. */
  lost(lease: HeldLease<unknown>, sent: readonly PendingSettlement[], error: RivuletError): void {
    const isInVain = (one: PendingSettlement) => one.lease === lease && one.range.kind !== 'ack'
    const again = this.#again.filter(isInVain)
    if (again.length > 0) this.#again = this.#again.filter((one) => !isInVain(one))
    const confirmations = new Map<Confirmation, RivuletError>()
    for (const { confirmation } of sent) confirmations.set(confirmation, error)
    for (const one of again) confirmations.set(one.confirmation, this.#repeated.delete(one) ? unknown(away) : error)
    if (lease.extension !== undefined) confirmations.set(lease.extension, error)
    lease.extension = undefined
    for (const [confirmation, why] of confirmations) this.#finish(confirmation, why)
  }

  /** Gives up on everything: what had been said may have been heard. */
  failAll(error: RivuletError): void {
    const confirmations = new Map<Confirmation, RivuletError>()
    for (const { leases } of this.#extensions.values()) {
      for (const { confirmation } of leases) confirmations.set(confirmation, error)
    }
    this.#extensions.clear()
    this.down()
    for (const one of this.#again) {
      confirmations.set(one.confirmation, this.#repeated.has(one) ? unknown(error.message) : error)
    }
    this.#again = []
    this.#repeated.clear()
    for (const [confirmation, why] of confirmations) this.#finish(confirmation, why)
  }

  #errorOf(one: PendingSettlement, outcome: RangeOutcome | undefined): RivuletError | undefined {
    if (outcome === undefined) return unknown(away)
    if (outcome.code != null) return receivedError(outcome.code, outcome.message ?? '')
    if (outcome.stale === 0 || one.range.kind === 'release') return undefined
    if (this.#repeated.has(one)) return unknown(away)
    return one.lease.lostBy ?? leaseLost('it had ended before this came')
  }

  #finish(confirmation: Confirmation, error: RivuletError | undefined): void {
    if (error === undefined) {
      confirmation.confirm()
      return
    }
    const unreported = confirmation.fail(error)
    if (unreported > 0) this.#failed(error, unreported)
  }
}

/** How many ranges one request has room for; those that share a confirmation stay together, since it has one outcome. */
function fittingRanges(ranges: readonly PendingSettlement[]): number {
  let characters = 0
  for (const [at, { range, confirmation }] of ranges.entries()) {
    characters += (range.reason?.length ?? 0) + (range.stack?.length ?? 0)
    const isFull = at >= requestRanges || characters > requestCharacters
    if (isFull && at > 0 && confirmation !== ranges[at - 1]?.confirmation) return at
  }
  return ranges.length
}

const away = 'the host was away'

/** Acks of one turn share their outcome, and some came too late. */
function mixed(cause: RivuletError): RivuletError {
  const message =
    'the lease was lost while deliveries were acknowledged together: some count, others will be delivered again'
  return new RivuletError('RIVULET_UNKNOWN_OUTCOME', message, { executed: 'maybe', cause })
}

function unknown(why: string): RivuletError {
  const message = `${why} while a delivery was settled: it may have been settled`
  return new RivuletError('RIVULET_UNKNOWN_OUTCOME', message, { executed: 'maybe' })
}
