/**
 * A stream to a host over links: a duplex call, made again when it has ended.
 *
 * Requests are taken when the link has room for them, so that what waits is gathered meanwhile.
 */

import type { Subscription } from 'rxjs'
import { type CallClient, type ClientCall, type ClientMethod, defaultStreamOptions } from '../call/index.js'
import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { deferred } from '../lifecycle/index.js'
import { type Conversation, ReopeningStream } from './reopening-stream.js'

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

/** The call that carries a stream. */
export interface RemoteMethod {
  readonly method: ClientMethod
  /** Whether the client ends its requests when the host is about to close, which waits for what it still has to say. */
  readonly endsWhenDraining: boolean
  /** Whether the stream continues on another link at once when its own has no connection and is retired. */
  readonly leavesStranded: boolean
  /** Returns the error that a host has declared as one of this side; any other cause as it is. */
  causeOf(cause: unknown): unknown
}

/** A stream over the links of a client. */
export class RemoteStream<Request, Answer> extends ReopeningStream<Request, Answer> {
  readonly #client: CallClient
  readonly #remote: RemoteMethod
  readonly #ended = deferred()
  #requests: Requests<Request> | undefined
  #call: ClientCall | undefined
  #answers: Subscription | undefined

  constructor(
    client: CallClient,
    remote: RemoteMethod,
    clock: Clock,
    user: Conversation<Request, Answer>,
    random?: () => number,
  ) {
    super(clock, user, random)
    this.#client = client
    this.#remote = remote
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
    const { method, endsWhenDraining, leavesStranded, causeOf } = this.#remote
    const call = this.#client.stream(method, requests, defaultStreamOptions)
    this.#call = call
    // a link that is retired waits for its calls: the stream continues on another one
    call.onDraining = (isRetired) => {
      if (endsWhenDraining || isRetired) requests.end()
    }
    if (leavesStranded) call.onStranded = () => this.#strand()
    this.#answers = call.responses?.subscribe({
      next: (answer) => this.received(answer as Answer),
      error: (cause: unknown) => this.#down(causeOf(cause)),
      complete: () => this.#down(new RivuletError('RIVULET_UNAVAILABLE', 'the host has ended the stream')),
    })
  }

  protected leave(): void {
    this.#requests = undefined
    this.#answers?.unsubscribe()
    this.#call?.cancel()
    this.#ended.resolve()
  }

  #strand(): void {
    this.#answers?.unsubscribe()
    this.#call?.cancel()
    this.#down(new RivuletError('RIVULET_UNAVAILABLE', 'the endpoint of a link without a connection was removed'))
  }

  #down(cause: unknown): void {
    this.#requests = undefined
    this.#call = undefined
    this.#ended.resolve()
    this.ended(cause)
  }
}
