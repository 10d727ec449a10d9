/**
 * What a consumer has said of its leases, on its way: kept until the host has answered, and said again on a new stream.
 */
import { RivuletError } from '../../src/errors/index.js'
import type { Confirmation } from './confirmation.js'
import { type HeldLease, leaseLost, type SaidRange } from './held-lease.js'
import { type RangeOutcome, toldError } from './wire.js'

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
  /** What was said on a stream that has ended. */
  #again: SaidRange[] = []
  readonly #saidBefore = new Set<SaidRange>()

  constructor(failed: Failed) {
    this.#failed = failed
  }

  /** Whether nothing waits for an answer. */
  get isEmpty(): boolean {
    return this.#requests.size === 0 && this.#again.length === 0
  }

  /** Whether something is to be said again. */
  get hasMore(): boolean {
    return this.#again.length > 0
  }

  /** Enters what is said next, with what is to be said again; returns its number and all of it. */
  say(ranges: SaidRange[], extended: Iterable<HeldLease<unknown>>, now: number): { number: number; said: SaidRange[] } {
    const said = this.#again.length === 0 ? ranges : [...this.#again, ...ranges]
    this.#again = []
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
    for (const [at, one] of said.entries()) {
      const error = this.#errorOf(one, outcomes[at])
      if (error !== undefined || !errors.has(one.confirmation)) errors.set(one.confirmation, error)
      this.#saidBefore.delete(one)
      done(one)
    }
    for (const [confirmation, error] of errors) this.#finish(confirmation, error)
  }

  /** The host has extended what it was asked to, as far as it did not say that it is lost. */
  extended(number: number): void {
    const extending = this.#extensions.get(number)
    if (extending === undefined) return
    this.#extensions.delete(number)
    for (const { lease, confirmation } of extending.leases) {
      if (lease.isLost) {
        this.#finish(confirmation, leaseLost('it had run out'))
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
        if (lease.isLost) this.#finish(confirmation, leaseLost('it had run out'))
        else if (lease.extension === undefined) lease.extension = confirmation
        else confirmation.confirm()
      }
    }
    this.#extensions.clear()
  }

  /** A lease is lost: what was said of it has its outcome, unless it is on its way at this moment. */
  lost(lease: HeldLease<unknown>, said: readonly SaidRange[], error: RivuletError): void {
    const again = this.#again.filter((one) => one.lease === lease)
    this.#again = this.#again.filter((one) => one.lease !== lease)
    const confirmations = new Map<Confirmation, RivuletError>()
    for (const { confirmation } of said) confirmations.set(confirmation, error)
    for (const one of again) confirmations.set(one.confirmation, this.#saidBefore.delete(one) ? unknown() : error)
    if (lease.extension !== undefined) confirmations.set(lease.extension, error)
    lease.extension = undefined
    for (const [confirmation, why] of confirmations) this.#finish(confirmation, why)
  }

  /** Gives up on everything. */
  failAll(error: RivuletError): void {
    this.down()
    const confirmations = new Set(this.#again.map(({ confirmation }) => confirmation))
    this.#again = []
    this.#saidBefore.clear()
    for (const confirmation of confirmations) this.#finish(confirmation, error)
  }

  #errorOf(one: SaidRange, outcome: RangeOutcome | undefined): RivuletError | undefined {
    if (outcome === undefined) return unknown()
    if (outcome.code != null) return toldError(outcome.code, outcome.message ?? '')
    if (outcome.stale === 0 || one.range.kind === 'release') return undefined
    return this.#saidBefore.has(one) ? unknown() : leaseLost('it had ended before this came')
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

function unknown(): RivuletError {
  const message = 'the host was away while a delivery was settled: it may have been settled'
  return new RivuletError('RIVULET_UNKNOWN_OUTCOME', message, { executed: 'maybe' })
}
