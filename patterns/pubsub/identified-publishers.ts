/**
 * What is followed of publishers that have dialed this side, where a policy says who may publish what: one call for each of them,
 * over a link that proves who it is.
 *
 * Each topic is checked before its frame is opened, and the schemas of one who may publish nothing are not read.
 */
import type { Timer } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { FollowCall } from './follow-call.js'
import { againMs, FollowedTopics, type FollowedTopicsPorts } from './followed-topics.js'
import type { HistorySession } from './history-session.js'

/** What it needs beside what all do. */
export interface IdentifiedPublishersPorts extends FollowedTopicsPorts {
  /** A frame was not taken, since its publisher may not publish it. */
  denied(): void
}

/** Schemas of a publisher that are kept until it has published what it may, and what they may take, in bytes. */
const maxSchemas = 64
const maxSchemaBytes = 1_048_576

/** One link. */
interface Link {
  readonly session: HistorySession
  readonly schemas: { readonly schemaId: Buffer; readonly text: string }[]
  schemaBytes: number
  call: FollowCall | undefined
  /** Who serves there, while another link of it is followed. */
  spareOf: string | undefined
  pauseMs: number
  timer: Timer | undefined
}

/** The publishers of one resource. */
export class IdentifiedPublishers extends FollowedTopics {
  readonly isExclusive = true
  readonly #ports: IdentifiedPublishersPorts
  readonly #links = new Map<HistorySession, Link>()
  #isClosed = false

  constructor(ports: IdentifiedPublishersPorts) {
    super()
    this.#ports = ports
  }

  // publishers find this side, and say who they are when they are followed
  serves(): void {}

  forget(): void {}

  accept(session: HistorySession): void {
    if (this.#isClosed || session.access === undefined) return
    const link: Link = {
      session,
      schemas: [],
      schemaBytes: 0,
      call: undefined,
      spareOf: undefined,
      pauseMs: againMs.first,
      timer: undefined,
    }
    this.#links.set(session, link)
    this.#make(link)
  }

  ended(session: HistorySession): void {
    const link = this.#links.get(session)
    if (link === undefined) return
    this.#links.delete(session)
    link.timer?.cancel()
    if (link.call !== undefined) this.#leave(link, link.call)
  }

  close(): void {
    this.#isClosed = true
    for (const { call, timer } of this.#links.values()) {
      timer?.cancel()
      call?.cancel()
    }
    this.#links.clear()
  }

  protected *calls(): Iterable<FollowCall> {
    for (const { call } of this.#links.values()) if (call !== undefined) yield call
  }

  #make(link: Link): void {
    const { refused, answer } = this.#ports
    const { access } = link.session
    link.spareOf = undefined
    link.timer = undefined
    const call = new FollowCall(link.session, {
      wanted: () => this.wanted,
      isPaused: () => this.isPaused,
      named: (_, server) => this.#onNamed(link, server),
      refused,
      learn: (schemaId, text) => this.#learn(link, schemaId, text),
      frame: (from, topic, bytes) => this.#onFrame(link, from, topic, bytes),
      answer: (from, bytes) => answer(bytes, from.refused, (source) => access?.claims(source) === true),
      ended: (ended, failure) => this.#onEnded(link, ended, failure),
    })
    link.call = call
    call.start()
    this.#ports.opened()
  }

  /** A publisher that dials this side twice is followed over one link; the other one is used when that has ended. */
  #onNamed(link: Link, server: string): void {
    link.pauseMs = againMs.first
    for (const other of this.#links.values()) {
      if (other === link || other.call?.server !== server) continue
      const isSame = other.session.peer.identity?.name === link.session.peer.identity?.name
      if (!isSame) continue
      const spare = other.session.streams.status === 'live' ? link : other
      spare.spareOf = server
      spare.call?.cancel()
      spare.call = undefined
    }
  }

  #learn(link: Link, schemaId: Buffer, text: string): void {
    if (link.session.access?.isAdmitted) {
      this.#ports.learn(schemaId, text)
      return
    }
    if (link.schemas.length >= maxSchemas || link.schemaBytes + text.length > maxSchemaBytes) return
    link.schemaBytes += text.length
    link.schemas.push({ schemaId: Buffer.from(schemaId), text })
  }

  #onFrame(link: Link, call: FollowCall, topic: string, bytes: Buffer): void {
    const { access } = link.session
    const { denied, learn, frame } = this.#ports
    if (access?.admits(topic) !== true) {
      call.deny(topic, `the policy of the subscriber does not allow this publisher to publish '${topic}'`)
      denied()
      return
    }
    link.schemaBytes = 0
    for (const { schemaId, text } of link.schemas.splice(0)) learn(schemaId, text)
    frame(topic, bytes, (source) => {
      const isAllowed = access.brings(source, topic)
      if (!isAllowed) denied()
      return isAllowed
    })
  }

  #onEnded(link: Link, call: FollowCall, failure: unknown): void {
    if (link.call !== call) return
    // the end of its link is none of the call
    if (link.session.streams.status === 'live' && !link.session.streams.draining) {
      link.timer = this.#ports.clock.setTimer(() => this.#make(link), link.pauseMs)
      link.pauseMs = Math.min(2 * link.pauseMs, againMs.most)
      if (failure !== undefined) this.#ports.report(failure as RivuletError)
    }
    this.#leave(link, call)
  }

  /** A call has ended: another link to the same publisher is followed in its place. */
  #leave(link: Link, call: FollowCall): void {
    call.cancel()
    link.call = undefined
    this.#ports.lost()
    for (const other of this.#links.values()) {
      if (other.spareOf === undefined || other.spareOf !== call.server || other.session.streams.draining) continue
      this.#make(other)
      return
    }
  }
}
