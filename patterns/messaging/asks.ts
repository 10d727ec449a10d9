/**
 * The asks of the peers of one node: each goes to the answer of the peer that holds its name, or waits for that, and has exactly
 * one outcome.
 *
 * Pure but for a clock. A call is that of one session; this decides where it goes next when that has ended, when the
 * peer has left, or when its answer is another one.
 */

import { type CallClient, hasLostLink } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { DeadlineSweep } from '../../src/clock/index.js'
import { isRivuletError, RivuletError } from '../../src/errors/index.js'
import { sweepLate, turnBudget } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import { AskRoutes, type NoRoute, Route, type RoutePorts } from './ask-routes.js'
import { requestOf } from './define-ask.js'
import { memberOf } from './peer-claim.js'
import type { AskKeeper, PendingAsk } from './pending-ask.js'
import type { RosterPeer } from './roster-contract.js'
import { Version } from './version.js'

/** What asks need of their node. */
export interface AskPorts extends RoutePorts {
  readonly clock: Clock
  /** Why no other process is connected, if one has refused this one; to be appended to a message. */
  unreachable(): string
}

/** Codes of calls that failed for their session or their answer, and not for what was asked: another one may take them. */
const passing: ReadonlySet<string> = new Set([
  'RIVULET_UNAVAILABLE',
  'RIVULET_UNIMPLEMENTED',
  'RIVULET_UNKNOWN_OUTCOME',
  'RIVULET_SERVER_CLOSING',
  'RIVULET_PEER_GONE',
  'RIVULET_SESSION_LOST',
])

/** Whether a call failed for its session or its answer, so that another one may take its place. */
export function isPassing(error: Error): error is RivuletError {
  return isRivuletError(error) && (passing.has(error.code) || hasLostLink(error))
}

const endless = Number.POSITIVE_INFINITY

/** How long a peer that has just joined may take to say what it answers, in milliseconds. */
const newcomerMs = 1000

/** The asks of a node. */
export class Asks implements AskKeeper {
  readonly #ports: AskPorts
  /** Changes with whatever may lead asks elsewhere: a way that was found before is looked for again. */
  readonly version = new Version()
  readonly routes: AskRoutes
  /** Asks without a way, by the name of the peer. */
  readonly #waiting = new Map<string, Set<PendingAsk>>()
  #waitingCount = 0
  readonly #sweep: DeadlineSweep
  /** Until when asks wait for the answers of peers that have just joined, by incarnation and key. */
  readonly #newcomers = new Map<string, number>()

  constructor(ports: AskPorts) {
    this.#ports = ports
    this.routes = new AskRoutes(ports, this.version)
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.#endLate(now))
  }

  /** Asks that wait for a way. */
  get waiting(): number {
    return this.#waitingCount
  }

  deadlineOf(timeoutMs: number, inherited: number): number {
    return timeoutMs === Number.POSITIVE_INFINITY ? inherited : Math.min(inherited, this.#ports.clock.now() + timeoutMs)
  }

  /** Gives an ask to the call machine, or lets it wait. */
  place(ask: PendingAsk): void {
    const { problem } = ask.asker
    if (problem !== undefined) {
      ask.fail(new RivuletError(problem.code, problem.message, { executed: ask.executed, cause: problem.cause }))
      return
    }
    const route = this.routes.find(ask.asker.incarnation, ask.to, ask.ask)
    if (route instanceof Route) this.begin(ask, route)
    else this.#hold(ask, route)
  }

  /** Starts the call of an ask. */
  begin(ask: PendingAsk, route: Route): void {
    ask.route = route
    const call = route.client.start(route.method, requestOf(ask.query), ask.callOptions, ask.onAnswer, ask.onError)
    if (!call.done) ask.call = call
  }

  failed(ask: PendingAsk, error: Error): void {
    const { route } = ask
    ask.call = undefined
    ask.route = undefined
    if (!isPassing(error) || route === undefined) {
      ask.fail(error)
      return
    }
    const executed = error.executed === 'no' ? ask.executed : 'maybe'
    ask.executed = executed
    // what has become of the peer is known when all that hear of the end of a session have heard
    queueMicrotask(() => this.#again(ask, route, error))
  }

  leftWaiting(ask: PendingAsk): void {
    const waiting = this.#waiting.get(ask.to)
    if (!waiting?.delete(ask)) return
    this.#waitingCount -= 1
    if (waiting.size === 0) this.#waiting.delete(ask.to)
  }

  /** A peer is present now; its program may be about to say what it answers. */
  joined(peer: RosterPeer): void {
    const now = this.#ports.clock.now()
    for (const [member, until] of this.#newcomers) if (until <= now) this.#newcomers.delete(member)
    this.#newcomers.set(memberOf(peer.ref), now + newcomerMs)
    this.changed(peer)
  }

  /** The answers or the sessions of a present peer are others, or one of its sessions has accepted a peer of this node. */
  changed(peer: RosterPeer): void {
    this.version.value += 1
    const { name } = peer.ref
    this.routes.changed(peer, new RivuletError('RIVULET_UNAVAILABLE', `the way to '${name}' is another one`))
    this.#wake(name)
  }

  /** Any peer may be reached otherwise: a session has accepted a peer of this node, or this one has its name again. */
  changedAll(): void {
    this.version.value += 1
    for (const name of [...this.#waiting.keys()]) this.#wake(name)
  }

  /** A peer has left. */
  left(peer: RosterPeer): void {
    this.version.value += 1
    this.#newcomers.delete(memberOf(peer.ref))
    this.routes.left(peer, new RivuletError('RIVULET_PEER_GONE', `'${peer.ref.name}' has left`))
  }

  /** A session takes no new calls, since one of its sides is about to close it. */
  leaving(client: CallClient): void {
    this.version.value += 1
    this.routes.leaving(client, new RivuletError('RIVULET_UNAVAILABLE', 'the link is about to close'))
  }

  /** A session has ended, and its calls have heard of it. */
  ended(client: CallClient): void {
    this.version.value += 1
    this.routes.ended(client, () => new RivuletError('RIVULET_UNAVAILABLE', 'the link has ended'))
  }

  /** Takes back what waits for time; for when there are no asks any more. */
  close(): void {
    this.#sweep.stop()
  }

  #wake(name: string): void {
    turnBudget.forEach([...(this.#waiting.get(name) ?? [])], (ask) => {
      if (ask.done || !this.#waiting.get(name)?.has(ask)) return
      this.leftWaiting(ask)
      this.place(ask)
    })
  }

  #again(ask: PendingAsk, { peer, service }: Route, error: RivuletError): void {
    if (ask.done) return
    const { name } = peer
    const holder = this.#ports.roster.find(name)
    const isPresent = holder !== undefined && memberOf(holder.ref) === memberOf(peer)
    const outcome = isPresent ? withExecuted(error, ask) : gone(name, error, ask)
    ask.last = outcome
    if (ask.executed === 'maybe' && !ask.isIdempotent) {
      ask.fail(outcome)
      return
    }
    const next = this.routes.find(ask.asker.incarnation, ask.to, ask.ask)
    // the answer itself has refused it, and is the one that there is
    const isRefused = error.code === 'RIVULET_UNIMPLEMENTED' && next instanceof Route && next.service === service
    if (isRefused) ask.fail(outcome)
    else this.place(ask)
  }

  #hold(ask: PendingAsk, why: NoRoute | RivuletError): void {
    if (isRivuletError(why)) {
      ask.fail(withExecuted(why, ask))
      return
    }
    ask.patience = why === 'unanswered' ? this.#patienceFor(ask.to) : undefined
    if (!ask.options.waitForReady || (ask.patience ?? endless) <= this.#ports.clock.now()) {
      const isOld = why === 'unanswered' && ask.executed === 'no'
      ask.fail((isOld ? undefined : ask.last) ?? this.#errorOf(ask, why, 'at once'))
    } else if (this.#waitingCount >= defaults.maxWaitingCalls) {
      const message = `${ask.label}: ${defaults.maxWaitingCalls} asks wait for their peers already`
      ask.fail(new RivuletError('RIVULET_OVERLOADED', message, { executed: ask.executed }))
    } else if (ask.watch()) {
      const waiting = this.#waiting.get(ask.to)
      if (waiting === undefined) this.#waiting.set(ask.to, new Set([ask]))
      else waiting.add(ask)
      this.#waitingCount += 1
      const until = Math.min(ask.deadline, ask.patience ?? endless)
      if (until !== endless) this.#sweep.watch(until)
    }
  }

  /** Until when an ask waits for a peer to say that it answers; in the past if it does not. */
  #patienceFor(to: string): number {
    const peer = this.#ports.roster.find(to)
    return (peer && this.#newcomers.get(memberOf(peer.ref))) ?? Number.NEGATIVE_INFINITY
  }

  #endLate(now: number): number {
    const waiting = [...this.#waiting.values()].flatMap((asks) => [...asks])
    const timed = waiting.map((ask) => ({ ask, deadline: Math.min(ask.deadline, ask.patience ?? endless) }))
    return sweepLate(timed, now, ({ ask }) => {
      if (ask.done) return
      if (ask.deadline > now) {
        this.leftWaiting(ask)
        this.place(ask)
        return
      }
      const route = this.routes.find(ask.asker.incarnation, ask.to, ask.ask)
      const why = route instanceof Route || isRivuletError(route) ? 'unready' : route
      ask.fail(why === 'absent' && ask.last ? gone(ask.to, ask.last, ask) : this.#errorOf(ask, why, 'late'))
    })
  }

  #errorOf({ label, to, executed }: PendingAsk, why: NoRoute, when: 'at once' | 'late'): RivuletError {
    const waited = when === 'late' ? ', and none came before the deadline' : ''
    if (why === 'unanswered') {
      return new RivuletError('RIVULET_UNIMPLEMENTED', `${label}: '${to}' does not answer it`, { executed })
    }
    if (why === 'absent') {
      const message = `${label}: no peer '${to}' is present${waited}${this.#ports.unreachable()}`
      return new RivuletError('RIVULET_UNKNOWN_PEER', message, { executed })
    }
    const code = when === 'late' ? 'RIVULET_DEADLINE_EXCEEDED' : 'RIVULET_UNAVAILABLE'
    return new RivuletError(code, `${label}: '${to}' is present, and no link to it takes asks of this peer`, {
      executed,
    })
  }
}

function withExecuted({ code, message, cause, issues }: RivuletError, { executed }: PendingAsk): RivuletError {
  return new RivuletError(code, message, { executed, cause, issues })
}

/** The outcome of an ask whose peer has left. */
function gone(name: string, error: RivuletError, { label, executed }: PendingAsk): RivuletError {
  const cause = error.code === 'RIVULET_PEER_GONE' ? error.cause : error
  const what = executed === 'no' ? 'before it had the query' : 'before its answer came'
  return new RivuletError('RIVULET_PEER_GONE', `${label}: '${name}' has left ${what}`, { executed, cause })
}
