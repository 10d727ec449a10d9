/**
 * What a directory offers to other patterns, which cannot import it.
 *
 * `createDirectory` implements it; a pattern finds it under the symbol `peerDirectory`.
 */
import type { Observable } from 'rxjs'
import type { Endpoint } from './endpoints.js'

/** One endpoint of one instance of a service. */
export interface DirectoryEntry {
  /** The name under which the service is announced. */
  readonly name: string
  /** Where to connect, with the key of the server where it has security. */
  readonly endpoint: Endpoint
  /** What the announcer says of this instance. */
  readonly metadata: Readonly<Record<string, string>>
  /** Names the announced instance; random, another for each announcement. */
  readonly instance: string
}

/** A peer as a directory knows it. */
export interface PeerRecord {
  /** The name of the peer: one peer holds it. */
  readonly name: string
  /** The incarnation of the peer. */
  readonly instance: string
  /** Of two holders of a name, the one with the higher epoch holds it; then the one with the smaller instance. */
  readonly epoch: number
  /** Where its process is bound. */
  readonly endpoints: readonly Endpoint[]
}

/** A peer that is announced, until it is closed or its process ends. */
export interface PeerAnnouncement {
  /**
   * Replaces what is announced; the name and the instance stay.
   *
   * @param peer - What is announced from now on.
   */
  update(peer: PeerRecord): void
  /**
   * Withdraws it; resolves when the connected hosts have confirmed that, and never rejects.
   */
  close(): Promise<void>
}

/** Two or more peers that hold one name, as hosts see it. */
export interface PeerConflict {
  /** The name. */
  readonly name: string
  /** The peer that holds it: the highest epoch, then the smallest instance. */
  readonly winner: PeerRecord
  /** The others. */
  readonly losers: readonly PeerRecord[]
}

/** The part of a directory that peers use, apart from its services. */
export interface PeerDirectory {
  /**
   * Announces a peer to all hosts. A name is held by one peer; see `conflicts`.
   *
   * @param peer - The name, the instance, the epoch and the endpoints of the peer.
   */
  announcePeer(peer: PeerRecord): PeerAnnouncement
  /** All announced peers, merged over all hosts, those that hold a name with others included: now, then each change. */
  readonly peers: Observable<readonly PeerRecord[]>
  /**
   * Names with more than one holder, and who wins: now, then each change. The winner is the same at every client.
   *
   * A peer that has died is among the losers, or the winner, until its announcement has ended.
   */
  readonly conflicts: Observable<PeerConflict>
}

/** The key under which a directory offers `PeerDirectory`. */
export const peerDirectory: unique symbol = Symbol.for('rivulet.peerDirectory')

/** What has a {@link PeerDirectory}: what {@link createDirectory} returns. */
export interface HasPeerDirectory {
  /** What a pattern with named peers uses of it. */
  readonly [peerDirectory]: PeerDirectory
}
