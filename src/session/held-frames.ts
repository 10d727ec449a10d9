/**
 * Frames that take more than one turn, of many sessions, frames that open one, and what has come behind them.
 *
 * Each connection waits for its own frame alone: others are read meanwhile. What a session has still to take of its frame it
 * knows itself.
 */
import type { RivuletError } from '../errors/index.js'
import { frameCostBytes } from './retained-frames.js'

/** What may wait behind all frames that are held, in bytes; with more, no connection is read. */
const maxBehindBytes = 1_048_576

/** A frame that waits from the start, since it would open a session. */
export interface Opening {
  readonly peer: string
  readonly frame: Buffer
}

/** What has come on a connection: a frame, or its end. */
interface Behind {
  readonly peer: string
  readonly next: Buffer | RivuletError
}

/** What waits behind one frame. */
interface Queue {
  readonly behind: Behind[]
  /** How much of it has come on each connection, a frame that opens a session included: a session moves from one to another. */
  readonly peers: Map<string, number>
  /** What waits, a frame that opens a session included. */
  bytes: number
}

/** What a machine says of frames that it holds. */
export interface Held {
  /** How many it holds. */
  readonly size: number
  /** Whether others may come. */
  readonly mayReceive: boolean
  /** Whether what is taken next has the share of the turn that what was taken last has begun. */
  readonly continuesShare: boolean
}

/** Of a machine with one connection, which is not read while its frame is held. */
export const heldOne: Held = { size: 1, mayReceive: false, continuesShare: false }
export const heldNone: Held = { size: 0, mayReceive: true, continuesShare: false }

/** The frames that are held: at most one of each session, and one that opens a session of each connection. */
export class HeldFrames<S extends object> implements Held {
  /**
   * Those of sessions, and those that open one: the one that has waited longest, of either kind in turn. The latter have a share
   * of the turn together: one alone takes far less, and newcomers would wait for a share of a session each.
   */
  readonly #ofSessions = new Map<S | Opening, Queue>()
  readonly #openings = new Map<S | Opening, Queue>()
  #isOpeningNext = false
  #continuesShare = false
  /** Connections of which something waits, and where: what follows on them waits there, too, even if the session has left. */
  readonly #byPeer = new Map<string, Queue>()
  #behindBytes = 0
  /** What waited behind a frame that is taken, and is taken now. */
  #rest: Queue | undefined

  get size(): number {
    return this.#ofSessions.size + this.#openings.size
  }

  get continuesShare(): boolean {
    return this.#continuesShare && this.#openings.size > 0
  }

  /** What is taken next. */
  get next(): S | Opening | undefined {
    const [session] = this.#ofSessions.keys()
    const [opening] = this.#openings.keys()
    return this.#isOpeningNext ? (opening ?? session) : (session ?? opening)
  }

  /** What waits, frames that would open a session included, in bytes. */
  get bytes(): number {
    return this.#behindBytes
  }

  /** Whether there is room for what may come behind them; other connections have their frames taken. */
  get mayReceive(): boolean {
    return this.#behindBytes < maxBehindBytes
  }

  /** Holds a frame, behind those of other sessions. */
  hold(session: S): void {
    this.#ofSessions.set(session, newQueue())
  }

  /** Lets a frame wait that would open a session, behind others that would; what came behind it waits with it. */
  wait(opening: Opening): void {
    const rest = this.#rest
    const isLinked = rest !== undefined && this.#linkRest(opening, rest)
    const queue = isLinked ? rest : newQueue()
    if (!isLinked) this.#openings.set(opening, queue)
    this.#count(queue, opening.peer, opening.frame)
  }

  /** Keeps a frame if something waits on its connection, or the session there holds one; returns whether it does. */
  keep(peer: string, session: S | undefined, frame: Buffer): boolean {
    return this.#add(this.#byPeer.get(peer) ?? (session && this.#ofSessions.get(session)), peer, frame)
  }

  /** Keeps the end of a connection behind its frames; returns whether there are any. */
  keepEnd(peer: string, reason: RivuletError): boolean {
    return this.#add(this.#byPeer.get(peer), peer, reason)
  }

  /**
   * Takes more of the one that has waited longest; then it is behind the others. A frame that would open a session is dropped if
   * its connection has ended right behind it.
   *
   * @param takeRest - Takes more of the frame of a session, and returns whether that was all of it; or takes a frame that opens
   *   one, and returns whether the share of the turn is spent.
   * @param takeNext - Takes, or keeps again, what came behind it; may hold a frame of the same session.
   */
  takeMore(
    takeRest: (held: S | Opening) => boolean,
    takeNext: (peer: string, next: Buffer | RivuletError) => void,
  ): void {
    const held = this.next
    const queue = held && this.#lineOf(held).get(held)
    if (held === undefined || queue === undefined) return
    // it would begin a session that nobody uses: dialers that have given up waiting must not delay those that wait
    const isAbandoned = isOpening(held) && isEndOf(held.peer, queue.behind[0])
    const result = !isAbandoned && takeRest(held)
    this.#continuesShare = isOpening(held) && !result
    this.#isOpeningNext = !isOpening(held) || this.#continuesShare
    // a handler may have cleared all
    if (!this.#lineOf(held).delete(held)) return
    if (!isOpening(held) && !result) {
      this.#ofSessions.set(held, queue)
      return
    }
    this.#unlink(queue)
    if (isOpening(held)) discount(queue, held.peer, held.frame)
    this.#rest = queue
    while (this.#rest === queue) {
      const one = queue.behind.shift()
      if (one === undefined) this.#rest = undefined
      else {
        discount(queue, one.peer, one.next)
        takeNext(one.peer, one.next)
        // it may hold the next frame
        const isHeld = this.#ofSessions.get(held)?.behind.length === 0
        if (isHeld && this.#rest === queue && queue.behind.length > 0) this.#linkRest(held, queue)
      }
    }
  }

  /** Forgets everything; returns what has waited, in the order of each connection. */
  clear(): readonly Behind[] {
    const waiting = [...this.#ofSessions, ...this.#openings].flatMap(([held, { behind }]) => {
      return isOpening(held) ? [{ peer: held.peer, next: held.frame }, ...behind] : behind
    })
    // behind what was before it on its connections
    if (this.#rest) waiting.push(...this.#rest.behind)
    this.#ofSessions.clear()
    this.#openings.clear()
    this.#rest = undefined
    this.#byPeer.clear()
    this.#behindBytes = 0
    return waiting
  }

  #add(queue: Queue | undefined, peer: string, next: Buffer | RivuletError): boolean {
    if (queue === undefined) return false
    queue.behind.push({ peer, next })
    this.#count(queue, peer, next)
    return true
  }

  #count(queue: Queue, peer: string, next: Buffer | RivuletError): void {
    const bytes = costOf(next)
    queue.peers.set(peer, (queue.peers.get(peer) ?? 0) + 1)
    queue.bytes += bytes
    this.#byPeer.set(peer, queue)
    this.#behindBytes += bytes
  }

  /** Lets the rest wait behind a frame that is held now; not if something of its connections waits elsewhere by now. */
  #linkRest(held: S | Opening, rest: Queue): boolean {
    for (const peer of rest.peers.keys()) if (this.#byPeer.has(peer)) return false
    this.#rest = undefined
    this.#lineOf(held).set(held, rest)
    for (const peer of rest.peers.keys()) this.#byPeer.set(peer, rest)
    this.#behindBytes += rest.bytes
    return true
  }

  #lineOf(held: S | Opening): Map<S | Opening, Queue> {
    return isOpening(held) ? this.#openings : this.#ofSessions
  }

  #unlink(queue: Queue): void {
    for (const peer of queue.peers.keys()) this.#byPeer.delete(peer)
    this.#behindBytes -= queue.bytes
  }
}

/** Whether what is held is a frame that opens a session. */
export function isOpening(held: object): held is Opening {
  return 'frame' in held
}

function isEndOf(peer: string, behind: Behind | undefined): boolean {
  return behind?.peer === peer && !Buffer.isBuffer(behind.next)
}

function newQueue(): Queue {
  return { behind: [], peers: new Map(), bytes: 0 }
}

function discount(queue: Queue, peer: string, next: Buffer | RivuletError): void {
  const left = (queue.peers.get(peer) ?? 0) - 1
  if (left > 0) queue.peers.set(peer, left)
  else queue.peers.delete(peer)
  queue.bytes -= costOf(next)
}

function costOf(one: Buffer | RivuletError): number {
  return Buffer.isBuffer(one) ? one.length + frameCostBytes : frameCostBytes
}
