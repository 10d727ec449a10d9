/**
 * A stream to a host over links: a duplex call, made again when it has ended.
 *
 * Requests are taken when the link has room for them, so that what waits is gathered meanwhile.
 */

import {
  type CallClient,
  type ClientCall,
  type ClientMethod,
  defaultStreamOptions,
  type ReadyItems,
  ReadySource,
} from '../call/index.js'
import type { Clock } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { type Deferred, deferred } from '../lifecycle/index.js'
import { type Conversation, ReopeningStream } from './reopening-stream.js'

/** The requests of one call: each time that it is opened is one try to make it. */
class Requests<Request> extends ReadySource<Request> {
  readonly #user: Conversation<Request, never>
  /** The try at hand; those before it have nothing more. */
  #current: RequestAttempt<Request> | undefined
  isEnding = false

  constructor(user: Conversation<Request, never>) {
    super()
    this.#user = user
  }

  /** Whether the host can have heard of it. */
  get hasBegun(): boolean {
    return this.#current?.hasBegun ?? false
  }

  wake(): void {
    this.#current?.ready()
  }

  /** No more requests than there are. */
  end(): void {
    this.isEnding = true
    this.wake()
  }

  open(ready: () => void): RequestAttempt<Request> {
    this.#current?.leave()
    this.#current = new RequestAttempt(this, this.#user, ready)
    return this.#current
  }
}

/** The requests of one try. */
class RequestAttempt<Request> implements ReadyItems<Request> {
  readonly #all: Requests<Request>
  readonly #user: Conversation<Request, never>
  readonly ready: () => void
  /** Whether a request was taken. */
  hasBegun = false
  #left = false

  constructor(all: Requests<Request>, user: Conversation<Request, never>, ready: () => void) {
    this.#all = all
    this.#user = user
    this.ready = ready
  }

  get isEnded(): boolean {
    return this.#left || this.#all.isEnding
  }

  take(): Request | undefined {
    if (this.#left) return undefined
    if (this.hasBegun) return this.#user.take()
    this.hasBegun = true
    return this.#user.open()
  }

  leave(): void {
    this.#left = true
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
  /** As a consumer of the answers. */
  demand = Number.POSITIVE_INFINITY
  readonly #client: CallClient
  readonly #remote: RemoteMethod
  /** Resolved when the stream at hand has ended, once somebody waits for that. */
  #ended: Deferred | undefined
  #hasEnded = false
  #requests: Requests<Request> | undefined
  #call: ClientCall | undefined
  #detach: (() => void) | undefined

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
    else this.#hasEnded = true
    if (this.#hasEnded) return Promise.resolve()
    this.#ended ??= deferred()
    return this.#ended.promise
  }

  protected begin(): void {
    const requests = new Requests<Request>(this.user)
    this.#requests = requests
    const { method, endsWhenDraining, leavesStranded } = this.#remote
    const call = this.#client.stream(method, requests, defaultStreamOptions)
    this.#call = call
    // a link that is retired waits for its calls: the stream continues on another one
    call.onDraining = (isRetired) => {
      if (endsWhenDraining || isRetired) requests.end()
    }
    if (leavesStranded) call.onStranded = () => this.#strand()
    this.#detach = call.responses?.attach(this)
    call.responses?.resume()
  }

  next(answer: Answer): void {
    this.received(answer)
  }

  complete(): void {
    const failure = this.#call?.responses?.failure
    const ended = 'the host has ended the stream'
    this.#down(failure ? this.#remote.causeOf(failure) : new RivuletError('RIVULET_UNAVAILABLE', ended))
  }

  protected leave(): void {
    this.#requests = undefined
    this.#detach?.()
    this.#call?.cancel()
    this.#settle()
  }

  #settle(): void {
    this.#hasEnded = true
    this.#ended?.resolve()
  }

  #strand(): void {
    this.#detach?.()
    this.#call?.cancel()
    this.#down(new RivuletError('RIVULET_UNAVAILABLE', 'the endpoint of a link without a connection was removed'))
  }

  #down(cause: unknown): void {
    this.#requests = undefined
    this.#call = undefined
    this.#settle()
    this.ended(cause)
  }
}
