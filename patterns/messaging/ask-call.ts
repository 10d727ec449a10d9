/**
 * An ask as most are: one call, which is answered. It is a `PendingAsk` from the moment on when its call fails and another
 * one may take its place.
 */
import {
  type CallClient,
  ClientCall,
  type OnError,
  type OnValue,
  type ResolvedCallOptions,
} from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { Route } from './ask-routes.js'
import { type Ask, requestOf } from './define-ask.js'

/** An ask without an outcome, in the list of its asker. */
export interface OpenAsk {
  readonly to: string
  /** Its neighbours in the list. */
  before: OpenAsk | undefined
  after: OpenAsk | undefined
  /** Ends it at this side, with an error to which is added whether it may have been answered. */
  stop(error: RivuletError): void
}

/** Who asks. */
export interface AskCaller {
  finished(ask: OpenAsk, failed: boolean): void
  /** The call has failed; returns whether another one takes its place. */
  continues(call: AskCall, error: Error): boolean
}

/** The call of an ask. */
export class AskCall extends ClientCall implements OpenAsk {
  readonly to: string
  readonly ask: Ask
  readonly query: unknown
  readonly route: Route
  before: OpenAsk | undefined
  after: OpenAsk | undefined
  readonly #caller: AskCaller

  constructor(
    caller: AskCaller,
    to: string,
    ask: Ask,
    query: unknown,
    route: Route,
    options: ResolvedCallOptions,
    resolve: OnValue,
    reject: OnError,
  ) {
    const client: CallClient = route.client
    super(client, route.method, requestOf(query), options, client.deadlineOf(options), resolve, reject)
    this.#caller = caller
    this.to = to
    this.ask = ask
    this.query = query
    this.route = route
  }

  stop({ code, message, cause }: RivuletError): void {
    this.stopWith(code, message, cause)
  }

  /** The outcome of the ask, whose own call has failed before: an answer. */
  resolve(answer: unknown): void {
    super.takeValue(answer)
  }

  /** The outcome of the ask, whose own call has failed before: an error. */
  reject(error: Error): void {
    super.takeError(error)
  }

  protected override takeValue(answer: unknown): void {
    this.#caller.finished(this, false)
    super.takeValue(answer)
  }

  protected override takeError(error: Error): void {
    if (this.#caller.continues(this, error)) return
    this.#caller.finished(this, true)
    super.takeError(error)
  }
}
