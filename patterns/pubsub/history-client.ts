/**
 * The history of publishers, asked over links: what the subscriptions of a turn ask goes in one call, a few calls at a time.
 *
 * Calls that end with their link are made again, over another one that serves the publisher. What nobody serves within
 * `timeoutMs` is unavailable, and so is what a link does not answer for as long: a publisher that lets calls wait shows it.
 */
import { CallClient } from '../../src/call/index.js'
import type { Clock, Timer } from '../../src/clock/index.js'
import { isRivuletError, type RivuletError } from '../../src/errors/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import type { LinkUser, PeerInfo, SessionStreams, SessionUser } from '../../src/session/index.js'
import type { FollowedTopics } from './followed-topics.js'
import { Asked, type HistoryAsker, HistoryCall } from './history-call.js'
import { type HistoryFetch, isReplay } from './history-fetch.js'
import { HistorySession } from './history-session.js'
import type { PublisherAccesses } from './publisher-access.js'
import { maxWildRanges, refusals } from './topics-wire.js'

/** What the client needs. */
export interface HistoryClientPorts {
  readonly clock: Clock
  /** How long a publisher that no link serves is waited for, and a call that brings nothing, in milliseconds. */
  readonly timeoutMs: number
  readonly maxMessageBytes: number
  /** Names the resource, for messages. */
  name(): string
  report(error: RivuletError): void
  /** Something malformed has arrived. */
  reject(error: RivuletError): void
  /** What is followed over the links. Default: nothing is. */
  readonly followed?: FollowedTopics | undefined
  /** What peers that have dialed this side may publish; without a policy, everything. */
  readonly accesses?: PublisherAccesses | undefined
}

/** What one call asks for at most; a service refuses more. */
const maxAsked = 1024

/** Calls of one publisher at the same time, of each kind: so that repairs do not wait for long replays. */
const maxCalls = 2

/** How long a call is not made again that a live link has failed, in milliseconds. */
const againMs = 200

/** How long a call over a live link may bring nothing at least, in milliseconds. */
const silentMs = 1000

/** What is asked of one publisher. */
interface Queue {
  readonly source: string
  /** By kind: what goes in one call. */
  readonly waiting: Map<string, Asked[]>
  readonly calls: Map<HistoryCall, { readonly session: HistorySession; readonly purpose: HistoryFetch['purpose'] }>
  /** When a link last served it, or it was first asked. */
  servedAt: number
  retryAt: number
}

/** Asks publishers for their history. */
export class HistoryClient implements LinkUser {
  readonly items: LinkUser['items']
  readonly #ports: HistoryClientPorts
  readonly #sessions = new Set<HistorySession>()
  readonly #queues = new Map<string, Queue>()
  readonly #asked = new Map<HistoryFetch, Asked>()
  readonly #turn = new OncePerTurn(() => this.#makeCalls())
  #timer: Timer | undefined
  /** When the timer is to look. */
  #lookAt = 0
  #isPaused = false
  #isClosed = false

  constructor(ports: HistoryClientPorts) {
    this.#ports = ports
    this.items = new CallClient(this.#callPorts()).items
  }

  /** Whether anything is asked of a publisher. */
  isAsking(source: string): boolean {
    return this.#queues.has(source)
  }

  /** Asks; the answers come in later turns. */
  fetch(fetch: HistoryFetch, asker: HistoryAsker): void {
    const asked = new Asked(fetch, asker)
    this.#asked.set(fetch, asked)
    this.#wait(asked)
    this.#turn.schedule()
    this.#watch()
  }

  /** Nobody wants the answer any more. */
  cancel(fetch: HistoryFetch): void {
    const asked = this.#asked.get(fetch)
    const queue = this.#queues.get(fetch.source)
    if (asked === undefined || queue === undefined) return
    asked.hasEnded = true
    this.#asked.delete(fetch)
    for (const call of [...queue.calls.keys()]) if (call.left.length === 0) this.#leave(queue, call)
    for (const [kind, waiting] of queue.waiting) {
      const left = waiting.filter(({ hasEnded }) => !hasEnded)
      if (left.length > 0) queue.waiting.set(kind, left)
      else queue.waiting.delete(kind)
    }
    this.#settle(queue)
  }

  /** Whether no more should arrive, since consumers are busy. */
  set isPaused(isPaused: boolean) {
    if (this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    if (isPaused) return
    for (const { calls } of this.#queues.values()) for (const call of [...calls.keys()]) call.resume()
  }

  /** Reports to a publisher how much of it was missed. */
  missed(source: string, messages: number): void {
    this.#sessionFor(source)?.missed(source, messages)
  }

  accept(streams: SessionStreams, peer: PeerInfo): SessionUser {
    const access = peer.dialed === undefined ? this.#ports.accesses?.open(peer) : undefined
    const session = new HistorySession(streams, peer, access, this.#callPorts(), () => this.#turn.schedule())
    this.#sessions.add(session)
    this.#ports.followed?.accept(session)
    const { user } = session
    return {
      get owes() {
        return user.owes
      },
      owns: (stream) => user.owns(stream),
      onItem: (...item) => user.onItem(...item),
      onWritable: (stream) => user.onWritable(stream),
      onStatus: (reason) => {
        if (streams.status !== 'live') this.#lost(session)
        else if (streams.draining) session.leave()
        if (streams.status === 'ended') this.#sessions.delete(session)
        user.onStatus(reason)
        if (streams.status === 'ended') {
          this.#ports.followed?.ended(session)
          access?.close()
        }
        this.#turn.schedule()
      },
    }
  }

  /** Asks nothing more: all that was asked is unavailable. */
  async drain(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const queue of [...this.#queues.values()]) this.#giveUp(queue)
  }

  async stopAll(reason: RivuletError): Promise<void> {
    await this.drain()
    await Promise.all([...this.#sessions].map(({ calls }) => calls.stopAll(reason)))
  }

  #callPorts() {
    const { clock } = this.#ports
    return {
      clock,
      failoverMs: defaults.failoverMs,
      name: () => this.#ports.name(),
      report: (error: RivuletError) => this.#ports.report(error),
    }
  }

  #wait(asked: Asked): void {
    const { source, purpose, last, since, retained } = asked.fetch
    let queue = this.#queues.get(source)
    if (!queue) {
      queue = { source, waiting: new Map(), calls: new Map(), servedAt: this.#ports.clock.now(), retryAt: 0 }
      this.#queues.set(source, queue)
    }
    const isHeads = purpose !== 'history' && purpose !== 'repair'
    const kind = isHeads ? 'heads' : `${purpose} ${last} ${since?.getTime()} ${retained}`
    const waiting = queue.waiting.get(kind)
    if (waiting) waiting.push(asked)
    else queue.waiting.set(kind, [asked])
  }

  #makeCalls(): void {
    if (this.#isClosed) return
    const now = this.#ports.clock.now()
    for (const queue of this.#queues.values()) {
      if (queue.retryAt > now) continue
      for (const [kind, waiting] of [...queue.waiting]) this.#makeCallsOf(queue, kind, waiting)
    }
    this.#watch()
  }

  #makeCallsOf(queue: Queue, kind: string, waiting: Asked[]): void {
    const { purpose } = (waiting[0] as Asked).fetch
    while (waiting.length > 0) {
      const session = this.#sessionFor(queue.source)
      const open = [...queue.calls.values()].filter((call) => call.purpose === purpose).length
      if (session === undefined || open >= maxCalls) return
      const call = new HistoryCall(waiting.splice(0, mostOf(waiting)), {
        maxMessageBytes: this.#ports.maxMessageBytes,
        clock: this.#ports.clock,
        reject: (error) => this.#ports.reject(error),
        isPaused: () => this.#isPaused,
        answered: (fetch) => this.#asked.delete(fetch),
        ended: (ended, failure) => this.#onEnded(queue, ended, failure),
      })
      queue.calls.set(call, { session, purpose })
      call.start(session)
    }
    queue.waiting.delete(kind)
  }

  /** The best of the live sessions that serve a publisher. */
  #sessionFor(source: string): HistorySession | undefined {
    let best: HistorySession | undefined
    for (const session of this.#sessions) {
      if (!session.serves(source)) continue
      if (best === undefined || session.isBetterThan(best)) best = session
    }
    return best
  }

  #onEnded(queue: Queue, call: HistoryCall, failure: unknown): void {
    const session = queue.calls.get(call)?.session
    queue.calls.delete(call)
    if (failure !== undefined) {
      const cause = refusals.causeOf('replay', failure)
      if (isRivuletError(cause, 'RIVULET_NO_HISTORY')) session?.refuses(queue.source)
      const isRefused = cause !== failure && this.#sessionFor(queue.source) === undefined
      if (isRefused || isFinal(cause)) this.#fail(call.left)
      else this.#again(queue, call)
    }
    this.#settle(queue)
    this.#turn.schedule()
  }

  /** A session has no connection: what was asked over it is asked over another one, or when it is back. */
  #lost(session: HistorySession): void {
    for (const queue of this.#queues.values()) {
      for (const [call, made] of [...queue.calls]) {
        if (made.session !== session) continue
        this.#leave(queue, call)
        for (const asked of call.left) this.#wait(asked)
      }
    }
    this.#watch()
  }

  #again(queue: Queue, call: HistoryCall): void {
    queue.retryAt = this.#ports.clock.now() + againMs
    for (const asked of call.left) this.#wait(asked)
    this.#watch()
  }

  #leave(queue: Queue, call: HistoryCall): void {
    call.cancel()
    queue.calls.delete(call)
  }

  /** Forgets a publisher of which nothing is asked. */
  #settle(queue: Queue): void {
    if (queue.waiting.size === 0 && queue.calls.size === 0) this.#queues.delete(queue.source)
  }

  #fail(all: readonly Asked[]): void {
    for (const asked of all) {
      if (asked.hasEnded) continue
      asked.hasEnded = true
      this.#asked.delete(asked.fetch)
      asked.asker.ended(asked.fetch, 'unavailable', 0)
    }
  }

  #giveUp(queue: Queue): void {
    this.#queues.delete(queue.source)
    const left = [...queue.waiting.values()].flat()
    for (const call of [...queue.calls.keys()]) {
      left.push(...call.left)
      this.#leave(queue, call)
    }
    queue.waiting.clear()
    this.#fail(left)
  }

  /**
   * Gives up calls of which nothing arrives. What late subscribers ask for is asked for once more, over another link if there is
   * one; topics wait for repairs.
   */
  #giveUpSilent(queue: Queue, now: number, lateMs: number): void {
    for (const [call, { session, purpose }] of [...queue.calls]) {
      call.progressAt = this.#isPaused ? now : Math.min(now, call.progressAt + lateMs)
      if (now - call.progressAt < Math.max(silentMs, this.#ports.timeoutMs)) continue
      const { left } = call
      this.#leave(queue, call)
      session.isSilent = true
      const isLast = ({ isRepeated }: Asked) => isRepeated || purpose === 'repair'
      const again = left.filter((asked) => !isLast(asked))
      this.#fail(left.filter(isLast))
      for (const asked of again) {
        asked.isRepeated = true
        this.#wait(asked)
      }
      this.#settle(queue)
    }
  }

  /** Looks at what waits, and at calls, as long as there are any. */
  #watch(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    const { clock, timeoutMs } = this.#ports
    const queues = [...this.#queues.values()]
    const isWaiting = queues.some(({ waiting }) => waiting.size > 0)
    if (!isWaiting && queues.every(({ calls }) => calls.size === 0)) return
    const afterMs = isWaiting ? Math.min(againMs, timeoutMs) : againMs
    this.#lookAt = clock.now() + afterMs
    this.#timer = clock.setTimer(() => this.#look(), afterMs)
  }

  #look(): void {
    this.#timer = undefined
    const { clock, timeoutMs } = this.#ports
    const now = clock.now()
    // while this process stood still, it could learn nothing of its peers
    const lateMs = Math.max(0, now - this.#lookAt)
    for (const queue of [...this.#queues.values()]) {
      if (this.#isPaused || this.#sessionFor(queue.source) !== undefined) queue.servedAt = now
      else queue.servedAt = Math.min(now, queue.servedAt + lateMs)
      if (now - queue.servedAt >= timeoutMs) this.#giveUp(queue)
      this.#giveUpSilent(queue, now, lateMs)
    }
    this.#turn.schedule()
    this.#watch()
  }
}

/** How many of those that wait go in one call. */
function mostOf(waiting: readonly Asked[]): number {
  let wild = 0
  const at = waiting.findIndex(({ fetch, pattern }) => isReplay(fetch) && !pattern.exact && ++wild > maxWildRanges)
  return Math.min(maxAsked, at < 0 ? waiting.length : at)
}

/** Whether the same call would fail again. */
function isFinal(cause: unknown): boolean {
  return isRivuletError(cause, 'RIVULET_INVALID_REQUEST') || isRivuletError(cause, 'RIVULET_PERMISSION_DENIED')
}
