/**
 * The calls of a client over all its sessions: each is given to a session, or waits for one, and has exactly one outcome.
 *
 * Pure but for a clock: the owner of the sessions attaches them. A disconnected session keeps its calls, since it may be
 * resumed; after `failoverMs` it gives up those that another session can take without harm. When a session ends, calls that had
 * not left go elsewhere, calls that had left are repeated if that does no harm, and the rest ends.
 */

import type { ServiceCodec } from '../avro/service-codec.js'
import { DeadlineSweep } from '../clock/index.js'
import type { RivuletError } from '../errors/index.js'
import { sweepLate, turnBudget, unwatchAbort, watchAbort } from '../lifecycle/index.js'
import { defaults } from '../options/index.js'
import type { LinkUser, PeerInfo, SessionStreams } from '../session/index.js'
import { clientItems } from './call-kinds.js'
import type { ResolvedCallOptions } from './call-options.js'
import { chooseSession } from './choose-session.js'
import { type CallKeeper, ClientCall, type OnError, type OnValue } from './client-call.js'
import { type BindOptions, type ClientMethod, ClientService } from './client-method.js'
import type { CallClientPorts, CallClientStats } from './client-ports.js'
import { ClientSession, type ClientSessionOwner } from './client-session.js'
import { callError } from './failure.js'
import { isRefusal, lostCallError } from './lost-call.js'
import { MethodNumbers } from './method-numbers.js'
import { refusalError } from './refusal.js'

const ignore = () => {}

/** The client's side of calls. */
export class CallClient implements CallKeeper, ClientSessionOwner, LinkUser {
  readonly items = clientItems
  readonly #ports: CallClientPorts
  readonly #services = new Set<ClientService>()
  readonly #numbers = new MethodNumbers()
  #bindings = 0
  #sessions: readonly ClientSession[] = []
  readonly #waiting = new Set<ClientCall>()
  readonly #sweep: DeadlineSweep
  /** Waits until the next disconnected session gives up calls. */
  readonly #failover: DeadlineSweep
  #started = 0
  #succeeded = 0
  #failed = 0
  #closing = false
  /** Why calls that a session has lost since go nowhere else: all calls were ended. */
  #failure: RivuletError | undefined
  #drained: Promise<void> | undefined
  #markDrained = ignore

  constructor(ports: CallClientPorts) {
    this.#ports = ports
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.#endLate(now))
    this.#failover = new DeadlineSweep(ports.clock, (now) => this.#failOver(now))
  }

  /** Adds a service; further calls with the same, under the same name, return the same. */
  bind(codec: ServiceCodec, options: BindOptions = {}): ClientService {
    const { as = codec.name } = options
    for (const known of this.#services) if (known.codec === codec && known.name === as) return known
    const service = new ClientService(codec, options, this.#bindings, this.#numbers.take(codec))
    this.#bindings += 1
    this.#services.add(service)
    for (const session of this.#sessions) session.agreement.bind(service)
    return service
  }

  /**
   * Gives a service up, so that it does not count at servers any more; returns false, and does nothing, while it has calls
   * without an outcome.
   */
  unbind(service: ClientService): boolean {
    if (this.openCalls().some(({ method }) => method.service === service)) return false
    if (!this.#services.delete(service)) return true
    for (const session of this.#sessions) session.agreement.unbind(service)
    this.#numbers.giveBack(service.codec, service.firstMethod)
    return true
  }

  /** Adds a session, which gets calls when the server has agreed on their services; its calls hear of its status first. */
  accept(streams: SessionStreams, _peer?: PeerInfo, onStatus = ignore): ClientSession {
    const session = new ClientSession(streams, this, onStatus)
    this.#sessions = [...this.#sessions, session]
    for (const service of this.#services) session.agreement.bind(service)
    return session
  }

  /**
   * Starts a call and resolves with its response; for a one-way call, when the session has taken it.
   *
   * @error A RivuletError that says whether the call may have run, or a declared error.
   */
  call(method: ClientMethod, request: unknown, options: ResolvedCallOptions): Promise<unknown> {
    const promise = new Promise<unknown>(capture)
    this.start(method, request, options, captured.resolve, captured.reject)
    return promise
  }

  /** Starts a call; one of `onValue` and `onError` is called once, maybe before this returns. */
  start(
    method: ClientMethod,
    request: unknown,
    options: ResolvedCallOptions,
    onValue: OnValue,
    onError: OnError,
  ): ClientCall {
    const call = new ClientCall(this, method, request, options, this.deadlineOf(options), onValue, onError)
    this.run(call)
    return call
  }

  /** The deadline of a call that starts now. */
  deadlineOf({ timeoutMs, deadline }: ResolvedCallOptions): number {
    return timeoutMs === Number.POSITIVE_INFINITY ? deadline : Math.min(deadline, this.#ports.clock.now() + timeoutMs)
  }

  /** Starts a call of another keeper. */
  run(call: ClientCall): void {
    const { deadline, options } = call
    const { signal } = options
    this.#started += 1
    if (this.#closing) {
      call.fail(callError('RIVULET_CLOSED', `${this.#ports.name()} is closing or closed`, 'no'))
    } else if (signal?.aborted) {
      call.cancel(signal.reason)
    } else {
      if (signal !== undefined) watchAbort(signal, call)
      if (deadline !== Number.POSITIVE_INFINITY) this.#sweep.watch(deadline)
      this.#place(call)
    }
  }

  /** Makes a call that was never started: it has failed already. For those who share a client. */
  refuse(
    error: RivuletError,
    method: ClientMethod,
    request: unknown,
    options: ResolvedCallOptions,
    onError: OnError,
  ): ClientCall {
    const call = new ClientCall(this, method, request, options, Number.POSITIVE_INFINITY, ignore, onError)
    this.#started += 1
    call.fail(error)
    return call
  }

  /** Starts a call with a stream of responses, which also carry its outcome. */
  stream(method: ClientMethod, request: unknown, options: ResolvedCallOptions): ClientCall {
    return this.start(method, request, options, ignore, ignore)
  }

  /** Calls without an outcome. */
  get unfinished(): number {
    return this.#started - this.#succeeded - this.#failed
  }

  /** Calls without an outcome, as they are now. */
  openCalls(): ClientCall[] {
    return [...this.#sessions.flatMap(({ calls }) => calls.all()), ...this.#waiting]
  }

  stats(): CallClientStats {
    const [started, succeeded, failed, waiting] = [this.#started, this.#succeeded, this.#failed, this.#waiting.size]
    return { started, succeeded, failed, open: this.unfinished - waiting, waiting, sessions: this.#sessions.length }
  }

  /** Takes no more calls, and resolves when all have their outcome. */
  drain(): Promise<void> {
    this.#closing = true
    this.#drained ??= new Promise((resolve) => {
      this.#markDrained = resolve
    })
    this.#checkDrained()
    return this.#drained
  }

  /** Ends the calls of a service with an error, to which is added whether each may have run; `all`, or those that no server has. */
  stopService(service: ClientService, { code, message, cause }: RivuletError, all: boolean): void {
    const calls = this.openCalls().filter(({ method }) => method.service === service)
    turnBudget.forEach(calls, (call) => {
      if (all || call.isUnsent) call.stopWith(code, message, cause)
    })
  }

  /**
   * Ends all calls with an error, to which is added whether each may have run, and notifies the servers.
   *
   * Resolves when all have ended: very many take several turns of the event loop.
   */
  stopAll(error: RivuletError): Promise<void> {
    const { code, message, cause } = error
    if (this.#closing) {
      this.#failure = error
      this.#stopTimers()
    }
    return new Promise((resolve) => {
      turnBudget.forEach(this.openCalls(), (call) => call.stopWith(code, message, cause), resolve)
    })
  }

  leftWaiting(call: ClientCall): void {
    this.#waiting.delete(call)
  }

  finished(call: ClientCall, failed: boolean): void {
    const { signal } = call.options
    if (signal !== undefined) unwatchAbort(signal, call)
    if (failed) this.#failed += 1
    else this.#succeeded += 1
    if (this.#drained !== undefined) this.#checkDrained()
  }

  report(error: RivuletError): void {
    this.#ports.report(error)
  }

  ready(): void {
    turnBudget.forEach([...this.#waiting], (call) => {
      if (this.#waiting.delete(call)) this.#place(call)
    })
    this.#failover.watch(this.#failOver(this.#ports.clock.now()))
  }

  disconnected(session: ClientSession): void {
    session.failoverAt = this.#ports.clock.now() + this.#ports.failoverMs
    if (session.calls.size > 0) this.#failover.watch(session.failoverAt)
  }

  moved(call: ClientCall): void {
    call.session = undefined
    call.outgoing?.stop()
    call.outgoing = undefined
    this.#place(call)
  }

  ended(session: ClientSession, reason: RivuletError | undefined): void {
    this.#sessions = this.#sessions.filter((other) => other !== session)
    const calls = session.takeCalls()
    // the session knows it no longer in later turns
    const isRefused = isRefusal(reason)
    const unsent = new Set(calls.filter(({ stream }) => session.streams.isUnsent(stream)))
    turnBudget.forEach(calls, (call) => {
      if (call.done) return
      const isUnsent = unsent.has(call)
      if (!isUnsent) call.executedBefore = 'maybe'
      const mayMove = isUnsent ? call.isMovable : call.isRepeatable
      // after a refusal the next session of this link is refused, too
      if (mayMove && (!isRefused || chooseSession(this.#sessions, call.method))) this.moved(call)
      else call.fail(lostCallError(call, isUnsent, reason))
    })
  }

  /** Lets sessions that have been disconnected for too long give up calls; returns when the next one does. */
  #failOver(now: number): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const session of this.#sessions) {
      if (!session.isDisconnected) continue
      if (session.failoverAt > now) {
        earliest = Math.min(earliest, session.failoverAt)
        continue
      }
      for (const call of session.calls.all()) {
        if (this.#giveUp(call, session) && turnBudget.spend()) return now // the others behind what waits for this turn
      }
    }
    return earliest
  }

  /**
   * Takes a call from a disconnected session, if another session takes calls of its method and a second run does no harm;
   * returns whether it did.
   */
  #giveUp(call: ClientCall, session: ClientSession): boolean {
    const other = chooseSession(this.#sessions, call.method)
    if (call.done || other === undefined || other.isSuspected) return false
    const isUnsent = session.streams.isUnsent(call.stream)
    if (isUnsent ? call.isMovable : call.isRepeatable) {
      call.executedBefore = session.abandon(call)
      this.moved(call)
    } else if (!isUnsent && call.isIdempotent) {
      const { label } = call.method
      const message = `${label}: its link has no connection, and a stream that has begun cannot continue at another server`
      call.fail(callError('RIVULET_UNKNOWN_OUTCOME', message, session.abandon(call)))
    } else {
      return false
    }
    return true
  }

  /** Gives a call to a session, or lets it wait. */
  #place(call: ClientCall): void {
    if (this.#failure !== undefined) {
      const { code, message, cause } = this.#failure
      call.fail(callError(code, message, call.executedBefore, { cause }))
      return
    }
    const session = chooseSession(this.#sessions, call.method)
    if (session === undefined) this.#hold(call)
    else session.begin(call)
  }

  #hold(call: ClientCall): void {
    const { number, label } = call.method
    const ready = this.#sessions.filter(({ isReady }) => isReady)
    const agreed = ready.map(({ agreement }) => agreement.methods[number])
    const refusal = agreed.find((method) => method !== undefined)?.refusal
    if (refusal !== undefined && !agreed.includes(undefined)) {
      call.fail(refusalError(refusal, call.executedBefore))
    } else if (!call.options.waitForReady) {
      const message = `${label}: there is no server that takes calls${this.#ports.unreachable?.() ?? ''}`
      call.fail(callError('RIVULET_UNAVAILABLE', message, call.executedBefore))
    } else if (this.#waiting.size >= defaults.maxWaitingCalls) {
      const message = `${label}: ${defaults.maxWaitingCalls} calls wait for a server already`
      call.fail(callError('RIVULET_OVERLOADED', message, call.executedBefore))
    } else {
      this.#waiting.add(call)
    }
  }

  #endLate(now: number): number {
    const end = (call: ClientCall) => call.stopWith('RIVULET_DEADLINE_EXCEEDED', this.#whyLate(call))
    return sweepLate(this.openCalls(), now, end)
  }

  #whyLate({ session, method: { label } }: ClientCall): string {
    if (session !== undefined) return `${label}: its deadline passed`
    const isLive = this.#sessions.some(({ streams }) => streams.status === 'live')
    const why = isLive ? 'no connected server takes it' : `no server is connected${this.#ports.unreachable?.() ?? ''}`
    return `${label}: its deadline passed while it waited for a server: ${why}`
  }

  #checkDrained(): void {
    if (this.unfinished > 0) return
    this.#stopTimers()
    this.#markDrained()
  }

  #stopTimers(): void {
    this.#sweep.stop()
    this.#failover.stop()
  }
}

/** The ends of the promise that was made last: taken at once, so that a call costs no closure. */
const captured: { resolve: OnValue; reject: OnError } = { resolve: ignore, reject: ignore }
const capture = (resolve: OnValue, reject: OnError): void => {
  captured.resolve = resolve
  captured.reject = reject
}
