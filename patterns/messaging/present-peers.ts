/**
 * Who is present, kept once for all peers of a node, and what happens to them: each change is shown to all of these peers.
 *
 * Which change a peer shows later than others, its `Presence` decides; who is present, the roster.
 */
import type { PeerRef } from './peer-claim.js'
import { Change, completeEvent, type PresenceEvent } from './presence-event.js'
import type { RosterPeer } from './roster-contract.js'

/** One peer that changes are shown to. */
export interface PresenceViewer {
  /** Takes a change which is about to be made; `flush` shows it. */
  take(change: Change): void
  /** Takes events to show, which change nothing. */
  push(events: readonly PresenceEvent[]): void
  /** Calls the subscribers. */
  flush(): void
}

/** The present peers of one node, those included that it has itself. */
export class PresentPeers {
  readonly #viewers = new Set<PresenceViewer>()
  readonly #present = new Map<string, PeerRef>()
  /** The names of those of them that are suspected. */
  readonly #suspected = new Set<string>()
  #isComplete = false

  /** Whether `complete` was called. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The present peers, by name. */
  get entries(): Iterable<readonly [name: string, peer: PeerRef]> {
    return this.#present
  }

  /** The present peer of a name. */
  get(name: string): PeerRef | undefined {
    return this.#present.get(name)
  }

  /** Whether the present peer of a name is suspected. */
  isSuspected(name: string): boolean {
    return this.#suspected.has(name)
  }

  /** Shows changes to one more peer, from now on. */
  add(viewer: PresenceViewer): void {
    this.#viewers.add(viewer)
  }

  /** Shows a peer nothing any more. */
  delete(viewer: PresenceViewer): void {
    this.#viewers.delete(viewer)
  }

  joined({ ref, isSuspected }: RosterPeer): void {
    this.#change(new Change('joined', ref, isSuspected))
  }

  left({ ref, isSuspected }: RosterPeer): void {
    this.#change(new Change('left', ref, isSuspected))
  }

  suspected({ ref }: RosterPeer): void {
    this.#change(new Change('suspected', ref, true))
  }

  recovered({ ref }: RosterPeer): void {
    this.#change(new Change('recovered', ref, false))
  }

  conflict(winner: PeerRef, losers: readonly PeerRef[]): void {
    this.#show([Object.freeze({ kind: 'conflict', peer: winner, losers })])
  }

  /** The peers that were present at the beginning are known. */
  complete(): void {
    if (this.#isComplete) return
    this.#isComplete = true
    this.#show([completeEvent])
  }

  /** Makes a change for all at once: a subscriber that looks at another peer of the node when it is called sees it, too. */
  #change(change: Change): void {
    const { kind, peer, isSuspected } = change
    const viewers = [...this.#viewers]
    for (const viewer of viewers) viewer.take(change)
    if (kind === 'joined') this.#present.set(peer.name, peer)
    else if (kind === 'left') this.#present.delete(peer.name)
    if (isSuspected && this.#present.has(peer.name)) this.#suspected.add(peer.name)
    else this.#suspected.delete(peer.name)
    for (const viewer of viewers) viewer.flush()
  }

  #show(events: readonly PresenceEvent[]): void {
    const viewers = [...this.#viewers]
    for (const viewer of viewers) viewer.push(events)
    for (const viewer of viewers) viewer.flush()
  }
}
