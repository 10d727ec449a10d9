/**
 * The contract between links and what uses them: calls, and patterns with items of their own.
 *
 * A user is registered once for all links of a resource, and is given each session that begins.
 */
import type { RivuletError } from '../errors/index.js'
import type { PeerIdentity } from '../security/index.js'
import type { SessionStreams, StreamsHandler } from './session-streams.js'

/** Who is at the other end of a session. */
export interface PeerInfo {
  /** Names the peer for as long as its session lives; random. */
  readonly id: string
  /**
   * Whose key the peer has proven to own; `undefined` without `security`, and where this side connected: there the peer is
   * the server that `serverKey` names.
   */
  readonly identity: PeerIdentity | undefined
  /** Where this side connected with security: the key of the server, and its name in the allow list or its fingerprint. */
  readonly server?: PeerIdentity | undefined
  /** The address that this side connected to; `undefined` where the peer connected to this side. */
  readonly dialed: string | undefined
}

/**
 * What uses one session. None of its methods may throw, with one exception: what `onItem` throws for a body that cannot be read
 * says that the peer breaks the protocol, and ends the session.
 */
export interface SessionUser extends StreamsHandler {
  /** Whether something may not have arrived that must: then closing waits for it even without a connection. */
  readonly owes?: boolean
  /** How much it has on the session that its end would fail: a link that is retired waits for that. Default: nothing. */
  readonly pending?: number
  /** Whether a stream is one of its own: items of kinds that it does not list come to it, too. */
  owns(stream: number): boolean
}

/** Which items a user of links takes, apart from those of stream 0: there the kind alone decides. */
export interface ItemRange {
  /** The kinds of its items, from 16 on. */
  readonly first: number
  readonly last: number
  /** The kind of its urgent items. */
  readonly urgent?: number
  /** Whether it takes those on streams that this side opened, and on those that the peer opened. */
  readonly opened: boolean
  readonly accepted: boolean
}

/** What uses links. */
export interface LinkUser {
  /** Which items it takes; no two users of a link take the same. */
  readonly items: ItemRange
  /** A session begins; nothing happens on it before this returns. */
  accept(session: SessionStreams, peer: PeerInfo): SessionUser
  /** Takes nothing new, and resolves when its current work has its outcome. Default: there is none. */
  drain?(): Promise<void>
  /** Its current work, for the count of undelivered messages. */
  readonly unfinished?: number
  /** Ends its current work; resolves when all has ended. */
  stopAll?(reason: RivuletError): Promise<void>
}
