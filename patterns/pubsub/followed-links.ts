/**
 * What is followed over links, beside what a socket brings: one call for each peer that serves topics in no other way.
 *
 * Such a peer is known by its answers. It is followed over the first link that leads to it, and again when that has ended.
 */
import type { Timer } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { FollowCall } from './follow-call.js'
import { againMs, FollowedTopics, type FollowedTopicsPorts } from './followed-topics.js'
import type { HistorySession } from './history-session.js'

/** Peers that are remembered. */
const maxServers = 1024

interface Server {
  /** Addresses that this side dials. */
  readonly addresses: ReadonlySet<string>
  call: FollowCall | undefined
  pauseMs: number
  /** When a call may be made. */
  at: number
}

/** What one resource follows over links. */
export class FollowedLinks extends FollowedTopics {
  readonly isExclusive = false
  readonly #ports: FollowedTopicsPorts
  readonly #servers = new Map<string, Server>()
  readonly #sessions = new Set<HistorySession>()
  #timer: Timer | undefined
  #isClosed = false

  constructor(ports: FollowedTopicsPorts) {
    super()
    this.#ports = ports
  }

  serves(server: string, addresses: readonly string[]): void {
    const known = this.#servers.get(server)
    this.#servers.delete(server)
    if (known === undefined && this.#servers.size >= maxServers) {
      this.forget(this.#servers.keys().next().value as string)
    }
    const { call, pauseMs, at } = known ?? { call: undefined, pauseMs: againMs.first, at: 0 }
    this.#servers.set(server, { call, pauseMs, at, addresses: new Set(addresses) })
    this.#follow()
  }

  forget(server: string): void {
    this.#servers.get(server)?.call?.cancel()
    this.#servers.delete(server)
  }

  override request(frame: Buffer, isFor?: (server: string) => boolean): void {
    for (const [server, { call }] of this.#servers) if (isFor?.(server) !== false) call?.request(frame)
  }

  accept(session: HistorySession): void {
    this.#sessions.add(session)
    this.#follow()
  }

  ended(session: HistorySession): void {
    this.#sessions.delete(session)
    for (const server of this.#servers.values()) {
      if (server.call?.session !== session) continue
      server.call.cancel()
      this.#onEnded(server, session, undefined)
    }
    this.#follow()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const server of [...this.#servers.keys()]) this.forget(server)
  }

  protected *calls(): Iterable<FollowCall> {
    for (const { call } of this.#servers.values()) if (call !== undefined) yield call
  }

  /** Makes the calls that may be made. */
  #follow(): void {
    if (this.#isClosed) return
    const now = this.#ports.clock.now()
    let next = Number.POSITIVE_INFINITY
    for (const server of this.#servers.values()) {
      if (server.call !== undefined) continue
      const session = [...this.#sessions].find(
        ({ dialed, streams }) => dialed !== undefined && server.addresses.has(dialed) && !streams.draining,
      )
      if (session === undefined) continue
      if (server.at <= now) this.#make(server, session)
      else next = Math.min(next, server.at)
    }
    if (next === Number.POSITIVE_INFINITY) return
    this.#timer?.cancel()
    this.#timer = this.#ports.clock.setTimer(() => this.#follow(), next - now)
  }

  #make(server: Server, session: HistorySession): void {
    const { refused, learn, frame, answer } = this.#ports
    const call = new FollowCall(session, {
      wanted: () => this.wanted,
      isPaused: () => this.isPaused,
      named: () => {
        server.pauseMs = againMs.first
      },
      refused,
      learn,
      frame: (_, topic, bytes) => frame(topic, bytes),
      answer: (from, bytes) => answer(bytes, from.refused),
      ended: (_, failure) => this.#onEnded(server, session, failure),
    })
    server.call = call
    call.start()
    this.#ports.opened()
  }

  #onEnded(server: Server, session: HistorySession, failure: unknown): void {
    server.call = undefined
    // the end of its link is none of the call
    if (session.streams.status === 'live') {
      server.at = this.#ports.clock.now() + server.pauseMs
      server.pauseMs = Math.min(2 * server.pauseMs, againMs.most)
      if (failure !== undefined) this.#ports.report(failure as RivuletError)
    }
    this.#ports.lost()
    this.#follow()
  }
}
