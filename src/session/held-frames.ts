/**
 * Frames that take more than one turn, of many sessions, and what has come behind them.
 *
 * Each connection waits for its own frame alone: others are read meanwhile. What each of them has still to take is known to
 * its session.
 */
import type { RivuletError } from '../errors/index.js'
import { frameCostBytes } from './retained-frames.js'

/** What may wait behind all frames that are held, in bytes; with more, no connection is read. */
const maxBehindBytes = 1_048_576

/** A frame that is held. */
interface HeldFrame {
  /** The connection that it came on. */
  readonly peer: string
  /** What has come on it since: frames, and its end. */
  readonly behind: (Buffer | RivuletError)[]
}

/** What a machine says of frames that it holds. */
export interface Held {
  /** How many it holds. */
  readonly size: number
  /** Whether others may come. */
  readonly mayReceive: boolean
}

/** Of a machine with one connection, which is not read while its frame is held. */
export const heldOne: Held = { size: 1, mayReceive: false }
export const heldNone: Held = { size: 0, mayReceive: true }

/** The frames that are held, at most one of each session. */
export class HeldFrames<S> implements Held {
  /** Those first that have waited longest. */
  readonly #held = new Map<S, HeldFrame>()
  #behindBytes = 0

  get size(): number {
    return this.#held.size
  }

  /** Whether there is room for what may come behind them; other connections have their frames taken. */
  get mayReceive(): boolean {
    return this.#behindBytes < maxBehindBytes
  }

  /** Holds a frame, behind those of other sessions. */
  hold(session: S, peer: string): void {
    this.#held.set(session, { peer, behind: [] })
  }

  /** Keeps a frame behind the one that its session holds; returns whether there is such a one. */
  keep(session: S, frame: Buffer): boolean {
    const held = this.#held.get(session)
    if (held === undefined) return false
    this.#add(held, frame)
    return true
  }

  /** Keeps the end of a connection behind its frames; returns whether there are any. */
  keepEnd(session: S, reason: RivuletError): boolean {
    const held = this.#held.get(session)
    if (held === undefined || held.behind.length === 0) return false
    this.#add(held, reason)
    return true
  }

  /**
   * Takes more of the one that has waited longest; then it is behind the others.
   *
   * @param takeRest - Takes more of the frame of a session; returns whether that was all of it.
   * @param takeNext - Takes what came behind it; may hold a frame of the same session again.
   */
  takeMore(takeRest: (session: S) => boolean, takeNext: (peer: string, next: Buffer | RivuletError) => void): void {
    const [first] = this.#held
    if (first === undefined) return
    const [session, held] = first
    const isTaken = takeRest(session)
    this.#held.delete(session)
    if (!isTaken) {
      this.#held.set(session, held)
      return
    }
    const { peer, behind } = held
    for (let next = behind.shift(); next !== undefined; next = behind.shift()) {
      this.#behindBytes -= costOf(next)
      takeNext(peer, next)
      const again = this.#held.get(session)
      if (again === undefined) continue
      again.behind.push(...behind)
      return
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const { behind } of this.#held.values()) behind.length = 0
    this.#held.clear()
    this.#behindBytes = 0
  }

  #add({ behind }: HeldFrame, one: Buffer | RivuletError): void {
    behind.push(one)
    this.#behindBytes += costOf(one)
  }
}

function costOf(one: Buffer | RivuletError): number {
  return Buffer.isBuffer(one) ? one.length + frameCostBytes : frameCostBytes
}
