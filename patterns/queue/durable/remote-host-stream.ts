/**
 * The way to a host over links: a duplex call, made again when it has ended.
 *
 * Requests are taken when the link has room for them, so that what waits is gathered meanwhile.
 */

import type { Subscription } from 'rxjs'
import { serviceOf } from '../../../src/avro/service-codec.js'
import { type CallClient, type ClientCall, type ClientMethod, defaultStreamOptions } from '../../../src/call/index.js'
import type { Clock } from '../../../src/clock/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { deferred } from '../../../src/lifecycle/index.js'
import { type Conversation, ReopeningHostStream } from './host-stream.js'
import { type QueueMethod, QueueService, refusedBy } from './wire.js'

type Step<T> = IteratorResult<T, undefined>

/** The requests of one call: each iteration is one try to make it. */
class Requests<Request> implements AsyncIterable<Request> {
  readonly #user: Conversation<Request, never>
  /** The try at hand; those before it end. */
  #current: RequestAttempt<Request> | undefined
  #ending = false

  constructor(user: Conversation<Request, never>) {
    this.#user = user
  }

  /** Whether the host can have heard of it. */
  get hasBegun(): boolean {
    return this.#current?.hasBegun ?? false
  }

  wake(): void {
    this.#current?.wake()
  }

  /** No more requests than there are. */
  end(): void {
    this.#ending = true
    this.#current?.end()
  }

  [Symbol.asyncIterator](): AsyncIterator<Request, undefined> {
    this.#current?.leave()
    this.#current = new RequestAttempt(this.#user)
    if (this.#ending) this.#current.end()
    return this.#current
  }
}

/** The requests of one try. */
class RequestAttempt<Request> implements AsyncIterator<Request, undefined> {
  readonly #user: Conversation<Request, never>
  /** Whether a request was taken. */
  hasBegun = false
  #ending = false
  #left = false
  #resolve: ((step: Step<Request>) => void) | undefined

  constructor(user: Conversation<Request, never>) {
    this.#user = user
  }

  wake(): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    const step = this.#step()
    if (step === undefined) return
    this.#resolve = undefined
    resolve(step)
  }

  end(): void {
    this.#ending = true
    this.wake()
  }

  leave(): void {
    this.#left = true
    this.wake()
  }

  next(): Promise<Step<Request>> {
    const step = this.#step()
    if (step !== undefined) return Promise.resolve(step)
    return new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  return(): Promise<Step<Request>> {
    this.leave()
    return Promise.resolve({ value: undefined, done: true })
  }

  #step(): Step<Request> | undefined {
    if (this.#left) return { value: undefined, done: true }
    if (!this.hasBegun) {
      this.hasBegun = true
      return { value: this.#user.open(), done: false }
    }
    const value = this.#user.take()
    if (value !== undefined) return { value, done: false }
    return this.#ending ? { value: undefined, done: true } : undefined
  }
}

/** A way over the links of a client. */
export class RemoteHostStream<Request, Answer> extends ReopeningHostStream<Request, Answer> {
  readonly #client: CallClient
  readonly #name: QueueMethod
  readonly #method: ClientMethod
  readonly #ended = deferred()
  #requests: Requests<Request> | undefined
  #call: ClientCall | undefined
  #answers: Subscription | undefined

  constructor(
    client: CallClient,
    method: QueueMethod,
    clock: Clock,
    user: Conversation<Request, Answer>,
    random?: () => number,
  ) {
    super(clock, user, random)
    this.#client = client
    this.#name = method
    this.#method = client.bind(serviceOf(QueueService)).methods.get(method) as ClientMethod
  }

  wake(): void {
    this.#requests?.wake()
  }

  renew(): void {
    this.#requests?.end()
  }

  end(): Promise<void> {
    this.finish()
    // a call that waits for a link has nobody to tell
    if (this.#requests?.hasBegun) this.#requests.end()
    else this.#ended.resolve()
    return this.#ended.promise
  }

  protected begin(): void {
    const requests = new Requests<Request>(this.user)
    this.#requests = requests
    const call = this.#client.stream(this.#method, requests, defaultStreamOptions)
    this.#call = call
    // what was settled is said before the host closes; what was sent stays with its producer until it is confirmed
    if (this.#name === 'consume') call.onDraining = () => requests.end()
    this.#answers = call.responses?.subscribe({
      next: (answer) => this.heard(answer as Answer),
      error: (cause: unknown) => this.#down(refusedBy(this.#name, cause) ?? cause),
      complete: () => this.#down(new RivuletError('RIVULET_UNAVAILABLE', 'the host has ended the stream')),
    })
  }

  protected leave(): void {
    this.#requests = undefined
    this.#answers?.unsubscribe()
    this.#call?.cancel()
    this.#ended.resolve()
  }

  #down(cause: unknown): void {
    this.#requests = undefined
    this.#call = undefined
    this.#ended.resolve()
    this.ended(cause)
  }
}
