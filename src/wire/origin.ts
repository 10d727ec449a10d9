/**
 * Who sends: one random identity per publisher or pusher and life, and the numbers of all its messages.
 *
 * Topics of one publisher share an origin; each numbers its own messages besides.
 */
import { randomBytes } from 'node:crypto'

/** The clock that an origin needs. */
export interface OriginClock {
  now(): number
  wallNow(): number
}

/** Where an earlier life of a source ended. */
export interface OriginEnd {
  readonly source: Buffer
  /** The position of its last message. */
  readonly position: number
}

/** One source of messages. */
export class Origin {
  /** 64 random bits. */
  readonly source: Buffer
  readonly clock: OriginClock
  /** How often a writer announces its schema while it sends, in milliseconds. */
  readonly announceMs: number
  #next: number

  /** @param end - Continues a source that was there before. Default: a new one begins. */
  constructor(clock: OriginClock, announceMs: number, end: OriginEnd = { source: randomBytes(8), position: 0 }) {
    this.clock = clock
    this.announceMs = announceMs
    this.source = end.source
    this.#next = end.position + 1
  }

  /** The position of the last message. */
  get position(): number {
    return this.#next - 1
  }

  /** Takes positions for messages; returns the first. */
  take(count: number): number {
    const first = this.#next
    this.#next += count
    return first
  }
}
