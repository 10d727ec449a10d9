/**
 * One call at the server: runs its handler, and makes one outcome of whatever the handler returns or throws.
 *
 * It is also the body of its response, so that a call costs no closure. A handler that answers at once is never kept.
 */
import type { DeclaredError } from '../avro/service-codec.js'
import type { Clock } from '../clock/index.js'
import { isRivuletError, RivuletError } from '../errors/index.js'
import { noBody, type PeerInfo, type SessionStreams } from '../session/index.js'
import type { ContextSource } from './call-context.js'
import { callKind } from './call-kinds.js'
import type { CallerConnection } from './caller-connection.js'
import { failureBody, noResponses, unhandledError } from './failure.js'
import { FirstValue, type FirstValueOwner, isSubscribable, isThenable, type Subscribable } from './first-value.js'
import type { GuaranteedBody } from './guaranteed-sends.js'
import type { CallHeaders } from './headers.js'
import { IncomingItems, type IncomingOwner } from './incoming-items.js'
import type { BacklogBudget } from './item-backlog.js'
import { OutgoingItems, type OutgoingOwner } from './outgoing-items.js'
import type { RequestHeader } from './request-header.js'
import type { ServedMethod } from './served-service.js'

/** How a call ended. */
export type CallEnd = 'answered' | 'failed' | 'cancelled'

/** Where calls come from: one session of a server. */
export interface CallOrigin {
  readonly streams: SessionStreams
  readonly peer: PeerInfo
  /** The connection of the caller. */
  readonly connection: CallerConnection
  /** What the streams of requests of the peer may hold together. */
  readonly backlogs: BacklogBudget
  /** Why handlers should end, once the server is closing. */
  readonly drainReason: RivuletError | undefined
  readonly clock: Clock
  /** Keeps a call that was not answered at once. */
  keep(call: ServerCall): void
  /** A call has ended: its outcome is about to be sent, if there is one. */
  finished(call: ServerCall): void
  /** Counts a call that has ended. */
  counted(how: CallEnd): void
  /** Sends the last item of a call, now or when there is room; returns false if a failure took its place. */
  sendLast(stream: number, kind: number, body: GuaranteedBody): boolean
  /** A handler is done. */
  released(): void
  /** Ends a call that is late. */
  stopLate(call: ServerCall): void
  /** Ends a call of which an item cannot be read. */
  refuseItem(call: ServerCall, cause: unknown): void
  report(error: RivuletError): void
}

/** A call that a handler works on. */
export class ServerCall implements GuaranteedBody, ContextSource, FirstValueOwner, IncomingOwner, OutgoingOwner {
  readonly server: CallOrigin
  readonly method: ServedMethod
  readonly stream: number
  readonly deadline: number
  readonly headers: CallHeaders
  readonly caller: number
  /** The requests, where there is a stream of them. */
  incoming: IncomingItems | undefined
  /** The responses, where there is a stream of them. */
  outgoing: OutgoingItems | undefined
  /** Whether the client has not said that it is through with its side of the stream. */
  mayReceiveMore = false
  /** Whether the server keeps it, since its handler did not answer at once. */
  isKept = false
  #over = false
  #running = true
  #isSendable = true
  #response: unknown
  #declared: DeclaredError | undefined
  #stoppedBy: RivuletError | undefined
  #controller: AbortController | undefined
  #draining: AbortController | undefined
  #first: FirstValue | undefined

  constructor(server: CallOrigin, method: ServedMethod, stream: number, deadline: number, head: RequestHeader) {
    this.server = server
    this.method = method
    this.stream = stream
    this.deadline = deadline
    this.headers = head.headers
    this.caller = head.caller
    if (method.streamsRequests) {
      this.incoming = new IncomingItems(this, server.backlogs)
      this.incoming.read = method.read
    }
  }

  /** Whether it has its outcome, or nobody waits for one. */
  get isOver(): boolean {
    return this.#over
  }

  /** Why its handler should end: its server is closing, or its service was withdrawn. */
  get drainReason(): RivuletError | undefined {
    return this.server.drainReason ?? this.method.owner.withdrawn
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#stoppedBy !== undefined) this.#controller.abort(this.#stoppedBy)
    }
    return this.#controller.signal
  }

  get draining(): AbortSignal {
    if (this.#draining === undefined) {
      this.#draining = new AbortController()
      this.drain()
    }
    return this.#draining.signal
  }

  /** Tells the handler that its server is closing, if it is. */
  drain(): void {
    const { drainReason } = this
    if (drainReason !== undefined) this.#draining?.abort(drainReason)
  }

  /** Runs the handler. */
  run(request: unknown): void {
    const { handler, contextOf, streamsResponses } = this.method
    let result: unknown
    let isPromised: boolean
    try {
      result = handler(this.incoming === undefined ? request : this.incoming.stream, contextOf(this))
      isPromised = isThenable(result)
    } catch (cause) {
      this.#fail(cause)
      return
    }
    if (isPromised) this.#whenSettled(result)
    else if (streamsResponses) this.#feed(result)
    else if (typeof result !== 'object' || result === null) this.#answer(result)
    else this.#respond(result)
  }

  /**
   * Ends the call before its handler does: its signal aborts, what it returned is left, and it has no say any more.
   *
   * The caller notifies the client. Returns false if the call had ended already.
   */
  stop(error: RivuletError): boolean {
    if (this.#over) return false
    this.#stoppedBy = error
    this.#finish('cancelled')
    // what the handler returned is left first: it then sees no failure of what it reads
    if (this.#first !== undefined || this.outgoing !== undefined) this.#released()
    this.#first?.leave()
    this.outgoing?.stop()
    this.#controller?.abort(error)
    this.incoming?.abort(error)
    return true
  }

  writeBody(bytes: Buffer, view: DataView, position: number, end: number): number {
    const { method } = this
    if (this.#declared !== undefined) return method.codec.errors.write(this.#declared, bytes, view, position, end)
    return method.write(this.#response, bytes, view, position, end)
  }

  unsendable(cause: unknown): void {
    this.#isSendable = false
    const { response, errors } = this.method.codec
    const explain = () =>
      this.#declared === undefined ? response.explain(this.#response) : errors.explain(this.#declared)
    this.#failInternal(isRivuletError(cause) ? cause : explain())
  }

  firstValue(value: unknown): void {
    this.#answer(value)
  }

  noValue(cause: unknown): void {
    this.#fail(cause)
  }

  consumed(bytes: number): void {
    if (!this.#over) this.server.streams.consumed(this.stream, bytes)
  }

  abandoned(): void {
    // a handler may want no more requests and still answer; what comes is kept as far as credit goes
  }

  unreadable(cause: unknown): void {
    this.server.refuseItem(this, cause)
  }

  report(error: RivuletError): void {
    this.server.report(error)
  }

  unhandled(error: Error): void {
    this.server.report(unhandledError(`the stream of requests of ${this.method.label}`, error))
  }

  sourceEnded(): void {
    if (this.#over) return
    this.#released()
    this.#finish('answered')
    this.server.sendLast(this.stream, callKind.end, noBody)
  }

  sourceFailed(cause: unknown): void {
    this.#fail(cause)
  }

  noSource(error: RivuletError, value: unknown): void {
    this.#fail(error, noResponses(value))
  }

  valueRefused(cause: unknown, value: unknown): void {
    this.#fail(isRivuletError(cause) ? cause : this.method.codec.response.explain(value))
  }

  overflowed(): void {
    if (this.#over) return
    this.#released()
    this.#finish('failed')
    const message = `${this.method.label}: its responses come faster than they leave, and an observable cannot be paused; return an iterable or a generator for backpressure`
    this.server.sendLast(this.stream, callKind.failure, failureBody('RIVULET_OVERLOADED', message, 'maybe'))
    this.server.report(new RivuletError('RIVULET_OVERLOADED', message, { executed: 'maybe' }))
  }

  leftBadly(cause: unknown): void {
    const message = `${this.method.label}: the observable of its handler failed while it was left`
    this.server.report(new RivuletError('RIVULET_INTERNAL', message, { cause, executed: 'maybe' }))
  }

  /** Sends the stream of responses. */
  #feed(source: unknown): void {
    this.server.keep(this)
    if (this.#over) {
      this.#released()
      return
    }
    this.outgoing = new OutgoingItems(this, this.server.streams, this.stream, this.method.write)
    this.outgoing.run(source)
  }

  /** Answers with what the handler has come to. */
  #respond(result: unknown): void {
    let isSource: boolean
    try {
      isSource = isSubscribable(result)
    } catch (cause) {
      this.#fail(cause)
      return
    }
    if (isSource) this.#takeFirst(result as Subscribable)
    else this.#answer(result)
  }

  #takeFirst(source: Subscribable): void {
    this.server.keep(this)
    if (this.#over) {
      this.#released()
      return
    }
    this.#first = new FirstValue(this)
    try {
      source.subscribe(this.#first)
    } catch (cause) {
      if (this.#over) this.leftBadly(cause)
      else this.#fail(cause)
    }
  }

  #whenSettled(result: unknown): void {
    this.server.keep(this)
    const next = (value: unknown) => (this.method.streamsResponses ? this.#feed(value) : this.#respond(value))
    const fail = (cause: unknown) => this.#fail(cause)
    try {
      Promise.resolve(result).then(next, fail)
    } catch (cause) {
      fail(cause) // a promise that is none
    }
  }

  #answer(value: unknown): void {
    this.#released()
    if (this.#over) return
    this.#finish()
    this.#response = value
    const isAnswered = this.method.oneWay || this.server.sendLast(this.stream, callKind.item, this)
    this.server.counted(isAnswered && this.#isSendable ? 'answered' : 'failed')
  }

  #fail(cause: unknown, deed?: string): void {
    this.#released()
    if (this.#over) return
    this.#finish('failed')
    if (!this.method.oneWay && this.method.codec.errors.matches(cause)) {
      this.#declared = cause
      this.server.sendLast(this.stream, callKind.error, this)
    } else if (!this.method.oneWay && this.#isDrainReason(cause)) {
      const body = failureBody('RIVULET_SERVER_CLOSING', `${this.method.label}: the server is closing`, 'maybe')
      this.server.sendLast(this.stream, callKind.failure, body)
    } else {
      this.#failInternal(cause, deed)
    }
  }

  /** Whether a handler ended since its server is closing: Node.js wraps the reason of a signal in an `AbortError`. */
  #isDrainReason(cause: unknown): boolean {
    const { drainReason } = this
    if (drainReason === undefined) return false
    try {
      return cause === drainReason || (cause as Partial<Error> | undefined)?.cause === drainReason
    } catch {
      return false
    }
  }

  #failInternal(cause: unknown, deed?: string): void {
    const { codec, label, oneWay } = this.method
    const foreign = codec.errors.describeForeign(cause)
    const message = `${label}: its handler ${deed ?? (foreign === undefined ? 'failed' : `threw ${foreign}`)}`
    this.server.report(new RivuletError('RIVULET_INTERNAL', message, { cause, executed: 'maybe' }))
    if (oneWay) return
    const body = failureBody('RIVULET_INTERNAL', `${label} failed at the server`, 'maybe')
    this.server.sendLast(this.stream, callKind.failure, body)
  }

  /** The handler is done, whatever became of the call. */
  #released(): void {
    if (!this.#running) return
    this.#running = false
    this.server.released()
  }

  /** The call has ended; how it is counted is known when its response was written, if that is the outcome. */
  #finish(how?: CallEnd): void {
    this.#over = true
    this.server.finished(this)
    if (how !== undefined) this.server.counted(how)
    if (how !== 'cancelled') {
      this.outgoing?.stop()
      this.incoming?.leave()
    }
  }
}
