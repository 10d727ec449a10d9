/**
 * What one peer sees of the others: a snapshot for each subscriber, a marker that it is complete, then changes.
 *
 * That an incarnation has left shows when the mailbox of this peer has handed out all that it holds of it, and its successor
 * joins behind that. Who is present is decided by the roster.
 */
import { Observable, type Subscriber } from 'rxjs'
import { memberOf, type PeerRef } from './peer-claim.js'
import type { RosterPeer } from './roster-contract.js'

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

/** A change of one name that is to be shown. */
interface Change {
  readonly kind: 'joined' | 'left' | 'suspected' | 'recovered'
  readonly peer: PeerRef
  readonly isSuspected: boolean
}

/** The presence of the other peers, as one peer sees it. */
export class Presence {
  /** Hot after its snapshot: each subscriber is given its own. Completes when the peer closes. */
  readonly events: Observable<PresenceEvent>
  readonly #self: string
  readonly #holds: (member: string) => boolean
  /** By name: a successor is shown behind its predecessor. */
  readonly #shown = new Map<string, PeerRef>()
  /** The names of those of them that are suspected. */
  readonly #suspected = new Set<string>()
  /** Changes that wait, by name: the first one is that an incarnation has left of which there are messages. */
  readonly #waiting = new Map<string, Change[]>()
  readonly #outlets = new Set<Outlet>()
  #isComplete = false
  #isClosed = false

  /**
   * @param self - The incarnation and key of the peer that looks (see `memberOf`), which it does not see.
   * @param holds - Whether the mailbox holds messages of such a one; `handedOut` is to be called when it does not any more.
   */
  constructor(self: string, holds: (member: string) => boolean) {
    this.#self = self
    this.#holds = holds
    this.events = new Observable((subscriber) => this.#subscribed(subscriber))
  }

  /** The peers that are shown as present. */
  get peers(): readonly PeerRef[] {
    return [...this.#shown.values()]
  }

  joined({ ref, isSuspected }: RosterPeer): void {
    this.#change({ kind: 'joined', peer: ref, isSuspected })
  }

  left({ ref, isSuspected }: RosterPeer): void {
    this.#change({ kind: 'left', peer: ref, isSuspected })
  }

  suspected({ ref }: RosterPeer): void {
    this.#change({ kind: 'suspected', peer: ref, isSuspected: true })
  }

  recovered({ ref }: RosterPeer): void {
    this.#change({ kind: 'recovered', peer: ref, isSuspected: false })
  }

  conflict(winner: PeerRef, losers: readonly PeerRef[]): void {
    this.#emit({ kind: 'conflict', peer: winner, losers })
  }

  complete(): void {
    if (this.#isComplete) return
    this.#isComplete = true
    this.#emit({ kind: 'complete' })
  }

  /** The mailbox holds no more messages of an incarnation. */
  handedOut({ name }: PeerRef): void {
    if (this.#waiting.has(name)) this.#show(name)
  }

  /** The peer has closed. */
  close(): void {
    this.#isClosed = true
    for (const outlet of [...this.#outlets]) outlet.complete()
    this.#outlets.clear()
  }

  #change(change: Change): void {
    const { name } = change.peer
    const member = memberOf(change.peer)
    if (member === this.#self) return
    const waiting = this.#waiting.get(name)
    if (waiting === undefined && !(change.kind === 'left' && this.#holds(member))) {
      this.#apply(change)
      return
    }
    const changes = waiting ?? []
    if (waiting === undefined) this.#waiting.set(name, changes)
    this.#append(changes, change)
    this.#show(name)
  }

  /** Appends a change, without those that cancel each other out: what waits is bounded by what the mailbox holds. */
  #append(waiting: Change[], change: Change): void {
    const { kind, peer, isSuspected } = change
    const last = waiting.at(-1)
    const member = memberOf(peer)
    const isOfLast = last !== undefined && memberOf(last.peer) === member
    if (kind === 'joined' && isOfLast && last.kind === 'left') {
      // it is back before anybody saw that it had left
      waiting.pop()
      if (last.isSuspected !== isSuspected)
        this.#append(waiting, { ...change, kind: isSuspected ? 'suspected' : 'recovered' })
      return
    }
    if (isOfLast && isOpposite(kind, last.kind)) {
      waiting.pop()
      return
    }
    const at = waiting.findLastIndex((one) => one.kind === 'joined' && memberOf(one.peer) === member)
    if (kind === 'left' && at >= 0 && !this.#holds(member)) waiting.splice(at)
    else waiting.push(change)
  }

  /** Shows the changes of a name up to one that has to wait. */
  #show(name: string): void {
    const waiting = this.#waiting.get(name)
    for (let change = waiting?.[0]; change !== undefined; change = waiting?.[0]) {
      if (change.kind === 'left' && this.#holds(memberOf(change.peer))) return
      waiting?.shift()
      if (waiting?.length === 0) this.#waiting.delete(name)
      this.#apply(change)
    }
    if (waiting?.length === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name)
  }

  #apply({ kind, peer, isSuspected }: Change): void {
    if (kind === 'joined') this.#shown.set(peer.name, peer)
    else if (kind === 'left') this.#shown.delete(peer.name)
    if (isSuspected && this.#shown.has(peer.name)) this.#suspected.add(peer.name)
    else if (this.#suspected.size > 0) this.#suspected.delete(peer.name)
    this.#emit({ kind, peer })
    if (kind === 'joined' && isSuspected) this.#emit({ kind: 'suspected', peer })
  }

  #emit(event: PresenceEvent): void {
    const frozen = Object.freeze(event)
    const outlets = [...this.#outlets]
    for (const outlet of outlets) outlet.push(frozen)
    for (const outlet of outlets) outlet.flush()
  }

  #subscribed(subscriber: Subscriber<PresenceEvent>): () => void {
    if (this.#isClosed) {
      subscriber.complete()
      return () => {}
    }
    const outlet = new Outlet(subscriber)
    for (const peer of this.#shown.values()) {
      outlet.push(Object.freeze({ kind: 'joined', peer }))
      if (this.#suspected.has(peer.name)) outlet.push(Object.freeze({ kind: 'suspected', peer }))
    }
    if (this.#isComplete) outlet.push(Object.freeze({ kind: 'complete' }))
    this.#outlets.add(outlet)
    outlet.flush()
    return () => this.#outlets.delete(outlet)
  }
}

/** What one subscriber is given, in order, whatever it does when it is called. */
class Outlet {
  readonly #subscriber: Subscriber<PresenceEvent>
  readonly #events: PresenceEvent[] = []
  #isFlushing = false
  #isEnding = false

  constructor(subscriber: Subscriber<PresenceEvent>) {
    this.#subscriber = subscriber
  }

  push(event: PresenceEvent): void {
    this.#events.push(event)
  }

  flush(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift())
      this.#subscriber.next(event)
    this.#isFlushing = false
    if (this.#isEnding) this.#subscriber.complete()
  }

  complete(): void {
    this.#isEnding = true
    this.flush()
  }
}

function isOpposite(one: Change['kind'], other: Change['kind']): boolean {
  return (one === 'suspected' && other === 'recovered') || (one === 'recovered' && other === 'suspected')
}
