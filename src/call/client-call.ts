/**
 * One call at the client: from its start to its one outcome, whichever sessions it goes over.
 *
 * It is also the body of its request, so that a call costs no closure. Which session
 * takes it is decided by the client; what an item means, by the session.
 */
import { decodeFailure } from '../avro/codec.js'
import type { RivuletError } from '../errors/index.js'
import type { ItemBody, SessionStreams } from '../session/index.js'
import type { ResolvedCallOptions } from './call-options.js'
import type { CallStream } from './call-stream.js'
import type { ClientMethod } from './client-method.js'
import { callError, type Executed, unhandledError } from './failure.js'
import { IncomingItems, type IncomingOwner } from './incoming-items.js'
import type { OutgoingItems } from './outgoing-items.js'
import { maxMethods, writeRequestHeader } from './request-header.js'

/** Takes the response of a call that has one, or `undefined` for the normal end of a call that has a stream of them. */
export type OnValue = (value: unknown) => void

/** Takes why a call failed: a `RivuletError` or a declared error. */
export type OnError = (error: Error) => void

/** The session that has a call. */
export interface CallSession {
  readonly streams: SessionStreams
  /** Lets go of a call that ends at this side, and tells the server; returns whether it may have run. */
  abandon(call: ClientCall): Executed
  /** Ends a call whose response cannot be read. */
  unreadable(call: ClientCall, cause: unknown): void
}

/** Who keeps the calls of a client. */
export interface CallKeeper {
  /** A call waits for no session any more. */
  leftWaiting(call: ClientCall): void
  /** A call has its outcome. */
  finished(call: ClientCall, failed: boolean): void
  /** A call has failed, and its caller has not heard of it; returns whether another one takes its place. Default: none does. */
  continues?(call: ClientCall, error: Error): boolean
  report(error: RivuletError): void
}

/** A call that was started. */
export class ClientCall implements ItemBody, IncomingOwner {
  readonly method: ClientMethod
  readonly options: ResolvedCallOptions
  /** On the clock of the client; infinity if there is none. */
  readonly deadline: number
  /** The request, or the source of a stream of requests. */
  readonly request: unknown
  readonly #keeper: CallKeeper
  #onValue: OnValue
  #onError: OnError
  /** The session that has the call; `undefined` while it waits for one. */
  session: CallSession | undefined
  /** The stream on that session. */
  stream = 0
  /** The deadline as it is sent. */
  sessionDeadline = 0
  /** Whether a server may have run it on a session that has ended. */
  executedBefore: Executed = 'no'
  /** Whether a part of the response has come. */
  begun = false
  /** Whether it has its outcome. */
  done = false
  /** Called when the server that has the call is about to close, or this side retires its link. */
  onDraining: ((isRetired: boolean) => void) | undefined
  /** Called when its link has no connection and is retired, so that it waits for nobody who is wanted any more. */
  onStranded: (() => void) | undefined
  /** The responses, where there is a stream of them. */
  incoming: IncomingItems | undefined
  /** The requests, where there is a stream of them and a session has the call. */
  outgoing: OutgoingItems | undefined

  constructor(
    keeper: CallKeeper,
    method: ClientMethod,
    request: unknown,
    options: ResolvedCallOptions,
    deadline: number,
    onValue: OnValue,
    onError: OnError,
  ) {
    this.#keeper = keeper
    this.method = method
    this.request = request
    this.options = options
    this.deadline = deadline
    this.#onValue = onValue
    this.#onError = onError
    if (method.streamsResponses) this.incoming = new IncomingItems(this)
  }

  /** The responses, hot: for a method that streams them. The call is cancelled when the last consumer leaves. */
  get responses(): CallStream<unknown> | undefined {
    return this.incoming?.stream
  }

  /** Whether no server has it: it waits for a session, or has not left its own. */
  get isUnsent(): boolean {
    return this.session === undefined || this.session.streams.isUnsent(this.stream)
  }

  /** Whether a second run does no harm. */
  get isIdempotent(): boolean {
    return this.options.idempotent ?? this.method.idempotent
  }

  /** Whether the call may be sent again although it left. */
  get isRepeatable(): boolean {
    return this.isIdempotent && this.isMovable && !this.begun
  }

  /** Whether everything that was to be sent can be sent again. */
  get isMovable(): boolean {
    return this.outgoing === undefined || !this.outgoing.taken
  }

  /** Cancels the call: its handler is notified, and the outcome is known at once. Harmless when there is one. */
  cancel(cause?: unknown): void {
    this.stopWith('RIVULET_CANCELLED', `${this.method.label} was cancelled`, cause)
  }

  /** Ends the call at this side, with an error that says whether it may have run. */
  stopWith(code: RivuletError['code'], message: string, cause?: unknown): void {
    if (this.done) return
    const { session } = this
    const executed = session === undefined ? this.executedBefore : session.abandon(this)
    if (session === undefined) this.#keeper.leftWaiting(this)
    this.abort(callError(code, message, executed, { cause }))
  }

  /** The outcome: the response, or the normal end of a stream of them. */
  succeed(value: unknown): void {
    if (this.done) return
    this.#finish(false)
    this.incoming?.end()
    this.#onValue(value)
  }

  /** The outcome: an error, which comes after the responses that came before it. */
  fail(error: Error): void {
    if (this.done) return
    this.#finish(true)
    this.incoming?.end(error)
    if (!this.#keeper.continues?.(this, error)) this.#onError(error)
  }

  /** The outcome: an error, at once; responses that wait are dropped. */
  abort(error: Error): void {
    if (this.done) return
    this.#finish(true)
    this.incoming?.abort(error)
    if (!this.#keeper.continues?.(this, error)) this.#onError(error)
  }

  writeBody(bytes: Buffer, view: DataView, position: number, end: number): number {
    const { method } = this
    const { headers, caller } = this.options
    const called = method.number + caller * maxMethods
    const p = writeRequestHeader(bytes, position, end, called, this.sessionDeadline, headers)
    return method.streamsRequests ? p : method.write(this.request, bytes, view, p, end)
  }

  consumed(bytes: number): void {
    if (!this.done) this.session?.streams.consumed(this.stream, bytes)
  }

  abandoned(): void {
    this.cancel()
  }

  unreadable(cause: unknown): void {
    if (this.session !== undefined && !this.done) this.session.unreadable(this, cause)
    else this.incoming?.abort(decodeFailure(cause, `the response of ${this.method.label}`))
  }

  report(error: RivuletError): void {
    this.#keeper.report(error)
  }

  unhandled(error: Error): void {
    this.#keeper.report(unhandledError(`the stream of responses of ${this.method.label}`, error))
  }

  /** Whether it was started by a keeper. */
  isOf(keeper: CallKeeper): boolean {
    return this.#keeper === keeper
  }

  /** Gives its caller the response of the call that has taken its place. */
  resolve(value: unknown): void {
    this.#onValue(value)
  }

  /** Gives its caller the error of the call that has taken its place. */
  reject(error: Error): void {
    this.#onError(error)
  }

  #finish(failed: boolean): void {
    this.done = true
    this.outgoing?.stop()
    this.#keeper.finished(this, failed)
  }
}
