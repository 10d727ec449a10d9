/**
 * What a client says to one host, and does about its answers: announcements, withdrawals, and the views that it watches.
 *
 * Pure but for a clock and chance. Whenever a stream begins, everything is said again: what was announced before waits a
 * random while, so that the clients of a host that has restarted do not come at the same moment, and goes in pieces.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import type { Conversation } from '../../src/conversation/index.js'
import { RivuletError, receivedError } from '../../src/errors/index.js'
import { defaults } from '../../src/options/index.js'
import { announcementFault } from './announcement-check.js'
import type { HostKnowledge, MergedViews } from './merged-views.js'
import type { AnnouncementUser, OwnAnnouncements } from './own-announcements.js'
import {
  type Announced,
  type AttendAnswer,
  type AttendRequest,
  announcedBytes,
  type Revision,
  type View,
  type ViewChange,
  viewKey,
} from './wire.js'

/** What a talk needs. */
export interface HostTalkPorts {
  readonly clock: Clock
  /** A number from 0 up to 1. */
  random(): number
  /** What the client calls itself. */
  readonly client: string
  readonly own: OwnAnnouncements
  readonly views: MergedViews
  report(error: RivuletError): void
  /** There is something to take. */
  wake(): void
}

/** Announcements of one request, their bytes about, and how long one of them keeps the next request waiting, in milliseconds. */
const mostAtOnce = 128
const bytesAtOnce = 65_536
const spacingMs = 0.5

/** The conversation with one host. */
export class HostTalk implements Conversation<AttendRequest, AttendAnswer>, AnnouncementUser {
  readonly #ports: HostTalkPorts
  readonly #knowledge: HostKnowledge
  /** Instances to be announced, in this order. */
  readonly #toAnnounce = new Set<string>()
  /** Announced, and without an answer. */
  readonly #unanswered = new Set<string>()
  #withdrawn: Revision[] = []
  /** Called when a withdrawal is confirmed, by instance. */
  readonly #withdrawals = new Map<string, () => void>()
  #watched = new Map<string, View>()
  #unwatched = new Map<string, View>()
  /** Views that were asked for again. */
  readonly #asked = new Set<string>()
  #isOpen = false
  /** Whether the host has heard everything once. */
  #isComplete = false
  /** When the next announcements may leave, on the clock. */
  #nextAt = 0
  #timer: Timer | undefined
  readonly #refused = new Set<string>()
  #retry: Timer | undefined

  constructor(ports: HostTalkPorts, knowledge: HostKnowledge) {
    this.#ports = ports
    this.#knowledge = knowledge
  }

  open(): AttendRequest {
    const { own, views, clock, random, client } = this.#ports
    this.#reset()
    this.#isOpen = true
    for (const instance of own.instances) this.#toAnnounce.add(instance)
    for (const view of views.watched) this.#watched.set(viewKey(view), view)
    const wasAnnounced = own.instances.some((instance) => own.get(instance)?.wasConfirmed)
    this.#nextAt = clock.now() + (wasAnnounced ? random() * defaults.announceJitterMs : 0)
    const watched = this.#takeWatched()
    return { open: { client }, watched }
  }

  take(): AttendRequest | undefined {
    const withdrawn = this.#withdrawn.splice(0, mostAtOnce)
    const announced = this.#nextAnnounced(withdrawn.length)
    const complete = this.#completeNow()
    const isAny = announced.length + withdrawn.length + this.#watched.size + this.#unwatched.size > 0
    if (!isAny && complete === null) return undefined
    const unwatched = [...this.#unwatched.values()]
    this.#unwatched.clear()
    return { announced, withdrawn, complete, watched: this.#takeWatched(), unwatched }
  }

  answer({ opened, settled, confirmed = [], refused = [], changes = [] }: AttendAnswer): void {
    const { views, own } = this.#ports
    if (opened) views.opened(this.#knowledge, opened.host, opened.settled)
    for (const { instance, revision } of confirmed) {
      if (own.get(instance)?.announced.revision === revision) {
        this.#unanswered.delete(instance)
        own.confirmed(instance)
      }
      const done = this.#withdrawals.get(instance)
      if (done === undefined || own.get(instance) !== undefined) continue
      this.#withdrawals.delete(instance)
      done()
    }
    for (const { instance, revision, code, message } of refused) {
      if (own.get(instance)?.announced.revision !== revision) continue
      this.#unanswered.delete(instance)
      this.#announceLater(instance)
      own.refused(instance, receivedError(code, message))
    }
    for (const change of changes) this.#change(change)
    if (settled) views.settled(this.#knowledge)
  }

  down(): void {
    this.#reset()
    this.#ports.views.lost(this.#knowledge)
  }

  refused(error: RivuletError): void {
    this.#ports.report(error)
  }

  /** The connection was lost, or is back. */
  connected(isConnected: boolean): void {
    if (!this.#isOpen) return
    if (isConnected) {
      this.#ports.views.resumed(this.#knowledge)
      return
    }
    this.#ports.views.lost(this.#knowledge)
    this.#settleWithdrawals()
  }

  announce(instance: string): void {
    this.#refused.delete(instance)
    this.#toAnnounce.add(instance)
    if (this.#isOpen) this.#ports.wake()
  }

  withdraw(revision: Revision, done: () => void): void {
    const { instance } = revision
    this.#toAnnounce.delete(instance)
    this.#unanswered.delete(instance)
    this.#refused.delete(instance)
    // a stream that begins says it by what it leaves out
    if (this.#isOpen) this.#withdrawn.push(revision)
    if (this.#isOpen && this.#knowledge.isConnected) this.#withdrawals.set(instance, done)
    else done()
    if (this.#isOpen) this.#ports.wake()
  }

  awaits(instance: string): boolean {
    return this.#toAnnounce.has(instance) || this.#unanswered.has(instance)
  }

  /** A view is watched, or no longer. */
  watch(view: View, isWatched: boolean): void {
    if (!this.#isOpen) return
    const [to, from] = isWatched ? [this.#watched, this.#unwatched] : [this.#unwatched, this.#watched]
    const key = viewKey(view)
    to.set(key, view)
    // one that is left and watched again in one turn is sent from the start
    if (!isWatched) from.delete(key)
    this.#ports.wake()
  }

  /** Its session has ended. */
  close(): void {
    this.#reset()
    this.#ports.views.lost(this.#knowledge)
  }

  #change(change: ViewChange): void {
    const key = viewKey(change.view)
    const present: Announced[] = []
    for (const announced of change.present ?? []) {
      const fault = announcementFault(announced)
      if (fault === undefined) present.push(announced)
      else
        this.#ports.report(
          new RivuletError('RIVULET_INVALID_REQUEST', `a host shows an invalid announcement: ${fault}`),
        )
    }
    if (change.since === 0) this.#asked.delete(key)
    const applied = this.#ports.views.change(this.#knowledge, { ...change, present })
    if (applied !== 'missed' || this.#asked.has(key)) return
    this.#asked.add(key)
    this.watch(change.view, true)
  }

  #takeWatched(): View[] {
    const watched = [...this.#watched.values()]
    this.#watched.clear()
    return watched
  }

  /** The number up to which the host has heard everything, once. */
  #completeNow(): number | null {
    if (this.#isComplete || this.#toAnnounce.size > 0) return null
    this.#isComplete = true
    return this.#ports.own.revision
  }

  /** What is announced now, as much as may leave. */
  #nextAnnounced(withdrawals: number): Announced[] {
    const { own, clock } = this.#ports
    if (this.#toAnnounce.size === 0) return []
    const now = clock.now()
    if (now < this.#nextAt) {
      this.#timer ??= clock.setTimer(() => {
        this.#timer = undefined
        this.#ports.wake()
      }, this.#nextAt - now)
      return []
    }
    const announced: Announced[] = []
    let bytes = 0
    for (const instance of this.#toAnnounce) {
      if (announced.length >= mostAtOnce || bytes >= bytesAtOnce) break
      this.#toAnnounce.delete(instance)
      const one = own.get(instance)?.announced
      if (one === undefined) continue
      announced.push(one)
      bytes += announcedBytes(one)
      this.#unanswered.add(instance)
    }
    this.#nextAt = Math.max(now, this.#nextAt) + (announced.length + withdrawals) * spacingMs
    return announced
  }

  /** What a host has refused is announced again after a while: its policy or its room may have changed. */
  #announceLater(instance: string): void {
    const { clock, random } = this.#ports
    this.#refused.add(instance)
    this.#retry ??= clock.setTimer(
      () => {
        this.#retry = undefined
        for (const one of [...this.#refused]) this.announce(one)
      },
      defaults.announceAgainMs * (1 + random() / 2),
    )
  }

  #reset(): void {
    this.#isOpen = false
    this.#isComplete = false
    this.#timer?.cancel()
    this.#timer = undefined
    this.#retry?.cancel()
    this.#retry = undefined
    for (const set of [this.#toAnnounce, this.#unanswered, this.#refused, this.#asked]) set.clear()
    this.#withdrawn = []
    this.#watched.clear()
    this.#unwatched.clear()
    this.#settleWithdrawals()
  }

  /** Nobody waits for what the host says of withdrawals. */
  #settleWithdrawals(): void {
    const withdrawals = [...this.#withdrawals.values()]
    this.#withdrawals.clear()
    for (const done of withdrawals) done()
  }
}
