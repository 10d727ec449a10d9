/**
 * What one peer sees of the others: a snapshot for each subscriber, a marker that it is complete, then changes.
 *
 * That an incarnation has left shows when the mailbox of this peer has handed out all that it holds of it, and its successor
 * joins behind that. Who is present is decided by the roster, and kept once for all peers of a node: `present-peers.ts`.
 */
import { Observable, type Subscriber } from 'rxjs'
import { memberOf, type PeerRef } from './peer-claim.js'
import { Change, completeEvent, type PresenceEvent } from './presence-event.js'
import type { PresenceViewer, PresentPeers } from './present-peers.js'

/** What is behind the present, of one name: what is still shown of it, and the changes that wait. */
interface Behind {
  shown: PeerRef | undefined
  isSuspected: boolean
  /** The first one is that an incarnation has left of which there are messages. */
  readonly changes: Change[]
}

/** The presence of the other peers, as one peer sees it. */
export class Presence implements PresenceViewer {
  /** Hot after its snapshot: each subscriber is given its own. Completes when the peer closes. */
  readonly events: Observable<PresenceEvent>
  readonly #self: string
  readonly #present: PresentPeers
  readonly #holds: (member: string) => boolean
  /** Names of which it shows something else than its node knows: a process may have very many peers, which see the same. */
  readonly #behind = new Map<string, Behind>()
  readonly #outlets = new Set<Outlet>()
  #isClosed = false

  /**
   * @param self - The incarnation and key of the peer that looks (see `memberOf`), which it does not see.
   * @param present - Who is present: it is to be added there.
   * @param holds - Whether the mailbox holds messages of such a one; `handedOut` is to be called when it does not any more.
   */
  constructor(self: string, present: PresentPeers, holds: (member: string) => boolean) {
    this.#self = self
    this.#present = present
    this.#holds = holds
    this.events = new Observable((subscriber) => this.#subscribed(subscriber))
  }

  /** The peers that are shown as present. */
  get peers(): readonly PeerRef[] {
    return this.#shown().map(({ peer }) => peer)
  }

  take(change: Change): void {
    const { name } = change.peer
    const member = memberOf(change.peer)
    if (member === this.#self) return
    const behind = this.#behind.get(name)
    if (behind !== undefined) {
      this.#append(behind.changes, change)
      this.#show(name)
    } else if (change.kind === 'left' && this.#holds(member)) {
      const isSuspected = this.#present.isSuspected(name)
      this.#behind.set(name, { shown: this.#present.get(name), isSuspected, changes: [change] })
    } else {
      this.push(change.events)
    }
  }

  push(events: readonly PresenceEvent[]): void {
    for (const outlet of this.#outlets) for (const event of events) outlet.push(event)
  }

  flush(): void {
    for (const outlet of [...this.#outlets]) outlet.flush()
  }

  /** The mailbox holds no more messages of an incarnation. */
  handedOut({ name }: PeerRef): void {
    if (!this.#behind.has(name)) return
    this.#show(name)
    this.flush()
  }

  /** The peer has closed. */
  close(): void {
    this.#isClosed = true
    for (const outlet of [...this.#outlets]) outlet.complete()
    this.#outlets.clear()
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
        this.#append(waiting, new Change(isSuspected ? 'suspected' : 'recovered', peer, isSuspected))
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
    const behind = this.#behind.get(name)
    if (behind === undefined) return
    const { changes } = behind
    for (let change = changes[0]; change !== undefined; change = changes[0]) {
      const { kind, peer, isSuspected } = change
      if (kind === 'left' && this.#holds(memberOf(peer))) return
      changes.shift()
      if (kind === 'joined') behind.shown = peer
      else if (kind === 'left') behind.shown = undefined
      behind.isSuspected = isSuspected
      this.push(change.events)
    }
    this.#behind.delete(name)
  }

  /** What it shows now: what its node knows, apart from the names of which it is behind. */
  #shown(): { readonly peer: PeerRef; readonly isSuspected: boolean }[] {
    const seen: { peer: PeerRef; isSuspected: boolean }[] = []
    const add = (peer: PeerRef | undefined, isSuspected: boolean) => {
      if (peer !== undefined && memberOf(peer) !== this.#self) seen.push({ peer, isSuspected })
    }
    for (const { shown, isSuspected } of this.#behind.values()) add(shown, isSuspected)
    for (const [name, peer] of this.#present.entries)
      if (!this.#behind.has(name)) add(peer, this.#present.isSuspected(name))
    return seen
  }

  #subscribed(subscriber: Subscriber<PresenceEvent>): () => void {
    if (this.#isClosed) {
      subscriber.complete()
      return () => {}
    }
    const outlet = new Outlet(subscriber)
    for (const { peer, isSuspected } of this.#shown())
      for (const event of new Change('joined', peer, isSuspected).events) outlet.push(event)
    if (this.#present.isComplete) outlet.push(completeEvent)
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
