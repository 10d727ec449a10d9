/**
 * What happens to peers, as subscribers of `presence` are given it, and a change as it is made: one object for all subscribers of
 * all peers of a process.
 */
import type { PeerRef } from './peer-claim.js'

/** What happens to the peers that a peer sees. */
export type PresenceEvent =
  | {
      /**
       * What happened to the peer:
       * - `joined`: it is present
       * - `left`: it is not present any more, and none of its messages follows, apart from those that nobody consumed until then
       * - `suspected`: it is connected and silent; it may be busy
       * - `recovered`: it was suspected and is heard again
       */
      readonly kind: 'joined' | 'left' | 'suspected' | 'recovered'
      /** The peer that it happened to. */
      readonly peer: PeerRef
    }
  | {
      /** The peers that were present at the beginning have been reported. */
      readonly kind: 'complete'
    }
  | {
      /** Several peers hold one name, as after a partition: one of them has it from now on, the same everywhere. */
      readonly kind: 'conflict'
      /** The peer that has the name. */
      readonly peer: PeerRef
      /** Those that have lost it. */
      readonly losers: readonly PeerRef[]
    }

/** The peers that were present at the beginning have been reported. */
export const completeEvent: PresenceEvent = Object.freeze({ kind: 'complete' })

/** A change of one name. */
export class Change {
  readonly kind: 'joined' | 'left' | 'suspected' | 'recovered'
  readonly peer: PeerRef
  readonly isSuspected: boolean
  /** What subscribers are given. */
  readonly events: readonly PresenceEvent[]

  constructor(kind: Change['kind'], peer: PeerRef, isSuspected: boolean) {
    this.kind = kind
    this.peer = peer
    this.isSuspected = isSuspected
    const event = Object.freeze({ kind, peer })
    this.events = kind === 'joined' && isSuspected ? [event, Object.freeze({ kind: 'suspected', peer })] : [event]
  }
}
