/**
 * What a client knows of its views: what each host has said, and what that comes to.
 *
 * Pure but for a clock. An entry is there while one host has it. What a lost host has said holds until a settled host at its
 * place has said what there is, or for `staleMs` against the other hosts. While no host can know that something is gone, nothing is.
 */
import { type Clock, DeadlineSweep } from '../../src/clock/index.js'
import { type Announced, type View, type ViewChange, viewKey } from './wire.js'

/** What becomes of a change. */
export type Applied =
  | 'applied'
  /** Something between is missing: the view is to be asked for again. */
  | 'missed'
  /** The view is not watched, or there are more entries than a view may have. */
  | 'ignored'

/** Entries of one view. */
const maxEntries = 65_536

/** What a client needs of its clock and its user. */
export interface MergedViewsPorts {
  readonly clock: Clock
  /** How long what a lost host has said is believed against other hosts, in milliseconds. */
  readonly staleMs: number
  /** The entries of a view may have changed. */
  changed(view: View): void
}

interface KnownView {
  /** The version of the host; 0 while the snapshot is incomplete. */
  version: number
  readonly entries: Map<string, Announced>
  /** What has come of a snapshot, and its version. */
  incoming: { version: number; readonly entries: Map<string, Announced> } | undefined
}

/** What one session with a host has said. */
export class HostKnowledge {
  /** The address that was dialed, which the next host at that place has, too. */
  readonly place: string | undefined
  readonly views = new Map<string, KnownView>()
  /** The host, once it has opened: random for each start of one. */
  host = ''
  /** Whether what it does not say is absent. */
  isSettled = false
  isConnected = false
  openedAt = 0
  /** Since when it is not connected. */
  lostAt = 0

  constructor(place: string | undefined) {
    this.place = place
  }
}

interface Merged {
  readonly view: View
  entries: Map<string, Announced>
  /** Whether a host has said what there is. */
  isKnown: boolean
}

/** The views of one client, over all hosts. */
export class MergedViews {
  readonly #ports: MergedViewsPorts
  readonly #merged = new Map<string, Merged>()
  readonly #hosts = new Set<HostKnowledge>()
  readonly #sweep: DeadlineSweep

  constructor(ports: MergedViewsPorts) {
    this.#ports = ports
    this.#sweep = new DeadlineSweep(ports.clock, (now) => this.#forgetStale(now))
  }

  /** The views that are watched. */
  get watched(): readonly View[] {
    return [...this.#merged.values()].map(({ view }) => view)
  }

  /** Watches a view. */
  watch(view: View): void {
    const key = viewKey(view)
    if (!this.#merged.has(key)) this.#merged.set(key, { view, entries: new Map(), isKnown: false })
  }

  /** Watches a view no more, and forgets it. */
  unwatch(view: View): void {
    const key = viewKey(view)
    this.#merged.delete(key)
    for (const host of this.#hosts) host.views.delete(key)
  }

  /** What is there, by instance; `undefined` as long as no host has said it. */
  entries(view: View): ReadonlyMap<string, Announced> | undefined {
    const merged = this.#merged.get(viewKey(view))
    return merged?.isKnown ? merged.entries : undefined
  }

  /** A host has opened a stream: it sends every view from the start. */
  opened(knowledge: HostKnowledge, host: string, isSettled: boolean): void {
    if (knowledge.host !== '' && knowledge.host !== host) this.#detach(knowledge)
    this.#hosts.add(knowledge)
    knowledge.host = host
    knowledge.isConnected = true
    knowledge.openedAt = this.#ports.clock.now()
    for (const known of knowledge.views.values()) {
      known.version = 0
      known.incoming = undefined
    }
    knowledge.isSettled = isSettled
    if (!isSettled) this.#sweep.watch(knowledge.openedAt + this.#ports.staleMs)
  }

  /** The grace period of a host has ended. */
  settled(knowledge: HostKnowledge): void {
    knowledge.isSettled = true
    for (const [key, known] of knowledge.views) {
      if (known.version > 0) this.#replaceLost(knowledge, key)
      this.#merge(key)
    }
    this.#look()
  }

  /** The stream or the connection of a host was lost; what it has said is believed for a while. */
  lost(knowledge: HostKnowledge): void {
    if (!knowledge.isConnected) return
    knowledge.isConnected = false
    knowledge.lostAt = this.#ports.clock.now()
    this.#sweep.watch(knowledge.lostAt + this.#ports.staleMs)
  }

  /** The connection of a host is back, and its stream continues. */
  resumed(knowledge: HostKnowledge): void {
    if (knowledge.host === '') return
    knowledge.isConnected = true
    this.#hosts.add(knowledge)
    for (const key of knowledge.views.keys()) this.#merge(key)
    this.#look()
  }

  /** Takes a change of a view. */
  change(knowledge: HostKnowledge, change: ViewChange): Applied {
    const key = viewKey(change.view)
    if (!this.#merged.has(key)) return 'ignored'
    const { since, version, complete, present = [], gone = [] } = change
    const known = knowledge.views.get(key) ?? this.#newView(knowledge, key)
    if (since === 0) known.incoming = { version: 0, entries: new Map() }
    const { incoming } = known
    if ((incoming ?? known).version !== since) return 'missed'
    const entries = incoming?.entries ?? known.entries
    if (entries.size + present.length > maxEntries) return 'ignored'
    for (const instance of gone) entries.delete(instance)
    for (const announced of present) entries.set(announced.instance, announced)
    if (incoming === undefined) {
      known.version = version
      this.#goneAt(knowledge, key, gone)
    } else if (complete) {
      knowledge.views.set(key, { version, entries, incoming: undefined })
      this.#replaceLost(knowledge, key)
      this.#look()
    } else {
      incoming.version = version
      return 'applied'
    }
    this.#merge(key)
    return 'applied'
  }

  /** Ends its timer. */
  close(): void {
    this.#sweep.stop()
  }

  #newView(knowledge: HostKnowledge, key: string): KnownView {
    const view: KnownView = { version: 0, entries: new Map(), incoming: undefined }
    knowledge.views.set(key, view)
    return view
  }

  /** The same session speaks for another host: what was known becomes that of a lost one. */
  #detach(knowledge: HostKnowledge): void {
    const former = new HostKnowledge(knowledge.place)
    former.host = knowledge.host
    former.lostAt = this.#ports.clock.now()
    for (const [key, known] of knowledge.views) former.views.set(key, known)
    knowledge.views.clear()
    this.#hosts.add(former)
    this.#sweep.watch(former.lostAt + this.#ports.staleMs)
  }

  /** A host has said all of a view: it takes the place of what it has said before, and once it is settled of the one before it. */
  #replaceLost(knowledge: HostKnowledge, key: string): void {
    for (const other of this.#lost()) {
      if (other === knowledge) continue
      if (other.host === knowledge.host || (knowledge.isSettled && isSamePlace(other, knowledge)))
        this.#drop(other, key)
    }
  }

  /** A host has said that instances are gone: so did the one before it. */
  #goneAt(knowledge: HostKnowledge, key: string, gone: readonly string[]): void {
    for (const other of this.#lost()) {
      if (other.host !== knowledge.host && !isSamePlace(other, knowledge)) continue
      for (const instance of gone) other.views.get(key)?.entries.delete(instance)
    }
  }

  #drop(knowledge: HostKnowledge, key: string): void {
    knowledge.views.delete(key)
    if (knowledge.views.size === 0 && !knowledge.isConnected) this.#hosts.delete(knowledge)
  }

  #lost(): HostKnowledge[] {
    return [...this.#hosts].filter(({ isConnected }) => !isConnected)
  }

  /** Whether a connected host says what there is, so that what nobody has is gone. */
  #isCertain(key: string): boolean {
    for (const { isConnected, isSettled, views } of this.#hosts) {
      if (isConnected && isSettled && (views.get(key)?.version ?? 0) > 0) return true
    }
    return false
  }

  /** Finds what a view comes to: what any host has said, and has not taken back. */
  #merge(key: string): void {
    const merged = this.#merged.get(key)
    if (merged === undefined) return
    const entries = new Map<string, Announced>()
    for (const { views } of this.#hosts) {
      const known = views.get(key)
      if (known === undefined) continue
      for (const [instance, announced] of known.entries) {
        const other = entries.get(instance)
        if (other === undefined || other.revision < announced.revision) entries.set(instance, announced)
      }
      if (known.version > 0) merged.isKnown = true
    }
    merged.entries = entries
    this.#ports.changed(merged.view)
  }

  #look(): void {
    this.#sweep.watch(this.#forgetStale(this.#ports.clock.now()))
  }

  /** Forgets what lost hosts have said too long ago, where others say what there is; returns when to look again. */
  #forgetStale(now: number): number {
    const { staleMs } = this.#ports
    let next = Number.POSITIVE_INFINITY
    let isSettling = false
    for (const host of this.#hosts) {
      if (!host.isConnected || host.isSettled) continue
      if (host.openedAt + staleMs > now) {
        isSettling = true
        next = Math.min(next, host.openedAt + staleMs)
      } else this.settled(host) // none takes so long
    }
    for (const host of this.#lost()) {
      const due = host.lostAt + staleMs
      if (due > now) {
        next = Math.min(next, due)
        continue
      }
      // a host that has just started may not know yet what this one knew
      if (isSettling) continue
      for (const key of [...host.views.keys()]) {
        if (!this.#isCertain(key)) continue
        this.#drop(host, key)
        this.#merge(key)
      }
    }
    return next
  }
}

function isSamePlace({ place }: HostKnowledge, other: HostKnowledge): boolean {
  return place !== undefined && place === other.place
}
