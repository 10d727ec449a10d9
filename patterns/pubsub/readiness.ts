/**
 * The readiness of a subscriber: which publishers are known to serve which subscriptions.
 *
 * Each request carries a nonce up the same pipe as the subscriptions before it, so an answer proves that those are in
 * force. Requests can be lost with a link: they are made again until nobody waits.
 */

import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { type Deferred, deferred, OncePerTurn } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'

/** Requests whose answers are still understood; newer ones cover all that older ones do, but may take as long again. */
const maxRequests = 1024

/** The bytes of a nonce, and how many nonces are drawn at once. */
const nonceBytes = 16
const noncesDrawn = 16

/** Publishers whose answers to one request are counted. */
const maxSources = 1024

/** What the machine needs. */
export interface ReadinessPorts {
  readonly clock: Clock
  /** Sends a request upstream to every publisher. */
  request(nonce: Buffer): void
  /** A publisher serves every subscription up to this number since this position. */
  served(source: string, position: number, upTo: number): void
  /**
   * Links that are there. Answers get lost where too much waits for a subscriber: if fewer links have answered, they are asked
   * again for some seconds. Left out where only waiting callers need answers.
   */
  connected?(): number
}

/**
 * Tells whether enough has answered one request: so many publishers, over so many links at least.
 *
 * Several links may lead to one publisher.
 */
export type Enough = (publishers: number, links: number) => boolean

/**
 * What an answer says about its source: it is the `publisher` that has answered; a hub has answered for it, since it is
 * `behind` the hub or its messages are `kept` there; or it is a hub, all of whose publishers have answered (`ready`). A publisher that
 * does not answer a hub any more has `left`, which answers nothing.
 */
export type AnswerKind = 'publisher' | 'behind' | 'kept' | 'ready' | 'left'

interface Request {
  /** The number of the last subscription that it covers. */
  readonly upTo: number
  /** The publishers that serve the subscriptions. */
  readonly publishers: Set<string>
  /** How many answers came that cover a link, by the publisher or hub at its end. */
  readonly answers: Map<string, number>
  /** The same of those that serve over links alone, which their socket says; and those of them that have answered over a link. */
  readonly discovered: Map<string, number>
  readonly linked: Set<string>
  isAnswered: boolean
}

interface Waiter {
  upTo: number
  /** Until when it waits, on the clock. */
  until: number
  readonly enough: Enough
  readonly done: Deferred
}

/** Asks publishers, and resolves the promises that wait. */
export class Readiness {
  readonly #ports: ReadinessPorts
  readonly #requests = new Map<string, Request>()
  #newest: Request | undefined
  /** Until what was overtaken is asked again. */
  #overtaken: Timer | undefined
  readonly #waiters = new Set<Waiter>()
  /** Waits on behalf of nobody, so that lost answers are asked for again. */
  #insistence: Waiter | undefined
  /** How long it waits before the next request, in milliseconds. */
  #insistencePauseMs = defaults.readinessMs
  #subscriptions = 0
  /** Random bytes for the next nonces, drawn for several at once: a draw costs as much as the rest of a request. */
  #random = Buffer.alloc(0)
  #retry: Timer | undefined
  #closed = false
  // at the end of the promise jobs: a subscription does not wait for what a turn sends
  readonly #asking = new OncePerTurn(() => {
    if (!this.#closed) this.#ask()
  }, queueMicrotask)

  constructor(ports: ReadinessPorts) {
    this.#ports = ports
  }

  /** Numbers a new subscription, and asks for it together with the others of this turn. */
  subscribed(): number {
    this.#subscriptions += 1
    this.ask()
    return this.#subscriptions
  }

  /**
   * A link is new: asks over it, and forgets what was asked before.
   *
   * A request that was in transit when its link was cut may go up the next one before the subscriptions do.
   */
  linked(): void {
    this.#requests.clear()
    this.ask()
  }

  /** A link has ended: what was asked before is asked again, since answers to it may be from before the end. */
  unlinked(): void {
    if (this.#requests.size === 0) return
    this.#requests.clear()
    this.ask()
  }

  /** Asks at the end of this turn, once for all that happens in it. */
  ask(): void {
    if (this.#closed) return
    this.#asking.schedule()
    this.#insist()
  }

  /**
   * Takes in where a publisher or hub serves: over links alone, so that its answer over one of them is waited for.
   *
   * Returns over how many connections it has answered at least; 0 if the request does not count any more.
   */
  discovered(nonce: Buffer, source: string): number {
    const request = this.#answeredBy(nonce)
    if (!request) return 0
    count(request.discovered, source)
    this.#check(request)
    return linksOf([request.discovered.get(source) ?? 0])
  }

  /** Takes an answer in that came over the socket, or over a link; returns whether it is one to a request that counts. */
  answered(
    nonce: Buffer,
    source: string,
    position: number,
    kind: AnswerKind = 'publisher',
    isOverLink = false,
  ): boolean {
    const request = this.#answeredBy(nonce)
    if (!request) return false
    const { upTo, answers, publishers, linked } = request
    const isPublisher = kind === 'publisher' || kind === 'behind'
    if (isPublisher && !publishers.has(source) && publishers.size >= maxSources) return true
    if (isPublisher) publishers.add(source)
    if (kind === 'publisher' || kind === 'ready') {
      if (isOverLink ? linked.size >= maxSources : !count(answers, source)) return true
      if (isOverLink) linked.add(source)
    }
    if (kind !== 'ready') this.#ports.served(source, position, upTo)
    this.#check(request)
    return true
  }

  /** A publisher refuses subscriptions that a request covers: rejects the promises that wait for them. */
  refused(nonce: Buffer, error: RivuletError): void {
    const request = this.#requests.get(nonce.toString('latin1'))
    for (const waiter of this.#waiters) {
      if (!request || waiter === this.#insistence || request.upTo < waiter.upTo) continue
      waiter.done.reject(error)
      this.#drop(waiter)
    }
  }

  /** Resolves when enough has answered for everything that is subscribed now; give it up with `forget`. */
  wait(enough: Enough): { readonly promise: Promise<void>; forget(): void } {
    const waiter: Waiter = {
      upTo: this.#subscriptions,
      until: Number.POSITIVE_INFINITY,
      enough,
      done: deferred(),
    }
    if (this.#closed) {
      waiter.done.reject(closedError())
    } else {
      this.#waiters.add(waiter)
      this.ask()
      this.#retrySoon()
    }
    return { promise: waiter.done.promise, forget: () => this.#drop(waiter) }
  }

  /** Rejects all promises that wait. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters) if (waiter !== this.#insistence) waiter.done.reject(closedError())
    this.#waiters.clear()
    this.#retry?.cancel()
    this.#overtaken?.cancel()
  }

  /**
   * The request that an answer belongs to.
   *
   * One that was in transit when its link was cut may arrive behind a newer one: a hub then takes it for the newest, and passes
   * what it learns as answers to it. So where the newest has been answered already, it is asked again.
   */
  #answeredBy(nonce: Buffer): Request | undefined {
    const request = this.#requests.get(nonce.toString('latin1'))
    if (request) request.isAnswered = true
    else if (this.#newest?.isAnswered && !this.#closed) {
      this.#overtaken ??= this.#ports.clock.setTimer(() => {
        this.#overtaken = undefined
        this.ask()
      }, defaults.readinessMs)
    }
    return request
  }

  #ask(): void {
    const nonce = this.#nonce()
    if (this.#requests.size === maxRequests) this.#requests.delete(this.#requests.keys().next().value as string)
    this.#newest = {
      upTo: this.#subscriptions,
      publishers: new Set(),
      answers: new Map(),
      discovered: new Map(),
      linked: new Set(),
      isAnswered: false,
    }
    this.#requests.set(nonce.toString('latin1'), this.#newest)
    this.#ports.request(nonce)
  }

  #nonce(): Buffer {
    if (this.#random.length === 0) this.#random = randomBytes(noncesDrawn * nonceBytes)
    const nonce = this.#random.subarray(0, nonceBytes)
    this.#random = this.#random.subarray(nonceBytes)
    return nonce
  }

  /** Asks again, with doubling pauses for a time, if fewer links answer than there are: answers of a stall must not fill a pipe. */
  #insist(): void {
    const { connected, clock } = this.#ports
    if (connected === undefined || connected() === 0) return
    const until = clock.now() + defaults.insistMs
    this.#insistence ??= { upTo: 0, until, enough: (_, links) => links >= connected(), done: deferred() }
    this.#insistence.upTo = this.#subscriptions
    this.#insistence.until = until
    this.#insistencePauseMs = defaults.readinessMs
    this.#waiters.add(this.#insistence)
    this.#retrySoon()
  }

  #retrySoon(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#retry || this.#waiters.size === 0) return
    const isInsisting =
      this.#waiters.size === 1 && this.#insistence !== undefined && this.#waiters.has(this.#insistence)
    const pauseMs = isInsisting ? this.#insistencePauseMs : defaults.readinessMs
    if (isInsisting) this.#insistencePauseMs *= 2
    this.#retry = this.#ports.clock.setTimer(() => {
      this.#retry = undefined
      const now = this.#ports.clock.now()
      for (const waiter of this.#waiters) if (waiter.until <= now) this.#drop(waiter)
      if (this.#waiters.size === 0) return
      this.#asking.schedule()
      this.#retryLater()
    }, pauseMs)
  }

  #check({ upTo, publishers, answers, discovered, linked }: Request): void {
    let links = linksOf(answers.values())
    for (const source of linked) links += linksOf([discovered.get(source) ?? 0])
    for (const waiter of this.#waiters) {
      if (upTo >= waiter.upTo && waiter.enough(publishers.size, links)) this.#settle(waiter)
    }
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

/**
 * How many links these answers prove: over `n` links to one publisher it is asked `n` times, and each of its answers
 * comes over at most `n` links.
 */
function linksOf(answers: Iterable<number>): number {
  let links = 0
  for (const count of answers) links += Math.ceil(Math.sqrt(count))
  return links
}

/** Counts an answer; returns false if there are too many sources. */
function count(answers: Map<string, number>, source: string): boolean {
  const before = answers.get(source) ?? 0
  if (before === 0 && answers.size >= maxSources) return false
  answers.set(source, before + 1)
  return true
}

function closedError(): RivuletError {
  return new RivuletError(
    'RIVULET_CLOSED',
    'the subscriber was closed before its publishers confirmed its subscriptions',
  )
}
