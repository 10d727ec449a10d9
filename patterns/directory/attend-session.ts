/**
 * One client at a host: holds what it says to what the protocol allows, and tells it what has become of that and of its views.
 *
 * It knows no link: a stream of calls carries it. What a client does not read is not piled up: of a view that it is behind
 * on, it is sent the changes together when there is room.
 */
import type { ConnectionState } from '../../src/call/index.js'
import type { Clock, Timer } from '../../src/clock/index.js'
import type { StreamPorts } from '../../src/conversation/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { OncePerTurn } from '../../src/lifecycle/index.js'
import { defaults } from '../../src/options/index.js'
import { announcementFault, isInstance, isName, isNumber } from './announcement-check.js'
import type { Holder, Owner, Registry, RegistryView, Watcher } from './registry.js'
import {
  type Announced,
  type AttendAnswer,
  type AttendRequest,
  announcedBytes,
  type RefusedAnnouncement,
  type Revision,
  type View,
  type ViewChange,
  viewKey,
} from './wire.js'

/** What a session needs of its host. */
export interface AttendHost {
  readonly id: string
  readonly clock: Clock
  readonly registry: Registry
  /** Views that all clients watch, and how many there may be. */
  readonly watches: { count: number; readonly most: number }
  /** An announcement was refused; its code tells why. */
  refused(error: RivuletError): void
}

/** Who is at the other end, where that is known. */
export interface Attendee {
  /** The public key of the client; the empty text without security. */
  readonly key: string
  /** Whether the policy lets it announce a name. */
  mayAnnounce(name: string): boolean
}

/** Announcements and withdrawals of one request. */
export const maxAnnouncedAtOnce = 1024

/** Outcomes of them in one answer. */
const outcomesAtOnce = 1024

/** What may wait for the link before no more is said, in bytes, and about how much one answer has. */
const unreadBytes = 131_072
const answerBytes = 32_768

/** Announcements and withdrawals that a client may send at once, and then within a second: more are read later. */
const burst = 2048
const perSecond = 4096

interface Watched {
  readonly view: View
  readonly state: RegistryView
  /** The version that the client has; 0 for none. */
  version: number
  /** Instances to be sent, in this order; `undefined`: all of the view. */
  changed: Set<string> | undefined
  /** How many of the first of them are left of a snapshot. */
  left: number
}

/** A client that attends. */
export class AttendSession implements Holder, Watcher {
  readonly #host: AttendHost
  readonly #ports: StreamPorts<AttendAnswer>
  readonly #attendee: Attendee
  readonly #watched = new Map<string, Watched>()
  /** Views of which there is something to send. */
  readonly #dirty = new Set<string>()
  readonly #answers = new OncePerTurn(() => this.#send())
  #owner: Owner | undefined
  #isOpenUnsaid = false
  #isSettledUnsaid = false
  readonly #confirmed: Revision[] = []
  readonly #refused: RefusedAnnouncement[] = []
  #ended = false
  #allowance = burst
  #allowanceAt: number
  #timer: Timer | undefined

  constructor(host: AttendHost, ports: StreamPorts<AttendAnswer>, attendee: Attendee) {
    this.#host = host
    this.#ports = ports
    this.#attendee = attendee
    this.#allowanceAt = host.clock.now()
  }

  get owner(): Owner {
    return this.#owner as Owner
  }

  /** Whether the client has said so much that it is not read for a while. */
  isBusy(): boolean {
    if (this.#ended || this.#allowance > 0) return false
    this.#timer ??= this.#host.clock.setTimer(
      () => {
        this.#timer = undefined
        this.#refill()
        this.#ports.room()
      },
      (1000 * (1 - this.#allowance)) / perSecond,
    )
    return true
  }

  /**
   * Takes what the client says.
   *
   * @throws RIVULET_INVALID_REQUEST, RIVULET_DIRECTORY_FULL: then the session is to be ended.
   */
  receive(request: AttendRequest): void {
    const { open, announced = [], withdrawn = [], complete, watched = [], unwatched = [] } = request
    if (open) this.#open(open.client)
    if (this.#owner === undefined) throw invalid('a client does not open')
    if (announced.length + withdrawn.length > maxAnnouncedAtOnce) {
      throw invalid(`a request has more than ${maxAnnouncedAtOnce} announcements and withdrawals`)
    }
    this.#refill()
    this.#allowance -= announced.length + withdrawn.length
    for (const view of unwatched) this.#unwatch(view)
    for (const view of watched) this.#watch(view)
    for (const one of announced) this.#announce(one)
    for (const one of withdrawn) this.#withdraw(one)
    if (complete != null) {
      if (!isNumber(complete)) throw invalid('a revision is out of range')
      this.#host.registry.completed(this, complete)
    }
    this.#answers.schedule()
  }

  /** Resolves at once: what it has said holds. */
  async drained(): Promise<void> {}

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#timer?.cancel()
    if (this.#owner === undefined) return
    const { registry, watches } = this.#host
    for (const key of this.#watched.keys()) registry.unwatch(key, this)
    watches.count -= this.#watched.size
    registry.dismiss(this)
    registry.leave(this)
  }

  /** There may be room for more answers. */
  grant(): void {
    if (this.#dirty.size > 0) this.#answers.schedule()
  }

  connection(state: ConnectionState): void {
    if (this.#owner !== undefined) this.#host.registry.connected(this, state === 'open' || state === 'silent')
  }

  lapsed(): void {
    this.#ports.superseded()
  }

  changed(key: string, instance: string): void {
    const watched = this.#watched.get(key)
    if (watched === undefined) return
    const { changed, state } = watched
    if (changed !== undefined) {
      changed.add(instance)
      // a view that was replaced several times while nobody read is sent as a whole
      if (changed.size > 2 * state.entries.size + 64) watched.changed = undefined
    }
    this.#dirty.add(key)
    this.#answers.schedule()
  }

  settled(): void {
    this.#isSettledUnsaid = true
    this.#answers.schedule()
  }

  #open(client: string): void {
    if (this.#owner !== undefined) throw invalid('a client opens twice')
    if (!isInstance(client)) throw invalid('a client must have an id of 1 to 64 letters, digits, _ and -')
    this.#owner = { client, key: this.#attendee.key }
    this.#host.registry.enter(this)
    this.#host.registry.attend(this)
    this.#isOpenUnsaid = true
  }

  #announce(announced: Announced): void {
    const fault = announcementFault(announced)
    if (fault !== undefined) throw invalid(`an announcement is not valid: ${fault}`)
    const { instance, revision, name } = announced
    const error = this.#attendee.mayAnnounce(name)
      ? this.#host.registry.announce(this, announced)
      : denied(`the policy of the host does not allow this client to announce '${name.slice(0, 100)}'`)
    if (error === undefined) {
      this.#confirmed.push({ instance, revision })
      return
    }
    this.#host.refused(error)
    this.#refused.push({ instance, revision, code: error.code, message: error.message })
  }

  #withdraw({ instance, revision }: Revision): void {
    if (!isInstance(instance) || !isNumber(revision)) throw invalid('a withdrawal is not valid')
    this.#host.registry.withdraw(this, { instance, revision })
    this.#confirmed.push({ instance, revision })
  }

  #watch(view: View): void {
    const { role, name } = view
    if (role === 'PEER' ? name !== '' : !isName(name)) throw invalid('a view has no valid name')
    const key = viewKey(view)
    const known = this.#watched.get(key)
    if (known !== undefined) {
      // the client has missed something
      known.changed = undefined
      known.version = 0
      this.#dirty.add(key)
      return
    }
    const { registry, watches } = this.#host
    if (this.#watched.size >= defaults.maxWatches)
      throw invalid(`a client watches more than ${defaults.maxWatches} views`)
    if (watches.count >= watches.most) {
      const text = `clients watch ${watches.count} views, as many as the host shows`
      const error = new RivuletError('RIVULET_DIRECTORY_FULL', text, { executed: 'no' })
      this.#host.refused(error)
      throw error
    }
    watches.count += 1
    this.#watched.set(key, { view, state: registry.watch(key, this), version: 0, changed: undefined, left: 0 })
    this.#dirty.add(key)
  }

  #unwatch(view: View): void {
    const key = viewKey(view)
    if (!this.#watched.delete(key)) return
    this.#dirty.delete(key)
    this.#host.watches.count -= 1
    this.#host.registry.unwatch(key, this)
  }

  #refill(): void {
    const now = this.#host.clock.now()
    this.#allowance = Math.min(burst, this.#allowance + ((now - this.#allowanceAt) * perSecond) / 1000)
    this.#allowanceAt = now
  }

  /** One answer for all that this turn has brought, and further ones while there is room. */
  #send(): void {
    if (this.#ended || this.#owner === undefined) return
    const { registry, id } = this.#host
    const answer: AttendAnswer & { changes: ViewChange[] } = {
      opened: this.#isOpenUnsaid ? { host: id, settled: registry.isSettled } : null,
      settled: this.#isSettledUnsaid,
      confirmed: this.#confirmed.splice(0, outcomesAtOnce),
      refused: this.#refused.splice(0, outcomesAtOnce),
      changes: [],
    }
    this.#isOpenUnsaid = false
    this.#isSettledUnsaid = false
    let bytes = 0
    for (const key of this.#dirty) {
      if (bytes >= answerBytes || this.#ports.unread() >= unreadBytes) break
      bytes += this.#addChanges(answer.changes, this.#watched.get(key) as Watched, answerBytes - bytes)
    }
    const { opened, settled, confirmed = [], refused = [], changes } = answer
    if (opened || settled || confirmed.length + refused.length + changes.length > 0) this.#ports.answer(answer)
    const isMore = this.#confirmed.length + this.#refused.length > 0
    if (isMore || (this.#dirty.size > 0 && this.#ports.unread() < unreadBytes)) this.#answers.schedule()
  }

  /** Adds what has changed in a view, as much as fits; returns what that takes. */
  #addChanges(changes: ViewChange[], watched: Watched, room: number): number {
    const { view, state } = watched
    const key = viewKey(view)
    if (watched.changed === undefined) {
      watched.changed = new Set(state.entries.keys())
      watched.left = watched.changed.size
      watched.version = 0
    }
    const present: Announced[] = []
    const gone: string[] = []
    let bytes = 64
    for (const instance of watched.changed) {
      if (bytes >= room && present.length + gone.length > 0) break
      watched.changed.delete(instance)
      watched.left -= 1
      const announced = state.entries.get(instance)
      if (announced === undefined) gone.push(instance)
      else present.push(announced)
      bytes += announced === undefined ? 64 : announcedBytes(announced)
    }
    const complete = watched.left <= 0
    changes.push({ view, since: watched.version, version: state.version, complete, present, gone })
    watched.version = state.version
    if (watched.changed.size === 0) this.#dirty.delete(key)
    return bytes
  }
}

function invalid(message: string): RivuletError {
  return new RivuletError('RIVULET_INVALID_REQUEST', message, { executed: 'no' })
}

function denied(message: string): RivuletError {
  return new RivuletError('RIVULET_PERMISSION_DENIED', message, { executed: 'no' })
}
