/**
 * What one host knows: the announcements and their owners, how long they hold, and how each view has changed.
 *
 * Pure but for a clock. It knows no streams: a holder is whatever carries announcements, and a watcher is notified of changes.
 *
 * An announcement is held by the streams of its client. Without a connected one it ends after `leaseMs`; in the grace period
 * at the start none ends that way, so that clients of the host before this one have time to announce again.
 */
import { type Clock, DeadlineSweep } from '../../src/clock/index.js'
import { type ErrorCode, RivuletError } from '../../src/errors/index.js'
import { type Announced, type Revision, viewKey, viewOf } from './wire.js'

/** What a host decides about its announcements. */
export interface RegistrySettings {
  /** How long an announcement holds without a connection of its client, in milliseconds. */
  readonly leaseMs: number
  /** How long none ends that way after the start, in milliseconds. */
  readonly graceMs: number
  /** Announcements of all clients, and of one client or key. */
  readonly maxAnnouncements: number
  readonly maxClientAnnouncements: number
}

/** Whose an announcement is. */
export interface Owner {
  /** What its client calls itself; secret between it and its hosts. */
  readonly client: string
  /** The public key of the client; the empty text without security. */
  readonly key: string
}

/** What carries announcements of one client. */
export interface Holder {
  readonly owner: Owner
  /** Its announcements have ended without its connection: what comes on it is no longer taken. */
  lapsed(): void
}

/** Who is notified of changes. */
export interface Watcher {
  /** An instance of a view has come, changed or gone. */
  changed(key: string, instance: string): void
  /** The grace period has ended. */
  settled(): void
}

/** One view of a host. */
export interface RegistryView {
  /** Raised by each change. */
  readonly version: number
  readonly entries: ReadonlyMap<string, Announced>
}

/** How late a timer may be before the process has stood still, in milliseconds. */
const punctualMs = 100

interface Entry {
  announced: Announced
  readonly owner: Owner
  readonly key: string
  readonly holders: Set<Holder>
  /** Since when no holder has been connected, on the clock; infinity while one is. */
  cutAt: number
}

interface ChangingView extends RegistryView {
  version: number
  readonly entries: Map<string, Announced>
  readonly watchers: Set<Watcher>
}

/** The announcements of one host. */
export class Registry {
  readonly #settings: RegistrySettings
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()
  readonly #views = new Map<string, ChangingView>()
  readonly #watchers = new Set<Watcher>()
  /** Announcements by client or key. */
  readonly #counts = new Map<string, number>()
  readonly #names = new Map<string, string[]>()
  readonly #holders = new Map<Holder, { isConnected: boolean; readonly entries: Set<Entry> }>()
  readonly #sweep: DeadlineSweep
  #graceEnd: number
  #isSettled: boolean
  /** When the timer should fire. */
  #dueAt = Number.POSITIVE_INFINITY
  /** Announcements that ended without a word of their client. */
  expired = 0

  constructor(settings: RegistrySettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
    this.#sweep = new DeadlineSweep(clock, (now) => this.#expire(now))
    this.#graceEnd = clock.now() + settings.graceMs
    this.#isSettled = settings.graceMs === 0
    if (!this.#isSettled) this.#watch(this.#graceEnd)
  }

  /** Whether the grace period has ended: what is not known now is not there. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  get size(): number {
    return this.#entries.size
  }

  /** Adds a holder, which is connected. */
  enter(holder: Holder): void {
    this.#holders.set(holder, { isConnected: true, entries: new Set() })
  }

  /** Removes a holder: what it alone held ends after its lease. */
  leave(holder: Holder): void {
    const held = this.#holders.get(holder)
    if (held === undefined) return
    this.#holders.delete(holder)
    for (const entry of held.entries) {
      entry.holders.delete(holder)
      this.#checkCut(entry)
    }
  }

  /** The connection of a holder was lost, or is back. */
  connected(holder: Holder, isConnected: boolean): void {
    const held = this.#holders.get(holder)
    if (held === undefined || held.isConnected === isConnected) return
    held.isConnected = isConnected
    for (const entry of held.entries) this.#checkCut(entry)
  }

  /** Takes an announcement, or the next revision of one; returns why it does not. */
  announce(holder: Holder, announced: Announced): RivuletError | undefined {
    const { owner } = holder
    const known = this.#entries.get(announced.instance)
    if (known !== undefined && !isSame(known.owner, owner)) {
      return refused('RIVULET_PERMISSION_DENIED', `instance ${announced.instance} was announced by another client`)
    }
    const key = viewKey(viewOf(announced))
    if (known !== undefined && (known.key !== key || known.announced.name !== announced.name)) {
      return refused('RIVULET_INVALID_REQUEST', 'an announcement keeps its name')
    }
    const entry = known ?? this.#add(announced, owner, key)
    if (entry instanceof RivuletError) return entry
    if (entry.announced.revision < announced.revision) {
      entry.announced = announced
      this.#show(entry)
    }
    entry.holders.add(holder)
    this.#holders.get(holder)?.entries.add(entry)
    this.#checkCut(entry)
    return undefined
  }

  /** Takes back an announcement of the same client. */
  withdraw({ owner }: Holder, { instance, revision }: Revision): void {
    const entry = this.#entries.get(instance)
    if (entry === undefined || !isSame(entry.owner, owner) || entry.announced.revision > revision) return
    this.#remove(entry)
  }

  /** A client has announced all that it has, up to a revision: what it has announced before and not again is gone. */
  completed(holder: Holder, revision: number): void {
    const mine = this.#holders.get(holder)?.entries
    for (const entry of this.#entries.values()) {
      if (!isSame(entry.owner, holder.owner) || entry.announced.revision > revision || mine?.has(entry)) continue
      this.#remove(entry)
    }
  }

  /** Notifies a watcher of the end of the grace period, until it is removed. */
  attend(watcher: Watcher): void {
    this.#watchers.add(watcher)
  }

  /** Watches nothing more. */
  dismiss(watcher: Watcher): void {
    this.#watchers.delete(watcher)
  }

  /** Watches a view, and returns it; it changes as time goes by. */
  watch(key: string, watcher: Watcher): RegistryView {
    const view = this.#viewOf(key)
    view.watchers.add(watcher)
    return view
  }

  /** Watches a view no more. */
  unwatch(key: string, watcher: Watcher): void {
    const view = this.#views.get(key)
    if (view === undefined) return
    view.watchers.delete(watcher)
    this.#forget(key, view)
  }

  /** Ends its timer. */
  close(): void {
    this.#sweep.stop()
  }

  #add(announced: Announced, owner: Owner, key: string): Entry | RivuletError {
    const { maxAnnouncements, maxClientAnnouncements } = this.#settings
    const counted = owner.key || owner.client
    const count = this.#counts.get(counted) ?? 0
    if (count >= maxClientAnnouncements) {
      const text = `the client has ${count} announcements, as many as the host takes of one client or key (maxClientAnnouncements)`
      return refused('RIVULET_DIRECTORY_FULL', text)
    }
    if (this.#entries.size >= maxAnnouncements) {
      return refused(
        'RIVULET_DIRECTORY_FULL',
        `the host has ${maxAnnouncements} announcements, as many as it takes (maxAnnouncements)`,
      )
    }
    const keys = announced.role === 'PEER' ? this.#peerKeys(announced.name) : undefined
    if (owner.key !== '' && keys !== undefined && keys.length > 0 && !keys.includes(owner.key)) {
      return refused('RIVULET_NAME_TAKEN', `the name '${announced.name}' belongs to a peer with another key`)
    }
    keys?.push(owner.key)
    const entry: Entry = { announced, owner, key, holders: new Set(), cutAt: Number.POSITIVE_INFINITY }
    this.#entries.set(announced.instance, entry)
    this.#counts.set(counted, count + 1)
    this.#show(entry)
    return entry
  }

  #remove(entry: Entry): void {
    const { owner, announced, key } = entry
    this.#entries.delete(announced.instance)
    const counted = owner.key || owner.client
    const count = (this.#counts.get(counted) ?? 1) - 1
    if (count === 0) this.#counts.delete(counted)
    else this.#counts.set(counted, count)
    for (const holder of entry.holders) this.#holders.get(holder)?.entries.delete(entry)
    if (announced.role === 'PEER') this.#releaseName(announced.name, owner.key)
    const view = this.#viewOf(key)
    view.entries.delete(announced.instance)
    this.#changed(key, view, announced.instance)
    this.#forget(key, view)
  }

  /** The keys of those who have announced a peer of a name, one for each. */
  #peerKeys(name: string): string[] {
    const keys = this.#names.get(name) ?? []
    this.#names.set(name, keys)
    return keys
  }

  #releaseName(name: string, key: string): void {
    const keys = this.#peerKeys(name)
    keys.splice(keys.indexOf(key), 1)
    if (keys.length === 0) this.#names.delete(name)
  }

  #show({ key, announced }: Entry): void {
    const view = this.#viewOf(key)
    view.entries.set(announced.instance, announced)
    this.#changed(key, view, announced.instance)
  }

  #changed(key: string, view: ChangingView, instance: string): void {
    view.version += 1
    for (const watcher of view.watchers) watcher.changed(key, instance)
  }

  #viewOf(key: string): ChangingView {
    const known = this.#views.get(key)
    if (known !== undefined) return known
    const view: ChangingView = { version: 1, entries: new Map(), watchers: new Set() }
    this.#views.set(key, view)
    return view
  }

  #forget(key: string, { entries, watchers }: ChangingView): void {
    if (entries.size === 0 && watchers.size === 0) this.#views.delete(key)
  }

  /** Whether a holder of an entry is connected has changed. */
  #checkCut(entry: Entry): void {
    const isCut = ![...entry.holders].some((holder) => this.#holders.get(holder)?.isConnected)
    if (isCut !== (entry.cutAt === Number.POSITIVE_INFINITY)) return
    entry.cutAt = isCut ? this.#clock.now() : Number.POSITIVE_INFINITY
    if (isCut) this.#watch(this.#endOf(entry))
  }

  /** When an entry ends, if no holder comes back. */
  #endOf({ cutAt }: Entry): number {
    const end = cutAt + this.#settings.leaseMs
    return this.#isSettled ? end : Math.max(end, this.#graceEnd)
  }

  #watch(deadline: number): void {
    this.#dueAt = Math.min(this.#dueAt, deadline)
    this.#sweep.watch(deadline)
  }

  /** Ends what is due, and returns when the next is. */
  #expire(now: number): number {
    const lateMs = now - this.#dueAt
    this.#dueAt = Number.POSITIVE_INFINITY
    // who stood still has not heard of those that are back: they have fresh time
    if (lateMs > Math.max(this.#settings.leaseMs / 4, punctualMs)) this.#beginAgain(now)
    if (!this.#isSettled && now >= this.#graceEnd) {
      this.#isSettled = true
      for (const watcher of this.#watchers) watcher.settled()
    }
    let next = this.#isSettled ? Number.POSITIVE_INFINITY : this.#graceEnd
    for (const entry of this.#entries.values()) {
      const end = this.#endOf(entry)
      if (end > now) next = Math.min(next, end)
      else this.#lapse(entry)
    }
    this.#dueAt = Math.min(this.#dueAt, next)
    return next
  }

  /** All leases and the grace period begin now. */
  #beginAgain(now: number): void {
    this.#graceEnd = now + this.#settings.graceMs
    for (const entry of this.#entries.values()) if (entry.cutAt < now) entry.cutAt = now
  }

  #lapse(entry: Entry): void {
    this.expired += 1
    const holders = [...entry.holders]
    this.#remove(entry)
    for (const holder of holders) holder.lapsed()
  }
}

function isSame(one: Owner, other: Owner): boolean {
  return one.client === other.client && one.key === other.key
}

function refused(code: ErrorCode, message: string): RivuletError {
  return new RivuletError(code, message, { executed: 'no' })
}
