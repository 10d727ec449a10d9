/**
 * The calls of one session at the server: reads requests, gives them to handlers, and hears what the client says of them.
 *
 * What all sessions share is in `host.ts`; what becomes of a request, in `server-call.ts`.
 */
import { type Cursor, decodeFailure } from '../avro/codec.js'
import { Malformed } from '../avro/read-primitives.js'
import type { Clock } from '../clock/index.js'
import { type ErrorCode, RivuletError } from '../errors/index.js'
import { turnBudget } from '../lifecycle/index.js'
import { itemFlag, type PeerInfo, type SessionStreams, type SessionUser } from '../session/index.js'
import { callKind } from './call-kinds.js'
import { CallerConnection } from './caller-connection.js'
import type { CallerRates } from './caller-rates.js'
import { failureBody } from './failure.js'
import { type GuaranteedBody, GuaranteedSends } from './guaranteed-sends.js'
import { BacklogBudget } from './item-backlog.js'
import { OpenCalls } from './open-calls.js'
import { noDeadline, RequestHeader } from './request-header.js'
import type { ServedMethod, ServedService } from './served-service.js'
import { ServerAgreement } from './server-agreement.js'
import { type CallEnd, type CallOrigin, ServerCall } from './server-call.js'
import type { ServerPorts } from './server-ports.js'
import { WakingSources } from './waking-sources.js'

const cursor: Cursor = { position: 0 }
const header = new RequestHeader()
/** A deadline further away is not compared with the clock, in milliseconds: no turn should take as long. */
const nearMs = 1000

/** The calls that came over one session. */
export class CallServer implements SessionUser, CallOrigin {
  readonly #host: ServerPorts<CallServer>
  readonly streams: SessionStreams
  /** Who calls, as the owner of the session knows it. */
  readonly peer: PeerInfo
  readonly rates: CallerRates
  readonly connection: CallerConnection
  /** Calls whose handlers did not answer at once, by stream. */
  readonly calls = new OpenCalls<ServerCall>()
  readonly backlogs: BacklogBudget
  readonly #guaranteed: GuaranteedSends
  readonly #sources = new WakingSources(this)
  readonly #agreement: ServerAgreement
  /** Streams on which requests may still come, although the outcome was sent: to be forgotten when it has left. */
  readonly #answered = new Set<number>()
  #reportedInvalid = false
  #ended = false

  constructor(host: ServerPorts<CallServer>, streams: SessionStreams, peer: PeerInfo, rates: CallerRates) {
    this.#host = host
    this.streams = streams
    this.peer = peer
    this.rates = rates
    this.connection = new CallerConnection(streams, () => host.clock.now())
    this.backlogs = new BacklogBudget(host.limits.backlogBytes)
    this.#guaranteed = new GuaranteedSends(streams, host.limits.backlogBytes)
    this.#agreement = new ServerAgreement(host, this.#guaranteed, (service) => host.denialOf(peer, service))
  }

  /** What the client may still hear of. */
  get pending(): number {
    return this.calls.size + this.#guaranteed.size
  }

  owns(stream: number): boolean {
    return this.calls.get(stream) !== undefined || this.#answered.has(stream)
  }

  onItem(stream: number, kind: number, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (stream === 0) {
      this.#agree(kind, bytes, view, start, end)
      return
    }
    if (kind === callKind.request) {
      this.#request(stream, flags, bytes, view, start, end)
      return
    }
    const call = this.calls.get(stream)
    if (call !== undefined) this.#receive(call, kind, flags, bytes, view, start, end)
    else if (kind === callKind.cancel || !this.#answered.has(stream)) this.#forget(stream)
    // else its outcome may still wait to be sent, and late items are dropped
  }

  onWritable(stream: number): void {
    this.#guaranteed.retry()
    this.#sources.wake(stream)
    this.#forgetAnswered()
    this.#host.checkDrained()
  }

  onStatus(reason: RivuletError | undefined): void {
    if (this.#ended) return
    this.connection.update()
    this.#host.checkDrained()
    if (this.streams.status !== 'ended') return
    this.#ended = true
    this.#guaranteed.clear()
    this.#answered.clear()
    this.stopAll(gone(reason), () => this.#host.ended(this))
  }

  get drainReason(): RivuletError | undefined {
    return this.#host.drainReason
  }

  get clock(): Clock {
    return this.#host.clock
  }

  keep(call: ServerCall): void {
    if (call.isKept || call.isOver) return
    call.isKept = true
    this.calls.add(call)
    this.rates.open += 1
    call.method.owner.opened()
    this.#host.watch(call.deadline)
    if (call.drainReason !== undefined) call.drain() // the handler itself may have closed its server
    // the handler itself may have led to the end of its session
    if (this.#ended) call.stop(gone(undefined))
  }

  finished(call: ServerCall): void {
    if (call.isKept && this.calls.delete(call.stream)) {
      this.rates.open -= 1
      call.method.owner.closed()
    }
    if (call.mayReceiveMore && !this.#ended) this.#answered.add(call.stream)
  }

  counted(how: CallEnd): void {
    this.#host.finished(how)
  }

  /** Stops all handlers, in several turns if they are very many; the end of the session notifies the client. */
  stopAll(error: RivuletError, done?: () => void): void {
    turnBudget.forEach(this.calls.all(), (call) => call.stop(error), done)
  }

  /** Tells all handlers that the server is closing. */
  drain(): void {
    turnBudget.forEach(this.calls.all(), (call) => call.drain())
  }

  /** Lets go of a service, and tells its handlers. */
  withdraw(service: ServedService): void {
    this.#agreement.withdraw(service)
    turnBudget.forEach(this.#callsOf(service), (call) => call.drain())
  }

  /** Ends the calls of a service that was withdrawn. */
  stopService(service: ServedService): void {
    const error = service.withdrawn ?? gone(undefined)
    turnBudget.forEach(this.#callsOf(service), (call) => {
      const { stream, method } = call
      if (call.stop(error) && !method.oneWay)
        this.#sendFailure(stream, 'RIVULET_SERVER_CLOSING', error.message, 'maybe')
    })
  }

  /** Ends a call that is late. */
  stopLate(call: ServerCall): void {
    const message = `${call.method.label}: its deadline passed`
    if (!call.stop(new RivuletError('RIVULET_DEADLINE_EXCEEDED', message))) return
    if (!call.method.oneWay) this.#sendFailure(call.stream, 'RIVULET_DEADLINE_EXCEEDED', message, 'maybe')
  }

  refuseItem(call: ServerCall, cause: unknown): void {
    const { message } = decodeFailure(cause, `a request of ${call.method.label}`)
    const error = new RivuletError('RIVULET_INVALID_REQUEST', message, { executed: 'maybe' })
    if (call.stop(error)) this.#sendFailure(call.stream, error.code, message, 'maybe')
  }

  sendLast(stream: number, kind: number, body: GuaranteedBody): boolean {
    const hasRoom = this.#guaranteed.send(stream, kind, itemFlag.last, body)
    if (!hasRoom) {
      const message = 'the client reads no outcomes, and too many wait for it already'
      this.#sendFailure(stream, 'RIVULET_OVERLOADED', message, 'maybe')
    }
    this.#forgetAnswered()
    return hasRoom
  }

  released(): void {
    this.#host.released()
  }

  report(error: RivuletError): void {
    this.#host.report(error)
  }

  #callsOf(service: ServedService): ServerCall[] {
    return this.calls.all().filter(({ method }) => method.owner === service)
  }

  #request(stream: number, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    const isOpenedHere = stream * this.streams.sign > 0
    if (isOpenedHere || this.owns(stream)) {
      if (isOpenedHere) this.streams.forget(stream)
      this.#invalidItem(`a request came on stream ${stream}, which is not one to open`)
      return
    }
    const host = this.#host
    this.#forgetAnswered()
    cursor.position = start
    try {
      header.read(bytes, cursor, end)
    } catch (cause) {
      const { message } = decodeFailure(cause, 'the head of a request')
      this.#refuse(stream, flags, undefined, 'RIVULET_INVALID_REQUEST', message)
      return
    }
    const method = this.#agreement.methods.get(header.method)
    if (method === undefined) {
      const message = `there was no agreement on method ${header.method}`
      this.#refuse(stream, flags, undefined, 'RIVULET_UNIMPLEMENTED', message)
      return
    }
    const refusal = host.refusalFor(this, method, header.caller)
    if (refusal !== undefined) {
      this.#refuse(stream, flags, method, refusal.code, refusal.message)
      return
    }
    const isTimed = header.deadline !== noDeadline
    const deadline = isTimed ? this.streams.fromSessionTime(header.deadline) : Number.POSITIVE_INFINITY
    if (isTimed && this.#isLate(deadline)) {
      const message = `${method.label}: its deadline had passed when it came`
      this.#refuse(stream, flags, method, 'RIVULET_DEADLINE_EXCEEDED', message)
      return
    }
    let request: unknown
    try {
      if (!method.streamsRequests) request = method.read(bytes, view, cursor, end)
      if (cursor.position !== end) throw new Malformed('there is more than the request')
    } catch (cause) {
      const { message } = decodeFailure(cause, `the request of ${method.label}`)
      this.#refuse(stream, flags, method, 'RIVULET_INVALID_REQUEST', message)
      return
    }
    if (method.streamsRequests) this.streams.consumed(stream, end - start)
    const call = new ServerCall(this, method, stream, deadline, header)
    call.mayReceiveMore = !(flags & itemFlag.last)
    host.started()
    call.run(request)
  }

  /** Whether a deadline has passed; that of most calls is so far away that it needs no look at the clock. */
  #isLate(deadline: number): boolean {
    return deadline - this.streams.takenAt < nearMs && deadline <= this.#host.clock.now()
  }

  #receive(
    call: ServerCall,
    kind: number,
    flags: number,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): void {
    const { incoming } = call
    switch (kind) {
      case callKind.item:
        if (flags & itemFlag.last) call.mayReceiveMore = false
        if (incoming === undefined)
          this.#invalidItem(`a request of ${call.method.label} is no stream, and an item of one came`)
        else if (!incoming.accept(bytes, view, start, end)) this.#overwhelmed(call)
        if (flags & itemFlag.last) incoming?.end()
        return
      case callKind.end:
        call.mayReceiveMore = !(flags & itemFlag.last)
        incoming?.end()
        return
      case callKind.cancel:
        this.rates.cancelled(this.#host.clock.now())
        call.stop(new RivuletError('RIVULET_CANCELLED', `${call.method.label} was cancelled by its caller`))
        this.#forget(call.stream) // also what waits to be sent on it
        return
      default:
        if (flags & itemFlag.critical) this.refuseItem(call, new Malformed(`an item is of the unknown kind ${kind}`))
    }
  }

  #forget(stream: number): void {
    this.#answered.delete(stream)
    this.streams.forget(stream)
  }

  /** Forgets streams whose outcome has left: before, it would be dropped with them. Passes over a few at a time. */
  #forgetAnswered(): void {
    if (this.#answered.size === 0 || this.#guaranteed.size > 0) return
    if (!this.streams.hasRoom && !this.streams.isWritable(0)) return // asked about each, the session would remember each
    let tries = 4
    for (const stream of this.#answered) {
      this.#answered.delete(stream)
      if (this.streams.isWritable(stream)) this.streams.forget(stream)
      else {
        this.#answered.add(stream)
        if (--tries === 0) return
      }
    }
  }

  #overwhelmed(call: ServerCall): void {
    const message = `${call.method.label}: more requests wait than the server keeps for one client`
    if (!call.stop(new RivuletError('RIVULET_OVERLOADED', message))) return
    this.#sendFailure(call.stream, 'RIVULET_OVERLOADED', message, 'maybe')
  }

  /** Ends a call before its handler begins. */
  #refuse(stream: number, flags: number, method: ServedMethod | undefined, code: ErrorCode, message: string): void {
    this.#host.refused()
    const hasRoom = this.#guaranteed.size < this.#host.limits.maxOpenCallsPerPeer
    if (!(flags & itemFlag.last)) {
      if (hasRoom && !method?.oneWay) this.#answered.add(stream)
      else this.streams.forget(stream)
    }
    if (method?.oneWay) {
      this.report(new RivuletError(code, message, { executed: 'no' })) // since the client is not notified
    } else if (hasRoom) {
      this.#sendFailure(stream, code, message, 'no')
    } else {
      this.#invalidItem('a client opens calls without end and reads no outcomes')
    }
  }

  #sendFailure(stream: number, code: ErrorCode, message: string, executed: 'no' | 'maybe'): void {
    this.sendLast(stream, callKind.failure, failureBody(code, message, executed))
  }

  #agree(kind: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    try {
      this.#agreement.receive(kind, bytes, view, start, end)
    } catch (cause) {
      this.#invalidItem(decodeFailure(cause, 'what a client says of its services').message)
    }
  }

  /** Reports the first malformed item of a peer, and counts all: a peer may send any number of them. */
  #invalidItem(message: string): void {
    this.#host.countInvalidItem()
    if (this.#reportedInvalid) return
    this.#reportedInvalid = true
    this.report(new RivuletError('RIVULET_BAD_FRAME', message))
  }
}

function gone(reason: RivuletError | undefined): RivuletError {
  return new RivuletError('RIVULET_CANCELLED', 'the session of the caller has ended', { cause: reason })
}
