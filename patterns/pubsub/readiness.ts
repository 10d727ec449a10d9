/**
 * The readiness of a subscriber: which publishers are known to serve which subscriptions.
 *
 * Each request carries a nonce up the same pipe as the subscriptions before it, so an answer proves that those are in
 * force. Requests can be lost with a link: they are made again until nobody waits.
 */
import { randomBytes } from 'node:crypto'
import { RivuletError } from '../../src/errors/index.js'
import { type Deferred, deferred } from '../../src/lifecycle/index.js'
import type { Clock, Timer } from '../../src/runtime/index.js'

/** How often a request is made again while somebody waits, in milliseconds. */
const retryMs = 200

/** Requests whose answers are still understood; newer ones cover all that older ones do. */
const maxRequests = 16

/** What the machine needs. */
export interface ReadinessPorts {
  readonly clock: Clock
  /** Sends a request upstream to every publisher. */
  request(nonce: Buffer): void
  /** A publisher serves every subscription up to this number since this position. */
  served(source: string, position: number, upTo: number): void
}

interface Request {
  readonly nonce: string
  /** The number of the last subscription that it covers. */
  readonly upTo: number
}

interface Waiter {
  readonly upTo: number
  readonly publishers: () => number
  readonly sources: Set<string>
  readonly done: Deferred
}

/** Asks publishers, and tells who waits. */
export class Readiness {
  readonly #ports: ReadinessPorts
  readonly #requests: Request[] = []
  readonly #waiters = new Set<Waiter>()
  #subscriptions = 0
  #scheduled = false
  #retry: Timer | undefined
  #closed = false

  constructor(ports: ReadinessPorts) {
    this.#ports = ports
  }

  /** Numbers a new subscription, and asks for it together with the others of this turn. */
  subscribed(): number {
    this.#subscriptions += 1
    this.ask()
    return this.#subscriptions
  }

  /** Asks again at the end of this turn: a link is new, or a subscription. */
  ask(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#closed) this.#ask()
    })
  }

  /** Takes an answer in. */
  answered(nonce: Buffer, source: string, position: number): void {
    const key = nonce.toString('latin1')
    const request = this.#requests.find((candidate) => candidate.nonce === key)
    if (!request) return
    this.#ports.served(source, position, request.upTo)
    for (const waiter of this.#waiters) {
      if (request.upTo < waiter.upTo) continue
      waiter.sources.add(source)
      if (waiter.sources.size >= waiter.publishers()) this.#settle(waiter)
    }
  }

  /** Resolves when so many publishers serve everything that is subscribed now; give it up with `forget`. */
  wait(publishers: () => number): { readonly promise: Promise<void>; forget(): void } {
    const waiter: Waiter = { upTo: this.#subscriptions, publishers, sources: new Set(), done: deferred() }
    if (this.#closed) {
      waiter.done.reject(closedError())
    } else {
      this.#waiters.add(waiter)
      this.ask()
      this.#retryLater()
    }
    return { promise: waiter.done.promise, forget: () => this.#drop(waiter) }
  }

  /** Rejects everyone who waits. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters) waiter.done.reject(closedError())
    this.#waiters.clear()
    this.#retry?.cancel()
  }

  #ask(): void {
    const nonce = randomBytes(16)
    if (this.#requests.length === maxRequests) this.#requests.shift()
    this.#requests.push({ nonce: nonce.toString('latin1'), upTo: this.#subscriptions })
    this.#ports.request(nonce)
  }

  #retryLater(): void {
    if (this.#retry || this.#waiters.size === 0) return
    this.#retry = this.#ports.clock.setTimer(() => {
      this.#retry = undefined
      this.ask()
      this.#retryLater()
    }, retryMs)
  }

  #settle(waiter: Waiter): void {
    waiter.done.resolve()
    this.#drop(waiter)
  }

  #drop(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    if (this.#waiters.size > 0) return
    this.#retry?.cancel()
    this.#retry = undefined
  }
}

function closedError(): RivuletError {
  return new RivuletError('RIVULET_CLOSED', 'the subscriber was closed before it was ready')
}
