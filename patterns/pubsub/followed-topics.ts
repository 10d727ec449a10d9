/**
 * What one resource wants over links: patterns, requests, and pauses, for all calls that follow topics.
 *
 * Over which links calls are made, and when again, is decided by those who extend it.
 */
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { FollowCall } from './follow-call.js'
import type { HistorySession } from './history-session.js'

/** Whether a source may be used by the peer that brings it. */
export type SourceCheck = (source: string) => boolean

/** What it needs of its resource. */
export interface FollowedTopicsPorts {
  readonly clock: Clock
  /** A peer is followed from now on: what was asked before is asked again. */
  opened(): void
  /** A peer is not followed any more. */
  lost(): void
  /** A peer does not serve a pattern. */
  refused(error: RivuletError): void
  learn(schemaId: Buffer, text: string): void
  /** A frame of a topic, whose name ends without a dot. */
  frame(topic: string, frame: Buffer, check?: SourceCheck): void
  /** An answer, and the patterns that its peer has refused. */
  answer(frame: Buffer, refused: ReadonlyMap<string, RivuletError>, check?: SourceCheck): void
  report(error: RivuletError): void
}

/** How long a call that a live link has ended is not made again, in milliseconds: the first time, and at most. */
export const againMs = { first: 200, most: 30_000 }

/** What is followed over links. */
export abstract class FollowedTopics {
  /** How often each pattern is wanted. */
  protected readonly wanted = new Map<string, number>()
  #isPaused = false

  /** Whether messages come over links that peers have dialed, and in no other way. */
  abstract readonly isExclusive: boolean

  /** The calls that are open. */
  protected abstract calls(): Iterable<FollowCall>

  /** A peer serves over links at these addresses. */
  abstract serves(server: string, addresses: readonly string[]): void

  /** A peer has left. */
  abstract forget(server: string): void

  /** A link was made. */
  abstract accept(session: HistorySession): void

  /** A link has ended. */
  abstract ended(session: HistorySession): void

  abstract close(): void

  /** A pattern is wanted, once more. */
  want(pattern: string): void {
    const users = this.wanted.get(pattern) ?? 0
    this.wanted.set(pattern, users + 1)
    if (users === 0) this.#changed(pattern)
  }

  /** A subscription to a pattern has ended. */
  unwant(pattern: string): void {
    const users = (this.wanted.get(pattern) ?? 1) - 1
    if (users > 0) {
      this.wanted.set(pattern, users)
      return
    }
    this.wanted.delete(pattern)
    this.#changed(pattern)
  }

  /**
   * Sends a request to peers that are followed.
   *
   * @param isFor - Whether it is for one that serves in no other way. Default: it is for all.
   */
  request(frame: Buffer, _isFor?: (server: string) => boolean): void {
    for (const call of this.calls()) call.request(frame)
  }

  /** Whether no more should arrive, since consumers are busy. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused
    if (!isPaused) for (const call of this.calls()) call.resume()
  }

  #changed(pattern: string): void {
    for (const call of this.calls()) call.changed(pattern)
  }
}
