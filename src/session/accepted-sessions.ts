/**
 * The sessions of an acceptor: by their secret number, by connection, by the key that owns them, and in the order of their cuts.
 *
 * It keeps the books; who may have which session is decided by the acceptor.
 */
import type { Hello } from '../wire/index.js'
import { behindBounds, cutBounds, overfull } from './overfull.js'
import type { Session } from './session.js'

/** A session with the connection that it is on. */
export interface AcceptedSession {
  /** Its number. */
  readonly key: string
  readonly session: Session
  /** The public key that opened it; `undefined` without security. */
  readonly owner: string | undefined
  peer: string | undefined
  connection: number
}

/** All of them. */
export class AcceptedSessions {
  readonly #byKey = new Map<string, AcceptedSession>()
  readonly #byPeer = new Map<string, AcceptedSession>()
  readonly #byOwner = new Map<string, Set<AcceptedSession>>()
  /** Those without a connection, the one that was cut first in front. */
  readonly #cut = new Set<AcceptedSession>()

  /** How many there are, those that are cut included. */
  get size(): number {
    return this.#byKey.size
  }

  /** Whether everything that was sent has arrived, as far as there are connections. */
  get settled(): boolean {
    for (const { session } of this.all()) if (session.status === 'live' && !session.settled) return false
    return true
  }

  /** What is held for all peers, in bytes. */
  get heldBytes(): number {
    let bytes = 0
    for (const { session } of this.all()) bytes += session.heldBytes
    return bytes
  }

  /** All of them; may be changed meanwhile. */
  all(): IterableIterator<AcceptedSession> {
    return this.#byKey.values()
  }

  /** The connections that have one. */
  peers(): string[] {
    return [...this.#byPeer.keys()]
  }

  get(key: string): AcceptedSession | undefined {
    return this.#byKey.get(key)
  }

  /** The session on a connection. */
  on(peer: string): AcceptedSession | undefined {
    return this.#byPeer.get(peer)
  }

  /** Those of one key. */
  of(owner: string): readonly AcceptedSession[] {
    return [...(this.#byOwner.get(owner) ?? [])]
  }

  /** How many one key has. */
  countOf(owner: string): number {
    return this.#byOwner.get(owner)?.size ?? 0
  }

  /**
   * The cut session that makes room for one of an owner: its own that was cut first, else that of an owner with more sessions
   * than it has. So no owner loses a session to one that has as many.
   */
  spareFor(owner: string | undefined, isOwn: boolean): AcceptedSession | undefined {
    const count = owner === undefined ? 0 : this.countOf(owner)
    let other: AcceptedSession | undefined
    for (const entry of this.#cut) {
      if (entry.owner === owner) return entry
      if (!isOwn && entry.owner !== undefined && this.countOf(entry.owner) > count) other ??= entry
    }
    return other
  }

  /** The cut one for whose peer most waits, if too much waits for all of them. */
  overfull(): AcceptedSession | undefined {
    return overfull(this.#cut, cutBounds)
  }

  /** The same of all whose peers acknowledge nothing, those that are cut included. */
  overfullAt(now: number): AcceptedSession | undefined {
    const behind = [...this.#byPeer.values()].filter(({ session }) => session.liveness.isBehind(now))
    return overfull([...this.#cut, ...behind], behindBounds)
  }

  add(entry: AcceptedSession): void {
    this.#byKey.set(entry.key, entry)
    if (entry.owner === undefined) return
    const others = this.#byOwner.get(entry.owner)
    if (others === undefined) this.#byOwner.set(entry.owner, new Set([entry]))
    else others.add(entry)
  }

  /** Puts a session on a connection. */
  place(entry: AcceptedSession, peer: string, connection: number): void {
    this.#leave(entry)
    entry.peer = peer
    entry.connection = connection
    this.#cut.delete(entry)
    this.#byPeer.set(peer, entry)
  }

  /** Takes a session off its connection. */
  cutOff(entry: AcceptedSession): void {
    this.#leave(entry)
    this.#cut.add(entry)
  }

  remove(entry: AcceptedSession): void {
    this.#leave(entry)
    this.#cut.delete(entry)
    if (this.#byKey.get(entry.key) === entry) this.#byKey.delete(entry.key)
    if (entry.owner === undefined) return
    const others = this.#byOwner.get(entry.owner)
    if (others?.delete(entry) && others.size === 0) this.#byOwner.delete(entry.owner)
  }

  #leave(entry: AcceptedSession): void {
    if (entry.peer !== undefined) this.#byPeer.delete(entry.peer)
    entry.peer = undefined
  }
}

/** The key of the session that a hello asks for. */
export function keyOf({ session }: Hello): string {
  return session.toString('latin1')
}
