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

/** What has come on a connection: a frame, or its end. */
interface Behind {
  readonly peer: string
  readonly next: Buffer | RivuletError
}

/** What waits behind one frame. */
interface Queue {
  readonly behind: Behind[]
  /** The connections that it has come on: those of the session, one after another. */
  readonly peers: Set<string>
  bytes: number
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
  readonly #held = new Map<S, Queue>()
  /** Connections of which something waits, and where: what follows on them waits there, too, even if the session has left. */
  readonly #byPeer = new Map<string, Queue>()
  #behindBytes = 0

  get size(): number {
    return this.#held.size
  }

  /** Whether there is room for what may come behind them; other connections have their frames taken. */
  get mayReceive(): boolean {
    return this.#behindBytes < maxBehindBytes
  }

  /** Holds a frame, behind those of other sessions. */
  hold(session: S): void {
    this.#held.set(session, { behind: [], peers: new Set(), bytes: 0 })
  }

  /** Keeps a frame if something waits on its connection, or the session there holds one; returns whether it does. */
  keep(peer: string, session: S | undefined, frame: Buffer): boolean {
    return this.#add(this.#byPeer.get(peer) ?? (session && this.#held.get(session)), peer, frame)
  }

  /** Keeps the end of a connection behind its frames; returns whether there are any. */
  keepEnd(peer: string, reason: RivuletError): boolean {
    return this.#add(this.#byPeer.get(peer), peer, reason)
  }

  /**
   * Takes more of the one that has waited longest; then it is behind the others.
   *
   * @param takeRest - Takes more of the frame of a session; returns whether that was all of it.
   * @param takeNext - Takes, or keeps again, what came behind it; may hold a frame of the same session.
   */
  takeMore(takeRest: (session: S) => boolean, takeNext: (peer: string, next: Buffer | RivuletError) => void): void {
    const [first] = this.#held
    if (first === undefined) return
    const [session, queue] = first
    const isTaken = takeRest(session)
    // a handler may have cleared all
    if (!this.#held.delete(session)) return
    if (!isTaken) {
      this.#held.set(session, queue)
      return
    }
    this.#unlink(queue)
    const { behind } = queue
    for (let one = behind.shift(); one !== undefined; one = behind.shift()) {
      queue.bytes -= costOf(one.next)
      takeNext(one.peer, one.next)
      if (behind.length === 0 || !this.#held.has(session)) continue
      this.#link(session, queue)
      return
    }
  }

  /** Forgets everything; returns what has waited. */
  clear(): readonly Behind[] {
    const behind = [...this.#held.values()].flatMap((queue) => queue.behind)
    this.#held.clear()
    this.#byPeer.clear()
    this.#behindBytes = 0
    return behind
  }

  #add(queue: Queue | undefined, peer: string, next: Buffer | RivuletError): boolean {
    if (queue === undefined) return false
    const bytes = costOf(next)
    queue.behind.push({ peer, next })
    queue.peers.add(peer)
    queue.bytes += bytes
    this.#byPeer.set(peer, queue)
    this.#behindBytes += bytes
    return true
  }

  /** Lets a queue wait behind the frame that its session holds now. */
  #link(session: S, queue: Queue): void {
    this.#held.set(session, queue)
    for (const peer of queue.peers) this.#byPeer.set(peer, queue)
    this.#behindBytes += queue.bytes
  }

  #unlink(queue: Queue): void {
    for (const peer of queue.peers) this.#byPeer.delete(peer)
    this.#behindBytes -= queue.bytes
  }
}

function costOf(one: Buffer | RivuletError): number {
  return Buffer.isBuffer(one) ? one.length + frameCostBytes : frameCostBytes
}
