/**
 * The calls of a client on one session: sends them, and completes them from the responses.
 *
 * The client decides what happens to calls when the session ends.
 */
import { type Cursor, decodeFailure } from '../avro/codec.js'
import { Malformed } from '../avro/read-primitives.js'
import { isRivuletError, type RivuletError } from '../errors/index.js'
import { itemFlag, noBody, readRecord, type SessionStreams, type SessionUser } from '../session/index.js'
import { callKind } from './call-kinds.js'
import { ClientAgreement } from './client-agreement.js'
import type { CallSession, ClientCall } from './client-call.js'
import { callError, type Executed, failureError, outcomeOf } from './failure.js'
import { GuaranteedSends } from './guaranteed-sends.js'
import { OpenCalls } from './open-calls.js'
import { OutgoingRequests } from './outgoing-requests.js'
import { noDeadline } from './request-header.js'
import { CallFailure } from './schemas.js'
import { WakingSources } from './waking-sources.js'

/** What a session needs of its client. */
export interface ClientSessionOwner {
  /** The session may take calls that it did not take before. */
  ready(): void
  /** The session has lost its connection, and may be resumed. */
  disconnected(session: ClientSession): void
  /** A server took none of a call, or the session ended before it had it: it goes elsewhere. */
  moved(call: ClientCall): void
  /** The session has ended for a `reason`. */
  ended(session: ClientSession, reason: RivuletError | undefined): void
  report(error: RivuletError): void
}

const cursor: Cursor = { position: 0 }

/** One session of a client. */
export class ClientSession implements SessionUser, CallSession {
  readonly streams: SessionStreams
  /** The calls that the session has, by stream. */
  readonly calls = new OpenCalls<ClientCall>()
  readonly agreement: ClientAgreement
  /** Whether new calls may go this way. */
  isReady = false
  isSuspected = false
  /** Whether it has lost its connection and has not been resumed. */
  isDisconnected = false
  /** When a disconnected session gives up calls that another one can take, on the clock of the owner. */
  failoverAt = 0
  readonly #owner: ClientSessionOwner
  readonly #onStatus: () => void
  readonly #guaranteed: GuaranteedSends
  readonly #sources = new WakingSources(this)
  /** Whether a one-way call has left of which it is not known that it has arrived. */
  #sentOneWay = false
  /** The server said that it takes no calls any more. */
  #refuses = false
  /** Whether its calls know that the server is about to close, or the link to be retired. */
  #announcedDraining = false
  #ended = false

  constructor(streams: SessionStreams, owner: ClientSessionOwner, onStatus: () => void) {
    this.streams = streams
    this.#owner = owner
    this.#onStatus = onStatus
    this.#guaranteed = new GuaranteedSends(streams)
    this.agreement = new ClientAgreement(this.#guaranteed, streams.sign)
    this.#check()
  }

  /**
   * Whether something may not have arrived that must, although nobody waits for an answer to it.
   *
   * All other items are obsolete once the calls have ended: the end of the session implies it.
   */
  get owes(): boolean {
    if (this.#sentOneWay && this.streams.settled) this.#sentOneWay = false
    return this.#sentOneWay
  }

  get pending(): number {
    return this.calls.size
  }

  owns(stream: number): boolean {
    return this.calls.get(stream) !== undefined
  }

  /** Sends a call. */
  begin(call: ClientCall): void {
    const { streams } = this
    const { method, deadline } = call
    const stream = streams.openStream()
    call.session = this
    call.stream = stream
    call.sessionDeadline =
      deadline === Number.POSITIVE_INFINITY
        ? noDeadline
        : Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(streams.toSessionTime(deadline)) || 1)
    try {
      streams.send(stream, callKind.request, method.streamsRequests ? 0 : itemFlag.last, call)
    } catch (cause) {
      this.#unsendable(call, cause)
      return
    }
    if (method.oneWay) {
      this.#sentOneWay = true
      call.succeed(undefined)
      return
    }
    this.calls.add(call)
    if (call.incoming !== undefined) call.incoming.read = this.#agreed(call).read
    if (method.streamsRequests) {
      call.outgoing = new OutgoingRequests(call, this, this.#guaranteed).items
      call.outgoing.run(call.request)
    }
  }

  abandon(call: ClientCall): Executed {
    const { stream } = call
    const { streams } = this
    this.calls.delete(stream)
    const isUnsent = streams.isUnsent(stream)
    if (!isUnsent && !this.#ended) this.#guaranteed.send(stream, callKind.cancel, itemFlag.last, noBody)
    // waiting requests are obsolete now; a cancellation does not wait behind them
    streams.forget(stream)
    return isUnsent ? call.executedBefore : 'maybe'
  }

  unreadable(call: ClientCall, cause: unknown): void {
    this.abandon(call)
    call.abort(outcomeOf(decodeFailure(cause, `the response of ${call.method.label}`), 'maybe'))
  }

  onItem(stream: number, kind: number, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    const call = this.calls.get(stream)
    if (call !== undefined) this.#receive(call, kind, flags, bytes, view, start, end)
    else if (stream === 0) this.#agree(kind, bytes, view, start, end)
    else this.streams.forget(stream) // the call has its outcome: late items are dropped
    // this frame may acknowledge the one-way calls: it is checked now, before later items are in flight
    if (this.#sentOneWay && this.streams.settled) this.#sentOneWay = false
  }

  onWritable(stream: number): void {
    this.#guaranteed.retry()
    this.#sources.wake(stream)
  }

  onStatus(reason: RivuletError | undefined): void {
    if (!this.#ended) this.#statusChanged(reason)
    this.#onStatus()
  }

  #statusChanged(reason: RivuletError | undefined): void {
    const wasDisconnected = this.isDisconnected
    this.#check()
    if (this.streams.draining && !this.#announcedDraining) {
      this.#announcedDraining = true
      for (const call of this.calls.all()) call.onDraining?.(this.streams.retired)
    }
    if (this.isDisconnected && this.streams.retired) for (const call of this.calls.all()) call.onStranded?.()
    if (this.streams.status !== 'ended') {
      if (this.isReady) this.#owner.ready()
      else if (this.isDisconnected && !wasDisconnected) this.#owner.disconnected(this)
      return
    }
    this.#ended = true
    this.#guaranteed.clear()
    this.#owner.ended(this, reason)
  }

  /** Removes all calls and returns them. */
  takeCalls(): ClientCall[] {
    const calls = this.calls.all()
    this.calls.clear()
    return calls
  }

  #check(): void {
    const { status, suspected, draining } = this.streams
    this.isReady = status === 'live' && !draining && !this.#refuses
    this.isSuspected = suspected
    this.isDisconnected = status === 'cut'
  }

  #receive(
    call: ClientCall,
    kind: number,
    flags: number,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): void {
    if (kind === callKind.item) {
      if (call.incoming === undefined) this.#response(call, flags, bytes, view, start, end)
      else this.#responses(call, flags, bytes, view, start, end)
      return
    }
    try {
      switch (kind) {
        case callKind.end:
          if (call.incoming === undefined) throw new Malformed('the call ended without a response')
          this.#release(call)
          call.succeed(undefined)
          return
        case callKind.error:
          this.#declaredError(call, bytes, view, start, end)
          return
        case callKind.failure:
          this.#failure(call, readRecord(CallFailure, bytes, view, start, end))
          return
        default:
          if (flags & (itemFlag.critical | itemFlag.last)) throw new Malformed(`an item is of the unknown kind ${kind}`)
      }
    } catch (cause) {
      this.unreadable(call, cause)
    }
  }

  #response(call: ClientCall, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    let value: unknown
    try {
      cursor.position = start
      value = this.#agreed(call).read(bytes, view, cursor, end)
      if (cursor.position !== end) throw new Malformed('there is more than the value')
      if (!(flags & itemFlag.last)) throw new Malformed('the call has one response, and there is to be more')
    } catch (cause) {
      this.unreadable(call, cause)
      return
    }
    this.#release(call)
    call.succeed(value)
  }

  #responses(call: ClientCall, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    call.begun = true
    const isLast = (flags & itemFlag.last) !== 0
    if (isLast) this.#release(call)
    if (call.incoming?.accept(bytes, view, start, end) === false) {
      this.abandon(call)
      call.abort(
        callError('RIVULET_OVERLOADED', `${call.method.label}: too many responses without a byte wait`, 'maybe'),
      )
    } else if (isLast) {
      call.succeed(undefined)
    }
  }

  #declaredError(call: ClientCall, bytes: Buffer, view: DataView, start: number, end: number): void {
    const { codec, label } = call.method
    const at = { position: start }
    const { errorName, value } = this.#agreed(call).readError(bytes, view, at, end)
    if (at.position !== end) throw new Malformed('there is more than the error')
    this.#release(call)
    call.fail(
      errorName === undefined
        ? callError('RIVULET_INTERNAL', `${label} failed with an error that it does not declare`, 'maybe')
        : codec.errors.make(errorName, value),
    )
  }

  #failure(call: ClientCall, failure: CallFailure): void {
    this.#release(call)
    const isRefused = failure.code === 'RIVULET_UNAVAILABLE' && failure.executed === 'no'
    if (isRefused || failure.code === 'RIVULET_SERVER_CLOSING') {
      if (!isRefused) call.executedBefore = 'maybe'
      if (isRefused ? call.isMovable && !call.begun : call.isRepeatable) {
        this.#refuses = true
        this.#check()
        this.#owner.moved(call)
        return
      }
    }
    call.fail(failureError(failure, call.executedBefore))
  }

  /** The server is through with a call; the client's side of its stream may still be open. */
  #release(call: ClientCall): void {
    this.calls.delete(call.stream)
    if (call.method.streamsRequests) this.streams.forget(call.stream)
  }

  /** A request could not be sent. */
  #unsendable(call: ClientCall, cause: unknown): void {
    this.streams.forget(call.stream)
    call.session = undefined
    if (isRivuletError(cause, 'RIVULET_CLOSED')) {
      this.isReady = false
      this.#owner.moved(call)
    } else if (isRivuletError(cause, 'RIVULET_OUTBOX_FULL')) {
      const message = `${call.method.label}: the outbox of the session has no room`
      call.fail(callError('RIVULET_OVERLOADED', message, call.executedBefore, { cause }))
    } else {
      const error = isRivuletError(cause) ? cause : call.method.codec.request.explain(call.request)
      call.fail(outcomeOf(error, call.executedBefore))
    }
  }

  #agree(kind: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    try {
      if (this.agreement.receive(kind, bytes, view, start, end) && this.isReady) this.#owner.ready()
    } catch (cause) {
      this.#owner.report(decodeFailure(cause, 'what a server says of its services'))
    }
  }

  #agreed(call: ClientCall): NonNullable<ClientAgreement['methods'][number]> {
    return this.agreement.methods[call.method.number] as NonNullable<ClientAgreement['methods'][number]>
  }
}
