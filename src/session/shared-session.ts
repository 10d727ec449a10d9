/**
 * One session and its users: each item goes to the user that takes its kind; of two, to the one for streams of that side.
 *
 * Users share the connection, its window and its outbox; what they say to their peers is their own.
 */
import type { RivuletError } from '../errors/index.js'
import { itemFlag, sessionKind } from './item.js'
import type { ItemRange, LinkUser, PeerInfo, SessionUser } from './link-user.js'
import { noBody } from './session-items.js'
import type { SessionStreams, StreamsHandler } from './session-streams.js'

/** Kinds below this one are remembered in tables. */
const tabledKinds = 64

/** A user of all links, and what it made of this session. */
interface Entry {
  readonly user: LinkUser
  readonly handler: SessionUser
}

/** The users of one session. */
export class SharedSession implements StreamsHandler {
  readonly #session: SessionStreams
  readonly #entries: readonly Entry[]
  /** Who takes the items of streams that this side opened, and of those of the other one, by kind, once one has come. */
  readonly #opened: (SessionUser | undefined)[] = []
  readonly #accepted: (SessionUser | undefined)[] = []

  constructor(session: SessionStreams, users: readonly LinkUser[], peer: PeerInfo) {
    this.#session = session
    Object.freeze(peer)
    this.#entries = users.map((user) => ({ user, handler: user.accept(session, peer) }))
  }

  /** Whether something may not have arrived that must: then closing waits for it even without a connection. */
  get owes(): boolean {
    // each is asked: some find out by being asked what has arrived
    return this.#entries.filter(({ handler }) => handler.owes).length > 0
  }

  /** Whether somebody has work on it that its end would fail. */
  get inUse(): boolean {
    return this.#entries.some(({ handler }) => (handler.pending ?? 0) > 0)
  }

  onItem(stream: number, kind: number, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    if (stream === 0) {
      for (const { user, handler } of this.#entries)
        if (takes(user.items, kind)) handler.onItem(stream, kind, flags, bytes, view, start, end)
      return
    }
    const isOpened = stream * this.#session.sign > 0
    const takers = isOpened ? this.#opened : this.#accepted
    let taker = takers[kind]
    if (taker === undefined) {
      taker = this.#takerOf(kind, isOpened ? 'opened' : 'accepted')
      if (kind < tabledKinds) takers[kind] = taker
    }
    if (taker !== undefined) taker.onItem(stream, kind, flags, bytes, view, start, end)
    else this.#unknown(stream, kind, flags, bytes, view, start, end)
  }

  onWritable(stream: number): void {
    for (const { handler } of this.#entries) handler.onWritable(stream)
  }

  onStatus(reason: RivuletError | undefined): void {
    for (const { handler } of this.#entries) handler.onStatus(reason)
  }

  onRefused(stream: number): void {
    for (const { handler } of this.#entries) handler.onRefused?.(stream)
  }

  #takerOf(kind: number, side: 'opened' | 'accepted'): SessionUser | undefined {
    let taker: Entry | undefined
    for (const entry of this.#entries) {
      const { items } = entry.user
      // who takes the kind on streams of the other side alone judges what comes on one of this side
      if (takes(items, kind) && (taker === undefined || items[side])) taker = entry
    }
    return taker?.handler
  }

  /** An item of a kind that no user takes: the user that has the stream may, or it is skipped, or the stream is refused. */
  #unknown(
    stream: number,
    kind: number,
    flags: number,
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
  ): void {
    const owner = this.#entries.find(({ handler }) => handler.owns(stream))
    if (owner !== undefined) {
      owner.handler.onItem(stream, kind, flags, bytes, view, start, end)
      return
    }
    this.#session.forget(stream) // a peer may send on any number of them
    if (flags & itemFlag.critical) this.#session.send(stream, sessionKind.refuse, 0, noBody)
  }
}

function takes({ first, last, urgent }: ItemRange, kind: number): boolean {
  return (kind >= first && kind <= last) || kind === urgent
}
