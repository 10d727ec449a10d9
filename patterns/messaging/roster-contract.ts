/**
 * The contract between a node and its roster: what the node reports, and what the roster decides.
 *
 * The roster is a pure machine: it knows sessions by name alone, and sends nothing.
 */
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { PeerIdentity } from '../../src/security/index.js'
import type { ClaimRefusal, PeerClaim, PeerRef } from './peer-claim.js'

/** A present peer: of this node, or of another. */
export interface RosterPeer {
  readonly ref: PeerRef
  readonly epoch: number
  /** The id of its node; `undefined` for a peer of this node. */
  readonly node: string | undefined
  /** The sessions over which it is reached: those that are live first; empty for a peer of this node. */
  readonly sessions: readonly string[]
  readonly answers: ReadonlyMap<string, number>
  readonly isSuspected: boolean
}

/** Why a peer has left: its node withdrew it, its links are lost, or another peer has its name. */
export type LeaveReason = 'withdrawn' | 'lost' | 'superseded'

/** Limits and times of a roster. */
export interface RosterSettings {
  /** How long a peer without a live link stays present, in milliseconds. */
  readonly leaveMs: number
  /** How long a name must be accepted until it is held, and how long the first rosters are waited for, in milliseconds. */
  readonly settleMs: number
  /** Claims of one session, accepted and refused ones together. */
  readonly maxClaims: number
  /** The key of this node, with security. */
  readonly publicKey?: string | undefined
  /** Who the peers of this node are, as this node shows them; those of others, as their sessions say. */
  readonly identity?: PeerIdentity | undefined
}

/** What a roster tells its node. None of these may throw. */
export interface RosterPorts {
  readonly clock: Clock

  /** Tells the other side of a session that its claim is accepted. */
  accept(session: string, incarnation: string): void
  /** Tells the other side of a session that its claim is refused, maybe after it was accepted: streams of that peer end. */
  refuse(session: string, refusal: ClaimRefusal): void
  /** Tells the other sides of all sessions what this node claims: a new claim, or other contents of a known one. */
  announce(claim: PeerClaim): void
  /** Tells the other sides of all sessions that a peer of this node is not present any more. */
  withdraw(incarnation: string): void

  /** A peer is present; for one incarnation this and `left` alternate. */
  joined(peer: RosterPeer): void
  /** The sessions, answers or epoch of a present peer are others. */
  changed(peer: RosterPeer): void
  left(peer: RosterPeer, reason: LeaveReason): void
  suspected(peer: RosterPeer): void
  recovered(peer: RosterPeer): void
  /** Two holders of a name met, of which one has won. */
  conflict(winner: PeerRef, losers: readonly PeerRef[]): void
  /** The first rosters of all links that were being opened are known, or were waited for long enough. Once. */
  complete(): void

  /** The other side of a session accepts a peer of this node: streams may be opened in its name. */
  accepted(session: string, incarnation: string): void
  /**
   * A peer of this node does not have its name: with the other side of a session, or anywhere, if the session is `undefined`.
   *
   * It is accepted later when the holder leaves: `accepted`, or `regained`.
   */
  refused(session: string | undefined, incarnation: string, error: RivuletError): void
  /** A peer of this node has its name again, after `refused` without a session. */
  regained(incarnation: string): void

  /** What another node did wrong; at most a few in a time. */
  report(error: RivuletError): void
}

/** What a node reports to its roster, and asks it. Facts about sessions that have not begun or have ended are ignored. */
export interface RosterFacts {
  /** This node dials an endpoint, or waits for a list of endpoints: `complete` waits for its first roster. */
  opening(address: string): void
  /** There is nothing to wait for: the endpoint is removed, or the list is known. `completed` does this for its session. */
  opened(address: string): void

  /** Everything that is dialed from the beginning is reported. */
  start(): void

  /** @param dialed - The address given to `opening`; `undefined` for an accepted session. */
  began(session: string, dialed: string | undefined): void
  /**
   * Which node is at the other end of a session: the first fact of its roster.
   *
   * @param identity - Whose key the other side has proven to own; where this side dialed, that of the server.
   * @returns why the session is of no use; its claims are ignored then.
   */
  met(session: string, node: string, identity: PeerIdentity | undefined): RivuletError | undefined
  /** The other node claims a name, or says something new of a claim. */
  claim(session: string, claim: PeerClaim): void
  withdrawn(session: string, incarnation: string): void
  /** The other node has said all claims that it had when the session began. */
  completed(session: string): void
  status(session: string, status: 'live' | 'cut' | 'ended'): void
  suspect(session: string, isSuspected: boolean): void
  /** What the other node said of claims of this node. */
  answered(session: string, accepted: readonly string[], refused: readonly ClaimRefusal[]): void

  /** A peer of this node begins; returns why it cannot, with nothing changed. */
  addLocal(claim: PeerClaim): RivuletError | undefined
  /** The answers of a peer of this node are others. */
  changeLocal(incarnation: string, answers: ReadonlyMap<string, number>): void
  removeLocal(incarnation: string): void

  /** What this node claims on a session that begins, before `completed`. */
  readonly claims: readonly PeerClaim[]
  /** Whether `complete` was reported. */
  readonly isComplete: boolean
  /** The present peers, those of this node included. */
  readonly peers: readonly RosterPeer[]
  /** The holder of a name. */
  find(name: string): RosterPeer | undefined
  /** The present peer of an incarnation and a key, see `memberOf`. */
  get(member: string): RosterPeer | undefined
  /** The present peer of an incarnation at the other side of a session. */
  peerOn(session: string, incarnation: string): RosterPeer | undefined
  /** Whether the other side of a session accepts a peer of this node. */
  isAccepted(session: string, incarnation: string): boolean
  /** Whether a peer of the other side of a session is present, so that what it sends over that session is taken. */
  isPresent(session: string, incarnation: string): boolean
}
