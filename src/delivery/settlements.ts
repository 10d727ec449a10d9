/**
 * What a consumer has said of its leases, on its way: kept until the host has answered, and said again on a new stream.
 */
import { RivuletError, toldError } from '../errors/index.js'
import type { Confirmation } from './confirmation.js'
import type { HeldLease } from './held-lease.js'
import { leaseLost } from './lease-errors.js'
import type { RangeOutcome } from './protocol.js'
import type { SaidRange } from './said-ranges.js'

/** What one request has at the most: ranges of messages, and characters of reasons and stacks. */
const requestRanges = 4096
const requestCharacters = 262_144

/** Extensions that were asked for together. */
interface Extending {
  readonly at: number
  readonly leases: readonly { readonly lease: HeldLease<unknown>; readonly confirmation: Confirmation }[]
}

/** What came of a confirmation that failed. */
export type Failed = (error: RivuletError, unheard: number) => void

/** What was said and not answered. */
export class Settlements {
  readonly #failed: Failed
  #number = 0
  readonly #requests = new Map<number, readonly SaidRange[]>()
  readonly #extensions = new Map<number, Extending>()
  /** What waits for the next request: said on a stream that has ended, or too much for one. */
  #again: SaidRange[] = []
  readonly #saidBefore = new Set<SaidRange>()

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
  say(ranges: SaidRange[], extended: Iterable<HeldLease<unknown>>, now: number): { number: number; said: SaidRange[] } {
    const all = this.#again.length === 0 ? ranges : [...this.#again, ...ranges]
    const fitting = fittingRanges(all)
    const said = fitting === all.length ? all : all.slice(0, fitting)
    this.#again = fitting === all.length ? [] : all.slice(fitting)
    const number = ++this.#number
    if (said.length > 0) this.#requests.set(number, said)
    const leases = [...extended].map((lease) => {
      const confirmation = lease.extension as Confirmation
      lease.extension = undefined
      return { lease, confirmation }
    })
    if (leases.length > 0) this.#extensions.set(number, { at: now, leases })
    return { number, said }
  }

  /** The host has answered; calls back for each range that has its outcome. */
  answered(number: number, outcomes: readonly RangeOutcome[], done: (range: SaidRange) => void): void {
    const said = this.#requests.get(number)
    if (said === undefined) return
    this.#requests.delete(number)
    const errors = new Map<Confirmation, RivuletError | undefined>()
    const counted = new Set<Confirmation>()
    for (const [at, one] of said.entries()) {
      const outcome = outcomes[at]
      const error = this.#errorOf(one, outcome)
      if (error !== undefined || !errors.has(one.confirmation)) errors.set(one.confirmation, error)
      if (outcome !== undefined && outcome.settled > 0) counted.add(one.confirmation)
      this.#saidBefore.delete(one)
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
    for (const said of this.#requests.values()) {
      for (const one of said) {
        this.#saidBefore.add(one)
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

  /** A lease is lost: what was said of it has its outcome, unless it is on its way or an ack, which may count all the same. */
  lost(lease: HeldLease<unknown>, said: readonly SaidRange[], error: RivuletError): void {
    const isInVain = (one: SaidRange) => one.lease === lease && one.range.kind !== 'ack'
    const again = this.#again.filter(isInVain)
    if (again.length > 0) this.#again = this.#again.filter((one) => !isInVain(one))
    const confirmations = new Map<Confirmation, RivuletError>()
    for (const { confirmation } of said) confirmations.set(confirmation, error)
    for (const one of again) confirmations.set(one.confirmation, this.#saidBefore.delete(one) ? unknown(away) : error)
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
      confirmations.set(one.confirmation, this.#saidBefore.has(one) ? unknown(error.message) : error)
    }
    this.#again = []
    this.#saidBefore.clear()
    for (const [confirmation, why] of confirmations) this.#finish(confirmation, why)
  }

  #errorOf(one: SaidRange, outcome: RangeOutcome | undefined): RivuletError | undefined {
    if (outcome === undefined) return unknown(away)
    if (outcome.code != null) return toldError(outcome.code, outcome.message ?? '')
    if (outcome.stale === 0 || one.range.kind === 'release') return undefined
    if (this.#saidBefore.has(one)) return unknown(away)
    return one.lease.lostBy ?? leaseLost('it had ended before this came')
  }

  #finish(confirmation: Confirmation, error: RivuletError | undefined): void {
    if (error === undefined) {
      confirmation.confirm()
      return
    }
    const unheard = confirmation.fail(error)
    if (unheard > 0) this.#failed(error, unheard)
  }
}

/** How many ranges one request has room for; those that share a confirmation stay together, since it has one outcome. */
function fittingRanges(ranges: readonly SaidRange[]): number {
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
