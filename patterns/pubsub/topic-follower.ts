/**
 * Follows the topics of one subscription: in order, without duplicates, with what is missing fetched or reported.
 *
 * Pure but for a clock. Whatever drives it, a subscriber or a simulation, gives it
 * - `served` for each answer of a publisher that covers the subscription, with the number of the present connections: one
 *   more with each new connection. An answer comes behind all frames up to its position on its connection;
 * - `frame` for each frame of a topic that fits, in the order of its connection: beacons and tombstones, too;
 * - `resume` when the subscription comes into force again, and `stop` when nobody wants it any more;
 * - `unanswered` at the time that the port `watch` was given last.
 * It asks the history of a publisher by the ports `fetch` and `cancel`. Of a replay, the driver gives `fetched` and
 * `expired` as a `ReplayPart` has them, the expired ones of a part first, and of heads `head`; then `ended` once, unless it was
 * cancelled. A driver may send what several ask for in one call, repeat a call from where it broke off, and give what was not
 * asked for: the follower goes by numbers. What leaves by `deliver`, `gap` and `live` is what the application gets, in order.
 */
import { beacon, endOf, type FollowedFrame } from './followed-frame.js'
import type { FollowedSource, Settled } from './followed-source.js'
import { FollowedSources } from './followed-sources.js'
import type { FetchOutcome, HistoryFetch } from './history-fetch.js'
import {
  answered,
  type FollowerOptions,
  type FollowerPorts,
  isStale,
  joined,
  TopicOrder,
  topicOf,
} from './topic-order.js'

/** How often a cursor is made shorter at most, in milliseconds. */
const compactMs = 1000

/** Follows topics. */
export class TopicFollower<Frame extends FollowedFrame> {
  readonly #options: FollowerOptions
  readonly #ports: FollowerPorts<Frame>
  readonly #sources = new FollowedSources<Frame>((source) => this.#forget(source))
  readonly #isNow: boolean
  readonly #order: TopicOrder<Frame>
  #stops = 0
  #watchedAt = Number.POSITIVE_INFINITY

  constructor(options: FollowerOptions, ports: FollowerPorts<Frame>) {
    this.#options = options
    this.#ports = ports
    this.#isNow = options.start.kind === 'now'
    this.#order = new TopicOrder(options, ports, (source) => this.#awaitAnswer(source))
  }

  /** Messages that are held. */
  get heldMessages(): number {
    return this.#order.heldMessages
  }

  /** A publisher serves the subscription since this position. */
  served(id: string, position: number, epoch: number): void {
    const source = this.#sources.source(id)
    const { epoch: before } = source
    const isNewLink = before !== epoch
    source.epoch = epoch
    if (!this.#isNow && source.awaitsAnswer) {
      this.#begin(source, position)
    } else if (source.hold) {
      if (isNewLink && position > (source.history?.upTo ?? 0)) source.hold.forget(source.seen + 1, position, 0)
    } else if (source.servedFrom === undefined) {
      source.servedFrom = position
      // frames that came before the answer have begun their topics: others of these may be lost
      if (source.hasBegun) {
        source.checked = Math.max(source.checked, source.doneUpTo ?? 0)
      } else {
        source.checked = position
        this.#order.doneFrom(source, 0, position)
      }
    } else if (isNewLink ? before > 0 : source.isBehind) {
      source.isBehind = position <= source.seen || !this.#order.canFetch(source)
      if (!source.isBehind) this.#order.ask(source, { purpose: 'check', after: source.checked, upTo: position })
    }
    this.#order.offerKnown(source)
  }

  /** A publisher has left: if it comes back, its answer may offer other history. */
  left(id: string): void {
    const source = this.#sources.known(id)
    if (source) source.isOfferKnown = false
  }

  /** Takes a frame that a connection has brought; behind `stop`, none. */
  frame(id: string, frame: Frame): void {
    if (this.#order.stopped) return
    const source = this.#sources.source(id)
    source.seen = Math.max(source.seen, endOf(frame.place))
    if (this.#isNow) {
      if (source.doneUpTo === undefined) this.#order.done(source, frame.place.position - 1)
      this.#arrive(source, frame)
    } else if (!source.awaitsAnswer || source.hold) {
      this.#arrive(source, frame)
    } else {
      source.hold = this.#order.newHold()
      this.#awaitAnswer(source)
      this.#arrive(source, frame)
    }
  }

  /** Takes a frame of a replay. */
  fetched(fetch: HistoryFetch, frame: Frame): void {
    const source = this.#sources.asking(fetch)
    const isHistory = fetch.purpose === 'history'
    if (source === undefined || !(isHistory || frame.topic === fetch.pattern)) return
    const { position, sequence, count } = frame.place
    if (position + count - 1 <= fetch.after) return
    const topic = source.topic(frame.topic, position)
    if (isHistory && source.repaired.size === 0) this.#order.doneFrom(source, fetch.after, position - 1)
    if (fetch.retained) {
      if (sequence < topic.next) return
      topic.next = sequence + 1
      this.#ports.deliver(source.id, frame, 0, 'history')
      return
    }
    // a frame may begin before what was asked for
    if (topic.interrupted) topic.next = Math.max(topic.next, sequence + Math.max(0, fetch.after + 1 - position))
    this.#order.take(source, topic, frame, isHistory ? 'history' : 'repair', answered(fetch, 'expired'))
  }

  /** Messages of a topic up to a number and a position that were asked for are not kept any more. */
  expired(fetch: HistoryFetch, name: string, sequence: number, position: number): void {
    const source = this.#sources.asking(fetch)
    if (source === undefined || fetch.retained || !(fetch.purpose === 'history' || name === fetch.pattern)) return
    this.#order.expire(source, source.topic(name, position), fetch, sequence, position)
  }

  /** Where a topic stands. */
  head(fetch: HistoryFetch, name: string, next: number, previous: number): void {
    const source = this.#sources.asking(fetch)
    if (source === undefined) return
    if (fetch.purpose === 'floors') {
      const topic = source.topic(name, previous)
      topic.next = Math.max(topic.next, next - fetch.last)
    } else if (fetch.purpose === 'check') {
      // what left later comes over the connection, too
      if (previous <= fetch.upTo) this.#arrive(source, beacon(name, next, previous) as Frame)
    } else if ((source.known(name)?.next ?? 0) < next) {
      source.milestone?.due.set(name, next)
    }
  }

  /**
   * Nothing more comes of what was asked.
   *
   * @param position - Of heads: where the publisher stood.
   */
  ended(fetch: HistoryFetch, outcome: FetchOutcome, position: number): void {
    const source = this.#sources.asking(fetch)
    if (source === undefined) return
    source.fetches.delete(fetch)
    const isComplete = outcome === 'complete'
    const reason = isComplete ? 'expired' : 'unavailable'
    if (fetch.purpose === 'history') {
      if (isComplete && source.repaired.size === 0) this.#order.doneFrom(source, fetch.after, fetch.upTo)
      this.#continueWith(source, answered(fetch, reason))
    } else if (fetch.purpose === 'floors') {
      source.floorsAt = fetch.upTo
      if (isComplete) {
        this.#replay(source, fetch.after, fetch.upTo)
      } else {
        source.isWhole = false
        source.servedFrom = fetch.upTo
        this.#continueWith(source, answered(fetch, reason))
      }
    } else if (fetch.purpose === 'repair') {
      const topic = source.known(fetch.pattern)
      if (topic?.repair?.fetch === fetch) this.#order.conclude(source, topic, reason)
    } else if (fetch.purpose === 'check') {
      if (isComplete) source.checked = Math.max(source.checked, fetch.upTo)
    } else if (source.milestone) {
      source.milestone = isComplete ? { ...source.milestone, position, isComplete } : undefined
      this.#order.checkMilestone(source)
    }
  }

  /** Gives up to wait for publishers that do not answer: what they have sent is live. */
  unanswered(now: number): void {
    this.#watchedAt = Number.POSITIVE_INFINITY
    for (const source of this.#sources) {
      if (source.heldSince === undefined) continue
      const leftMs = source.heldSince + this.#options.answerMs - this.#ports.readingMs()
      if (leftMs > 0) {
        this.#watch(now + Math.max(leftMs, this.#options.answerMs / 10))
        continue
      }
      this.#order.offerKnown(source)
      if (this.#isNow) continue
      this.#open(source, (source.hold?.from ?? source.seen + 1) - 1, false)
      this.#continueWith(source, { after: 0, upTo: source.seen, reason: 'unavailable' })
    }
  }

  /** Makes what `done` and `moved` tell shorter, for a cursor with many topics; does nothing if it did a moment ago. */
  compact(id: string): void {
    const source = this.#sources.known(id)
    const now = this.#ports.now()
    if (!source || source.milestone || source.doneUpTo === undefined || !this.#order.canFetch(source)) return
    if (now - source.compactedAt < compactMs) return
    source.compactedAt = now
    source.milestone = { position: 0, due: new Map(), isComplete: false }
    this.#order.ask(source, { purpose: 'compact', after: source.doneUpTo })
  }

  /** The subscription comes into force again: with `now`, what was missed in between is no gap, else it is fetched. */
  resume(): void {
    this.#order.stopped = false
    if (!this.#isNow) return
    for (const source of this.#sources) {
      source.servedFrom = undefined
      source.isOfferKnown = false
      for (const topic of source.topics()) topic.interrupted = true
    }
  }

  /** Nobody wants it any more: what is missing is not waited for. */
  stop(): void {
    this.#order.stopped = true
    this.#stops += 1
    this.#watchedAt = Number.POSITIVE_INFINITY
    for (const source of this.#sources) this.#leave(source)
  }

  #leave(source: FollowedSource<Frame>): void {
    for (const fetch of source.fetches) this.#ports.cancel(fetch)
    source.fetches.clear()
    source.milestone = undefined
    source.history = undefined
    for (const topic of [...source.repaired]) this.#order.conclude(source, topic, 'unavailable')
    source.awaitsAnswer = true
    // behind some of the last messages, all that follow are wanted
    if (this.#options.start.kind === 'last' && source.hasShown) source.isFirstRound = false
    source.heldSince = undefined
    if (source.hold) this.#order.abandon(source.hold)
    source.hold = undefined
  }

  #awaitAnswer(source: FollowedSource<Frame>): void {
    source.heldSince ??= this.#ports.readingMs()
    this.#watch(this.#ports.now() + this.#options.answerMs)
  }

  /** `unanswered` is called at the earliest of the times that are asked for. */
  #watch(at: number): void {
    if (at >= this.#watchedAt) return
    this.#watchedAt = at
    this.#ports.watch(at)
  }

  /** Leaves a source for good: nothing is fetched for what it leaves. */
  #forget(source: FollowedSource<Frame>): void {
    const stops = this.#stops
    this.#order.stopped = true
    this.#leave(source)
    this.#order.stopped = stops !== this.#stops
  }

  /** Begins what `since` asks for, up to a position from which frames arrive. */
  #begin(source: FollowedSource<Frame>, position: number): void {
    const canFetch = this.#order.canFetch(source)
    this.#open(source, position, canFetch)
    source.hold ??= this.#order.newHold()
    const after = source.doneUpTo ?? 0
    const { start } = this.#options
    if (!canFetch) this.#continueWith(source, { after, upTo: position, reason: 'expired' })
    else if (start.kind !== 'last' || !source.isFirstRound) this.#replay(source, after, position)
    else this.#order.ask(source, { purpose: 'floors', after, upTo: position, last: start.count })
  }

  /** Decides from where the topics of a source are wanted. */
  #open(source: FollowedSource<Frame>, position: number, canFetch: boolean): void {
    source.awaitsAnswer = false
    source.heldSince = undefined
    const { start } = this.#options
    const from = start.kind === 'cursor' ? start.sources.get(source.id) : undefined
    // if it was left before this history came, the history is asked for again, up to this answer
    if (source.isFirstRound && (start.kind === 'retained' || start.kind === 'date')) source.servedFrom = position
    if (source.doneUpTo !== undefined) return
    if (from) {
      source.servedFrom = from.position
      source.isWhole = from.isWhole
      for (const [name, { sequence, position }] of from.topics) {
        const topic = source.topic(name, position)
        Object.assign(topic, { next: sequence + 1, position: Math.max(position, from.position), interrupted: false })
        this.#ports.moved(source.id, name, sequence, position)
      }
    } else {
      source.isWhole = start.kind === 'all' || start.kind === 'cursor' || (start.kind === 'last' && canFetch)
      source.servedFrom = source.isWhole ? 0 : position
    }
    this.#order.done(source, canFetch && !from ? 0 : source.servedFrom)
  }

  /** Asks for messages before those that are held. */
  #replay(source: FollowedSource<Frame>, after: number, upTo: number): void {
    if (upTo <= after) {
      this.#continueWith(source, { after, upTo, reason: 'expired' })
      return
    }
    const { start } = this.#options
    const isFiltered = source.isFirstRound
    source.history = this.#order.ask(source, {
      purpose: 'history',
      after,
      upTo,
      last: isFiltered && start.kind === 'last' ? start.count : 0,
      since: isFiltered && start.kind === 'date' ? start.time : null,
      retained: isFiltered && start.kind === 'retained',
    })
  }

  /** The history is complete: what was held is next, then what was forgotten meanwhile, then what is live. */
  #continueWith(source: FollowedSource<Frame>, settled: Settled): void {
    const { hold } = source
    const stops = this.#stops
    const { kind } = this.#options.start
    const isSelected = source.history !== undefined && (kind === 'retained' || kind === 'date')
    // of what left before the answer, history has brought what is wanted
    const unwantedUpTo = isSelected && settled.reason === 'expired' ? settled.upTo : 0
    source.history = undefined
    source.isFirstRound = false
    source.settled = joined(source.settled, settled)
    source.checked = Math.max(source.checked, settled.upTo)
    source.hold = undefined
    if (hold) {
      for (const frame of this.#order.release(hold)) {
        if (endOf(frame.place) <= unwantedUpTo) this.#ports.abandoned(frame.place.count)
        else this.#order.take(source, topicOf(source, frame), frame, 'held', source.settled)
      }
      if (stops !== this.#stops) return
      const { forgotten } = hold
      if (forgotten && forgotten.upTo > settled.upTo && settled.reason === 'expired' && this.#order.canFetch(source)) {
        source.hold = this.#order.newHold()
        this.#replay(source, Math.max(forgotten.from - 1, settled.upTo), forgotten.upTo)
        return
      }
    }
    if (source.isLive) return
    source.isLive = true
    this.#ports.live(source.id)
  }

  #arrive(source: FollowedSource<Frame>, frame: Frame): void {
    if (source.hold) this.#order.hold(source.hold, frame)
    else if (isStale(source, frame, this.#isNow)) this.#ports.abandoned(frame.place.count)
    else this.#order.take(source, topicOf(source, frame), frame, 'live', source.settled)
  }
}
