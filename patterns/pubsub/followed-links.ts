/**
 * What is followed over links, beside what a socket brings: one call for each peer that serves topics in no other way.
 *
 * Such a peer is known by its answers. It is followed over the first link that leads to it, and again when that has ended.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { FollowCall } from './follow-call.js'
import type { HistorySession } from './history-session.js'

/** What it needs of its resource. */
export interface FollowedLinksPorts {
  readonly clock: Clock
  /** A peer is followed from now on: what was asked before is asked again. */
  opened(): void
  /** A peer is not followed any more. */
  lost(): void
  /** A peer does not serve a pattern. */
  refused(error: RivuletError): void
  learn(schemaId: Buffer, text: string): void
  /** A frame of a topic, whose name ends without a dot. */
  frame(topic: string, frame: Buffer): void
  /** An answer, and the patterns that its peer has refused. */
  answer(frame: Buffer, refused: ReadonlyMap<string, RivuletError>): void
  report(error: RivuletError): void
}

/** Peers that are remembered. */
const maxServers = 1024

/** How long a call that a live link has ended is not made again, in milliseconds: the first time, and at most. */
const againMs = { first: 200, most: 30_000 }

interface Server {
  /** Addresses that this side dials. */
  readonly addresses: ReadonlySet<string>
  call: FollowCall | undefined
  pauseMs: number
  /** When a call may be made. */
  at: number
}

/** What one resource follows over links. */
export class FollowedLinks {
  readonly #ports: FollowedLinksPorts
  readonly #servers = new Map<string, Server>()
  readonly #sessions = new Set<HistorySession>()
  readonly #wanted = new Map<string, number>()
  #timer: Timer | undefined
  #isPaused = false
  #isClosed = false

  constructor(ports: FollowedLinksPorts) {
    this.#ports = ports
  }

  /** Whether any peer is served in this way. */
  get isEmpty(): boolean {
    return this.#servers.size === 0
  }

  /** A peer serves over links at these addresses. */
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

  /** A peer has left. */
  forget(server: string): void {
    this.#servers.get(server)?.call?.cancel()
    this.#servers.delete(server)
  }

  /** A link was made. */
  accept(session: HistorySession): void {
    this.#sessions.add(session)
    this.#follow()
  }

  /** A link has ended. */
  ended(session: HistorySession): void {
    this.#sessions.delete(session)
    for (const server of this.#servers.values()) {
      if (server.call?.session !== session) continue
      server.call.cancel()
      this.#onEnded(server, session, undefined)
    }
    this.#follow()
  }

  /** A pattern is wanted, once more. */
  want(pattern: string): void {
    const users = this.#wanted.get(pattern) ?? 0
    this.#wanted.set(pattern, users + 1)
    if (users === 0) this.#changed(pattern)
  }

  /** A subscription to a pattern has ended. */
  unwant(pattern: string): void {
    const users = (this.#wanted.get(pattern) ?? 1) - 1
    if (users > 0) {
      this.#wanted.set(pattern, users)
      return
    }
    this.#wanted.delete(pattern)
    this.#changed(pattern)
  }

  /** Sends a request to all peers that are followed. */
  request(frame: Buffer): void {
    for (const { call } of this.#servers.values()) call?.request(frame)
  }

  /** Whether no more should arrive, since consumers are busy. */
  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    if (!isPaused) for (const { call } of this.#servers.values()) call?.resume()
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const server of [...this.#servers.keys()]) this.forget(server)
  }

  #changed(pattern: string): void {
    for (const { call } of this.#servers.values()) call?.changed(pattern)
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
      wanted: () => this.#wanted,
      isPaused: () => this.#isPaused,
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
