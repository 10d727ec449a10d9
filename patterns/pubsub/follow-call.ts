/**
 * One call `follow` to a peer that serves topics over links: what is wanted goes up, frames and answers come down.
 *
 * It says what is wanted as soon as its link has room, and takes nothing while consumers are busy.
 */
import { type CallStream, defaultStreamOptions, type ReadyItems, ReadySource } from '../../src/call/index.js'
import { type RivuletError, receivedError } from '../../src/errors/index.js'
import { bufferOf } from '../../src/memory/index.js'
import type { Consumer } from '../../src/stream/index.js'
import type { HistorySession } from './history-session.js'
import { type FollowPart, type FollowRequest, refusals, type Unfollowed } from './topics-wire.js'

/** What a call needs of those who follow. */
export interface FollowCallPorts {
  /** Patterns that are wanted now. */
  wanted(): ReadonlyMap<string, unknown>
  isPaused(): boolean
  /** The peer has said who it is; it is left if another call follows it already. */
  named(call: FollowCall, server: string): void
  /** A pattern is not followed there. */
  refused(error: RivuletError): void
  learn(schemaId: Buffer, text: string): void
  /** A frame of a topic, as a socket brings it. */
  frame(call: FollowCall, topic: string, frame: Buffer): void
  answer(call: FollowCall, frame: Buffer): void
  ended(call: FollowCall, failure: unknown): void
}

/** Patterns in one request; a server takes no more. */
const patternsPerRequest = 1000

/** Requests that wait; newer ones cover all that older ones do. */
const maxRequests = 16

/** Topics that the peer must not publish: all, and those of one request. */
const maxDenied = 4096
const deniedPerRequest = 128

/** One call. */
export class FollowCall extends ReadySource<FollowRequest> implements ReadyItems<FollowRequest>, Consumer<FollowPart> {
  demand = 1
  readonly isEnded = false
  readonly session: HistorySession
  readonly #ports: FollowCallPorts
  /** Who serves it; known once something has come. */
  server: string | undefined
  /** Patterns that the peer has refused, and why. */
  readonly refused = new Map<string, RivuletError>()
  #sent = new Set<string>()
  /** Patterns that have changed since the last request. */
  #changed = new Set<string>()
  #requests: Buffer[] = []
  /** Topics that are not taken, and those of them that the peer does not know yet. */
  readonly #denied = new Set<string>()
  #unsent: Unfollowed[] = []
  #ready = () => {}
  #stream: CallStream<FollowPart> | undefined
  #detach: (() => void) | undefined
  #hasEnded = false

  constructor(session: HistorySession, ports: FollowCallPorts) {
    super()
    this.session = session
    this.#ports = ports
  }

  start(): void {
    const { calls, follow } = this.session
    const stream = calls.stream(follow, this, defaultStreamOptions).responses as CallStream<FollowPart>
    this.#stream = stream
    this.demand = this.#ports.isPaused() ? 0 : 1
    this.#detach = stream.attach(this)
    stream.resume()
  }

  /** A pattern is wanted, or not any more. */
  changed(pattern: string): void {
    this.#changed.add(pattern)
    this.#ready()
  }

  /** Sends a request behind what is wanted. */
  request(frame: Buffer): void {
    if (this.#requests.length >= maxRequests) this.#requests.shift()
    this.#requests.push(frame)
    this.#ready()
  }

  /** A topic is not taken: tells the peer, once. */
  deny(topic: string, message: string): void {
    if (this.#denied.size >= maxDenied || this.#denied.has(topic)) return
    this.#denied.add(topic)
    this.#unsent.push({ pattern: topic, code: 'RIVULET_PERMISSION_DENIED', message })
    this.#ready()
  }

  /** Continues after a pause. */
  resume(): void {
    if (this.#hasEnded || this.demand > 0) return
    this.demand = 1
    this.#stream?.resume()
  }

  /** Ends it; nothing more is said. */
  cancel(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#detach?.()
  }

  open(ready: () => void): this {
    this.#ready = ready
    this.#sent = new Set()
    this.#changed = new Set(this.#ports.wanted().keys())
    return this
  }

  take(): FollowRequest | undefined {
    if (this.#hasEnded) return undefined
    const follow: string[] = []
    const leave: string[] = []
    const wanted = this.#ports.wanted()
    for (const pattern of this.#changed) {
      if (follow.length + leave.length >= patternsPerRequest) break
      this.#changed.delete(pattern)
      if (wanted.has(pattern) === this.#sent.has(pattern)) continue
      if (wanted.has(pattern)) {
        follow.push(pattern)
        this.#sent.add(pattern)
      } else {
        leave.push(pattern)
        this.#sent.delete(pattern)
        this.refused.delete(pattern)
      }
    }
    const requests = this.#changed.size > 0 ? [] : this.#requests
    const denied = this.#unsent.splice(0, deniedPerRequest)
    if (follow.length + leave.length + requests.length + denied.length === 0) return undefined
    if (this.#changed.size === 0) this.#requests = []
    return { follow, leave, requests, denied }
  }

  leave(): void {}

  next({ server, refused = [], schemas = [], frames = [], answers = [] }: FollowPart): void {
    if (this.#hasEnded) return
    if (server && this.server === undefined) {
      this.server = bufferOf(server).toString('hex')
      this.#ports.named(this, this.server)
    }
    for (const { pattern, code, message } of refused) {
      if (!this.#sent.has(pattern)) continue
      const error = receivedError(code, `'${pattern}' is not served: ${message}`)
      this.refused.set(pattern, error)
      this.#ports.refused(error)
    }
    for (const { schemaId, text } of schemas) this.#ports.learn(bufferOf(schemaId), text)
    for (const { topic, frame } of frames) this.#ports.frame(this, topic, bufferOf(frame))
    for (const answer of answers) this.#ports.answer(this, bufferOf(answer))
    this.demand = this.#ports.isPaused() ? 0 : 1
  }

  complete(): void {
    if (this.#hasEnded) return
    const failure = this.#stream?.failure
    this.cancel()
    this.#ports.ended(this, failure && refusals.causeOf('follow', failure))
  }
}
