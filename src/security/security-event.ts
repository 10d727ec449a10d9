/**
 * What the security of a resource observes: counted, and reported at a bounded rate.
 *
 * Peers cause these as often as they like: the first of a kind and reason is reported at once, further ones once a second
 * with their number. Neither keys that are secret nor payload is in an event.
 */
import { type Observable, Subject } from 'rxjs'
import type { Clock, Timer } from '../clock/index.js'
import { publishSecurity } from '../observe/index.js'
import { defaults } from '../options/index.js'
import type { PeerIdentity } from './allow-list.js'

/** Something that the security of a resource observed; `docs/operations/security-events.md` lists the reasons. */
export interface SecurityEvent {
  /** A peer was admitted or refused, lost its admission, hit a limit, or was denied what it asked for. */
  readonly kind: 'admitted' | 'refused' | 'revoked' | 'limit' | 'denied'
  /** Why, in one stable word: of a refusal `unknown-key`, for example; of a denial the action. */
  readonly reason: string
  /** The peer, where it is known; of several events, that of the last one. */
  readonly identity?: PeerIdentity
  /** The address that the peer connected from, where it is known. */
  readonly address?: string
  /** What was asked for, of a denial; a text of the peer, cut to 128 characters. */
  readonly target?: string
  /** When the last of the events happened. */
  readonly time: Date
  /** How many events of this kind and reason this reports: those since the last report. */
  readonly count: number
}

/** An event as its observer sees it. */
export type ObservedEvent = Omit<SecurityEvent, 'time' | 'count'>

/** The events of one kind and reason that were reported or counted in the last second. */
interface Recent {
  last: ObservedEvent
  lastAt: number
  /** Events that are not reported yet. */
  waiting: number
  timer: Timer | undefined
}

const mostTargetCharacters = 128
const unprintable = /[\p{Cc}\u2028\u2029]/gu

/** The security events of one resource. */
export class SecurityEvents {
  readonly #clock: Clock
  readonly #resource: () => string
  readonly #subject = new Subject<SecurityEvent>()
  /** By kind and reason: both are words of this package, so there are few. */
  readonly #recent = new Map<string, Recent>()
  #isClosed = false

  /** Hot: what was reported before a subscription is not repeated. Completes when the resource is closed. */
  readonly observable: Observable<SecurityEvent> = this.#subject.asObservable()

  /** @param resource - Names the resource at the time of the report. */
  constructor(resource: () => string, clock: Clock) {
    this.#resource = resource
    this.#clock = clock
  }

  /** Reports an event, or counts it for the next report. */
  note(event: ObservedEvent): void {
    if (this.#isClosed) return
    const key = `${event.kind} ${event.reason}`
    const lastAt = this.#clock.wallNow()
    const recent = this.#recent.get(key)
    if (recent !== undefined) {
      Object.assign(recent, { last: event, lastAt })
      recent.waiting += 1
      return
    }
    const first: Recent = { last: event, lastAt, waiting: 1, timer: undefined }
    this.#recent.set(key, first)
    this.#report(key, first)
  }

  /** Reports what was counted, and completes. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const recent of this.#recent.values()) {
      recent.timer?.cancel()
      if (recent.waiting > 0) this.#emit(recent)
    }
    this.#subject.complete()
  }

  /** Reports what was counted, and counts from now on for a second; forgets a kind that is quiet. */
  #report(key: string, recent: Recent): void {
    if (recent.waiting === 0) {
      this.#recent.delete(key)
      return
    }
    recent.timer = this.#clock.setTimer(() => this.#report(key, recent), defaults.securityEventMs)
    this.#emit(recent)
  }

  #emit(recent: Recent): void {
    const { last, lastAt, waiting } = recent
    recent.waiting = 0
    const event: SecurityEvent = { ...withSafeTarget(last), time: new Date(lastAt), count: waiting }
    publishSecurity(this.#resource(), event)
    this.#subject.next(event)
  }
}

/** The target is a text of a peer: what it contains must not break a line of a log. */
function withSafeTarget(event: ObservedEvent): ObservedEvent {
  if (event.target === undefined) return event
  return { ...event, target: event.target.slice(0, mostTargetCharacters).replace(unprintable, '\ufffd') }
}
