/**
 * What all sessions of a server share: the services, the limits, the deadlines, and the end.
 *
 * It runs no calls: `server.ts` does, for each session.
 */

import { type Clock, DeadlineSweep, type Timer } from '../clock/index.js'
import { RivuletError } from '../errors/index.js'
import { sweepLate } from '../lifecycle/index.js'
import { defaults, invalidOption } from '../options/index.js'
import type { LinkUser, PeerInfo, SessionStreams } from '../session/index.js'
import { serverItems } from './call-kinds.js'
import type { AdmissionRefusal, CallLimits } from './call-limits.js'
import { type CallPolicy, deniedCall, deniedService } from './call-policy.js'
import { CallerRates } from './caller-rates.js'
import { type Implementation, type ServedMethod, ServedService } from './served-service.js'
import { CallServer } from './server.js'
import type { CallEnd, ServerCall } from './server-call.js'
import type { ServerPorts } from './server-ports.js'

/** The bounds if nobody says otherwise. */
export const defaultCallLimits: CallLimits = Object.freeze({
  maxConcurrentCalls: defaults.maxConcurrentCalls,
  maxBindings: 64,
  maxOpenCallsPerPeer: defaults.maxOpenCalls,
  backlogBytes: defaults.backlogBytes,
  maxCallsPerSecond: defaults.maxCallsPerSecond,
  maxCancelsPerSecond: defaults.maxCancelsPerSecond,
})

/** What a server needs. */
export interface CallHostPorts {
  readonly clock: Clock
  /** Takes what goes wrong at the server and is not told to clients. */
  report(error: RivuletError): void
  /** What callers may do. Without one, everything. */
  readonly policy?: CallPolicy | undefined
  /** A caller has reached a limit, which has a name; called for each call that is refused for it. */
  limited?(limit: string, peer: PeerInfo): void
}

/** The calls of a server: `started` is the sum of `answered`, `failed`, `cancelled` and `open`. */
export interface CallServerStats {
  /** Calls whose handler began. */
  readonly started: number
  /** Answered with a response, or a stream that completed. */
  readonly answered: number
  /** Answered with an error. */
  readonly failed: number
  /** Given up by the client, late, or without a client. */
  readonly cancelled: number
  /** Without an outcome. */
  readonly open: number
  /** Refused before their handler began. */
  readonly refused: number
  /** Handlers at work, also those of calls that were given up. */
  readonly running: number
  /** Malformed items of clients. */
  readonly invalidItems: number
  /** Sessions that have not ended, those that are cut included. */
  readonly sessions: number
}

const closing: AdmissionRefusal = { code: 'RIVULET_UNAVAILABLE', message: 'the server is closing' }
const full: AdmissionRefusal = {
  code: 'RIVULET_OVERLOADED',
  message: 'the server has as many calls in work as it takes',
}
const tooManyCalls: AdmissionRefusal = {
  code: 'RIVULET_OVERLOADED',
  message: 'the client has as many calls open as the server takes',
  limit: 'open-calls',
}

/** A server of calls over any number of sessions. */
export class CallHost implements ServerPorts<CallServer>, LinkUser {
  readonly items = serverItems
  readonly services: Map<string, ServedService>
  readonly limits: CallLimits
  readonly #ports: CallHostPorts
  readonly #servers = new Set<CallServer>()
  /** The rates of clients that have sessions. */
  readonly #rates = new Map<string, CallerRates>()
  readonly #sweep: DeadlineSweep
  readonly #now = () => this.clock.now()
  #started = 0
  #answered = 0
  #failed = 0
  #cancelled = 0
  #refused = 0
  #running = 0
  #invalidItems = 0
  #drained: Promise<void> | undefined
  #drainReason: RivuletError | undefined
  #markDrained = () => {}
  /** Looks again when lost clients are not waited for any more. */
  #absence: Timer | undefined

  constructor(implementations: readonly Implementation[], ports: CallHostPorts, limits: Partial<CallLimits> = {}) {
    this.services = new Map()
    for (const one of implementations) this.serve(one)
    this.#ports = ports
    this.limits = Object.freeze({ ...defaultCallLimits, ...limits })
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.#stopLate(now))
  }

  /**
   * Serves one more service; clients that have asked for it in vain ask again with another binding.
   *
   * @throws RIVULET_INVALID_OPTION if one of its name is served.
   */
  serve(implementation: Implementation): ServedService {
    const service = new ServedService(implementation)
    const { name } = service
    if (this.services.has(name)) throw invalidOption('a server of calls', 'services', 'different services', name)
    this.services.set(name, service)
    return service
  }

  /**
   * Begins no more calls of a service, which are refused with RIVULET_UNIMPLEMENTED, and tells the handlers of open ones;
   * resolves when those have their outcome. No session keeps its handlers from then on.
   */
  async withdraw(service: ServedService): Promise<void> {
    if (this.services.get(service.name) === service) this.services.delete(service.name)
    service.withdrawn ??= new RivuletError('RIVULET_SERVER_CLOSING', `${service.label} is withdrawn`)
    for (const server of this.#servers) server.withdraw(service)
    await service.whenIdle()
  }

  /** Ends the open calls of a service that was withdrawn. */
  stop(service: ServedService): void {
    for (const server of this.#servers) server.stopService(service)
  }

  get clock(): Clock {
    return this.#ports.clock
  }

  get drainReason(): RivuletError | undefined {
    return this.#drainReason
  }

  /**
   * Adds a session.
   *
   * @param peer - Who is at its other end: handlers see it as `context.peer`.
   */
  accept(streams: SessionStreams, peer: PeerInfo): CallServer {
    const rates = this.#rates.get(callerOf(peer)) ?? new CallerRates(this.limits)
    this.#rates.set(callerOf(peer), rates)
    rates.sessions += 1
    const server = new CallServer(this, streams, peer, rates)
    this.#servers.add(server)
    return server
  }

  /** Calls without an outcome. */
  get unfinished(): number {
    return this.#started - this.#answered - this.#failed - this.#cancelled
  }

  stats(): CallServerStats {
    const [started, answered, failed, cancelled] = [this.#started, this.#answered, this.#failed, this.#cancelled]
    return {
      started,
      answered,
      failed,
      cancelled,
      open: this.unfinished,
      refused: this.#refused,
      running: this.#running,
      invalidItems: this.#invalidItems,
      sessions: this.#servers.size,
    }
  }

  /**
   * Takes no more calls, tells all handlers, and resolves when all open calls have their outcome and the sessions have it
   * to send. What only a client without a connection could continue is waited for as long as `absentMs` after it was lost.
   */
  drain(): Promise<void> {
    if (this.#drained === undefined) {
      this.#drained = new Promise((resolve) => {
        this.#markDrained = resolve
      })
      this.#drainReason = new RivuletError('RIVULET_SERVER_CLOSING', 'the server is closing')
      for (const server of this.#servers) server.drain()
    }
    this.checkDrained()
    return this.#drained
  }

  /** Stops all handlers, and resolves when all are; the clients learn of it by the end of their sessions. */
  async stopAll(error: RivuletError): Promise<void> {
    const stopping = [...this.#servers].map((server) => new Promise<void>((done) => server.stopAll(error, done)))
    this.#sweep.stop()
    this.#absence?.cancel()
    await Promise.all(stopping)
  }

  refusalFor(server: CallServer, method: ServedMethod, caller: number): AdmissionRefusal | undefined {
    if (this.#drained !== undefined) return closing
    if (this.#running >= this.limits.maxConcurrentCalls) return full
    const { policy } = this.#ports
    const refusal = this.#limitOf(server) ?? (policy && deniedCall(policy, server.peer, method))
    return refusal ?? method.owner.implementation.admit?.(server.peer, caller)
  }

  denialOf(peer: PeerInfo, service: ServedService): AdmissionRefusal | undefined {
    const { policy } = this.#ports
    return policy && deniedService(policy, peer, service)
  }

  started(): void {
    this.#started += 1
    this.#running += 1
  }

  released(): void {
    this.#running -= 1
  }

  finished(how: CallEnd): void {
    if (how === 'answered') this.#answered += 1
    else if (how === 'failed') this.#failed += 1
    else this.#cancelled += 1
    // its outcome is not sent yet
    if (this.#drained !== undefined) queueMicrotask(() => this.checkDrained())
  }

  refused(): void {
    this.#refused += 1
  }

  countInvalidItem(): void {
    this.#invalidItems += 1
  }

  watch(deadline: number): void {
    if (deadline !== Number.POSITIVE_INFINITY) this.#sweep.watch(deadline)
  }

  ended(server: CallServer): void {
    this.#servers.delete(server)
    server.rates.sessions -= 1
    if (server.rates.sessions === 0) this.#rates.delete(callerOf(server.peer))
    this.checkDrained()
  }

  report(error: RivuletError): void {
    this.#ports.report(error)
  }

  checkDrained(): void {
    if (this.#drained === undefined) return
    for (const server of this.#servers) if (this.#isAwaited(server)) return
    this.#absence?.cancel()
    this.#sweep.stop()
    this.#markDrained()
  }

  /** Whether draining waits for what a session has open. */
  #isAwaited({ pending, connection, calls }: CallServer): boolean {
    if (pending === 0) return false
    const { lostMs } = connection
    if (lostMs === undefined) return true
    if (lostMs < defaults.absentMs) {
      this.#absence ??= this.clock.setTimer(() => {
        this.#absence = undefined
        this.checkDrained()
      }, defaults.absentMs - lostMs)
      return true
    }
    return calls.some((call) => !needsClient(call))
  }

  /** What a client has too much of. */
  #limitOf({ pending, rates, peer }: CallServer): AdmissionRefusal | undefined {
    const isFull = Math.max(pending, rates.open) >= this.limits.maxOpenCallsPerPeer
    const refusal = isFull ? tooManyCalls : rates.begin(this.#now)
    if (refusal?.limit === undefined) return undefined
    this.#ports.limited?.(refusal.limit, peer)
    if (!isFull && rates.isNews) this.report(new RivuletError(refusal.code, refusal.message))
    return refusal
  }

  #stopLate(now: number): number {
    const open = [...this.#servers].flatMap((server) => server.calls.all())
    return sweepLate(open, now, (call) => call.server.stopLate(call))
  }
}

/** Whether a call needs its client to complete: it takes the responses, or still sends requests. */
function needsClient({ method, mayReceiveMore }: ServerCall): boolean {
  return method.streamsResponses || (method.streamsRequests && mayReceiveMore)
}

/** Whose calls count together: those of a key over all its sessions, where it is known. */
function callerOf({ id, identity }: PeerInfo): string {
  return identity?.publicKey ?? id
}
