/**
 * The order of the topics of one subscription: what is next is delivered, what is missing before it is fetched or reported.
 *
 * A part of `topic-follower.ts`, which decides what is asked for; pure like it.
 */
import { beacon, endOf, type FollowedFrame } from './followed-frame.js'
import type { FollowedSource, Settled, TopicState } from './followed-source.js'
import { HeldFrames, type HoldBudget } from './held-frames.js'
import type { GapReason, HistoryFetch } from './history-fetch.js'
import type { Start } from './since.js'

/** How a frame came: over a connection, and was held or not; or from history, as what `since` asks for or to repair a gap. */
export type Way = 'live' | 'held' | 'history' | 'repair'

/** How a follower follows. */
export interface FollowerOptions {
  readonly pattern: string
  readonly start: Start
  /** How long frames of a publisher wait that has not answered, in milliseconds in which connections are read. */
  readonly answerMs: number
  readonly budget: HoldBudget
}

/** What a follower needs. */
export interface FollowerPorts<Frame extends FollowedFrame> {
  now(): number
  /** How long connections have been read so far, in milliseconds: the time while they are not does not count. */
  readingMs(): number
  /** `unanswered` is to be called at a time. */
  watch(at: number): void
  /** Whether a publisher serves history. */
  hasHistory(source: string): boolean
  /** The messages of a frame behind so many at its front are next. */
  deliver(source: string, frame: Frame, skipped: number, way: Way): void
  /** Messages are missing before what follows. */
  gap(source: string, topic: string, from: number, to: number, reason: GapReason): void
  /** So many messages have come before. */
  duplicates(messages: number): void
  /** Held messages are given up: nobody wants them any more, or `since` does not ask for them. */
  abandoned(messages: number): void
  /** Everything that `since` asks for has been delivered: what follows is live. */
  live(source: string): void
  /** Asks the history of a publisher; nothing is answered within the call. */
  fetch(fetch: HistoryFetch): void
  cancel(fetch: HistoryFetch): void
  /** Everything up to a position is done; `isWhole` if every topic was wanted from its first message. */
  done(source: string, position: number, isWhole: boolean): void
  /** Of a topic, everything up to a number is done. */
  moved(source: string, topic: string, sequence: number, position: number): void
}

/** The order of topics. */
export class TopicOrder<Frame extends FollowedFrame> {
  readonly #pattern: string
  readonly #budget: HoldBudget
  readonly #ports: FollowerPorts<Frame>
  readonly #awaitAnswer: (source: FollowedSource<Frame>) => void
  /** Whether nobody wants anything: then nothing is fetched. */
  stopped = false
  #held = 0

  /**
   * @param options - The pattern is what is asked for, if not one topic.
   * @param awaitAnswer - A frame waits for the answer of its source: `offerKnown` is to be called when that has come, or in time.
   */
  constructor(
    { pattern, budget }: FollowerOptions,
    ports: FollowerPorts<Frame>,
    awaitAnswer: (source: FollowedSource<Frame>) => void,
  ) {
    this.#pattern = pattern
    this.#budget = budget
    this.#ports = ports
    this.#awaitAnswer = awaitAnswer
  }

  /** Messages that are held. */
  get heldMessages(): number {
    return this.#held
  }

  /** A place for frames that wait. */
  newHold(): HeldFrames<Frame> {
    return new HeldFrames(this.#budget)
  }

  /** Takes frames out that were held; they are to be taken in again, or abandoned. */
  release(held: HeldFrames<Frame>): readonly Frame[] {
    this.#held -= held.messages
    return held.take()
  }

  /** Gives up frames that were held. */
  abandon(held: HeldFrames<Frame>): void {
    const { messages } = held
    this.release(held)
    if (messages > 0) this.#ports.abandoned(messages)
  }

  /**
   * Holds a frame.
   *
   * @param isCounted - Whether it was held before.
   */
  hold(held: HeldFrames<Frame>, frame: Frame, isCounted = false): void {
    if (held.add(frame, isCounted)) this.#held += frame.place.count
  }

  /** Takes a frame in its order: what is missing before it is fetched first, or reported. */
  take(
    source: FollowedSource<Frame>,
    topic: TopicState<Frame>,
    frame: Frame,
    way: Way,
    settled: Settled | undefined,
  ): void {
    const { position, sequence, previous, count } = frame.place
    // what is live is wanted, also if more than the last ones left since
    if (topic.position === 0 && endOf(frame.place) > source.floorsAt) {
      topic.next = Math.min(topic.next, sequence + Math.max(0, source.floorsAt + 1 - position))
    }
    if (sequence > topic.next) {
      const { repair } = topic
      if (repair && way !== 'repair') {
        // what finds no room can be fetched later only if there is history
        if (way === 'held' || source.fetches.has(repair.fetch) || repair.held.hasRoomFor(frame)) {
          this.hold(repair.held, frame, way === 'held')
        } else {
          this.offerKnown(source)
          this.take(source, topic, frame, way, settled)
        }
        return
      }
      if (isMissing(source, topic, previous)) {
        const after = topic.interrupted ? Math.max(source.servedFrom ?? 0, topic.position) : topic.position
        const isSettled = settled !== undefined && after >= settled.after && previous <= settled.upTo
        const isRepairable = !isSettled && !repair && previous > after
        if (isRepairable && (this.canFetch(source) || this.#mayAnswer(source, frame, way))) {
          this.#repair(source, topic, after, frame, way)
          return
        }
        const reason = isSettled ? settled.reason : this.#ports.hasHistory(source.id) ? 'unavailable' : 'lost'
        this.miss(source, topic, topic.interrupted ? sequence - 1 : topic.next, sequence - 1, previous, reason)
      }
    }
    const skipped = Math.min(count, Math.max(0, topic.next - sequence))
    topic.next = Math.max(topic.next, sequence + count)
    const end = endOf(frame.place)
    // what was held may be from before the position at which a topic is entered
    if (topic.next === sequence + count && end > 0) topic.position = end
    topic.interrupted = false
    if (skipped > 0 && (way === 'live' || way === 'held')) this.#ports.duplicates(skipped)
    if (skipped < count) this.#ports.deliver(source.id, frame, skipped, way)
    this.#moved(source, topic)
  }

  #repair(source: FollowedSource<Frame>, topic: TopicState<Frame>, after: number, frame: Frame, way: Way): void {
    const asked = { purpose: 'repair', pattern: topic.name, after, upTo: frame.place.previous } as const
    const fetch = this.#fetchOf(source, asked)
    topic.repair = { fetch, held: this.newHold() }
    source.repaired.add(topic)
    this.hold(topic.repair.held, frame, way === 'held')
    if (this.canFetch(source)) this.#ask(source, fetch)
    else this.#awaitAnswer(source)
  }

  /** Whether the answer of a source, which has not come, may offer the history that a gap needs. */
  #mayAnswer({ isOfferKnown }: FollowedSource<Frame>, frame: Frame, way: Way): boolean {
    return !isOfferKnown && !this.stopped && (way === 'held' || this.newHold().hasRoomFor(frame))
  }

  /** A source has answered, or is not waited for any more: what is missing is fetched, or lost. */
  offerKnown(source: FollowedSource<Frame>): void {
    source.isOfferKnown = true
    source.heldSince = undefined
    for (const topic of [...source.repaired]) {
      const { repair } = topic
      if (repair === undefined || source.fetches.has(repair.fetch)) continue
      if (this.canFetch(source)) this.#ask(source, repair.fetch)
      else this.conclude(source, topic, 'lost')
    }
  }

  /** A repair of a topic has ended: what was held behind it is next. */
  conclude(source: FollowedSource<Frame>, topic: TopicState<Frame>, reason: GapReason): void {
    const { repair } = topic
    if (repair === undefined) return
    const { fetch, held } = repair
    topic.repair = undefined
    source.repaired.delete(topic)
    const settled = answered(fetch, reason)
    for (const frame of this.release(held)) this.take(source, topic, frame, 'held', settled)
    const { forgotten } = held
    if (forgotten)
      this.take(source, topic, beacon(topic.name, forgotten.next, forgotten.upTo) as Frame, 'held', settled)
  }

  /** Messages up to a number and a position that were asked for are not kept any more. */
  expire(
    source: FollowedSource<Frame>,
    topic: TopicState<Frame>,
    fetch: HistoryFetch,
    sequence: number,
    position: number,
  ): void {
    const { name, repair } = topic
    // the fetch that repairs the topic reports it, too
    if (repair && repair.fetch !== fetch) {
      this.hold(repair.held, beacon(name, sequence + 1, position) as Frame)
      return
    }
    let [to, end] = [sequence, position]
    const held = repair?.held ?? source.hold
    const first = held?.firstOf(name)?.place
    if (first && first.sequence <= to) {
      // what is missing behind frames that are held is named behind them
      if (position <= fetch.upTo) held?.endAt(beacon(name, sequence + 1, position) as Frame)
      ;[to, end] = [first.sequence - 1, first.previous]
    }
    // behind `upTo`, the next frame of the topic shows what is missing
    else if (!repair && position > fetch.upTo) return
    // what was given up is from before what was asked for, but for what is held
    if (topic.interrupted && end <= fetch.after) return
    if (to >= topic.next) this.miss(source, topic, topic.interrupted ? to : topic.next, to, end, 'expired')
  }

  /** Reports messages as missing. */
  miss(
    source: FollowedSource<Frame>,
    topic: TopicState<Frame>,
    from: number,
    to: number,
    position: number,
    reason: GapReason,
  ): void {
    topic.next = to + 1
    topic.position = position
    topic.interrupted = false
    this.#ports.gap(source.id, topic.name, from, to, reason)
    this.#moved(source, topic)
  }

  #moved(source: FollowedSource<Frame>, { name, next, position }: TopicState<Frame>): void {
    this.#ports.moved(source.id, name, next - 1, position)
    const { milestone } = source
    if (milestone === undefined) return
    if ((milestone.due.get(name) ?? Number.POSITIVE_INFINITY) <= next) milestone.due.delete(name)
    this.checkMilestone(source)
  }

  /** Everything up to a milestone is done when all topics have come that far. */
  checkMilestone(source: FollowedSource<Frame>): void {
    const { milestone } = source
    if (!milestone?.isComplete || milestone.due.size > 0) return
    source.milestone = undefined
    if (milestone.position > (source.doneUpTo ?? 0)) this.done(source, milestone.position)
  }

  /** What was asked for behind a position is complete up to another one. */
  doneFrom(source: FollowedSource<Frame>, after: number, upTo: number): void {
    const { doneUpTo } = source
    if (doneUpTo === undefined || (after <= doneUpTo && upTo > doneUpTo)) this.done(source, upTo)
  }

  /** Everything up to a position is done. */
  done(source: FollowedSource<Frame>, position: number): void {
    source.doneUpTo = position
    // where the last messages are wanted, those before them are not missing
    this.#ports.done(source.id, position, source.isWhole && source.floorsAt === Number.POSITIVE_INFINITY)
  }

  /** Whether there is history, and somebody who wants it. */
  canFetch({ id }: FollowedSource<Frame>): boolean {
    return !this.stopped && this.#ports.hasHistory(id)
  }

  /** Asks the history of a source. */
  ask(
    source: FollowedSource<Frame>,
    asked: Pick<HistoryFetch, 'purpose' | 'after'> & Partial<HistoryFetch>,
  ): HistoryFetch {
    const fetch = this.#fetchOf(source, asked)
    this.#ask(source, fetch)
    return fetch
  }

  #fetchOf({ id }: FollowedSource<Frame>, asked: Parameters<TopicOrder<Frame>['ask']>[1]): HistoryFetch {
    return { source: id, pattern: this.#pattern, upTo: 0, last: 0, since: null, retained: false, ...asked }
  }

  #ask(source: FollowedSource<Frame>, fetch: HistoryFetch): void {
    source.fetches.add(fetch)
    this.#ports.fetch(fetch)
  }
}

/** Tells whether messages up to a position are missing that should have come. */
function isMissing<Frame extends FollowedFrame>(
  { servedFrom }: FollowedSource<Frame>,
  { interrupted }: TopicState<Frame>,
  previous: number,
): boolean {
  // its publisher has forgotten the topic, and begins with a number above all that it may have had
  if (previous === 0) return false
  // what was published before the subscription was served is not missing
  return !interrupted || (servedFrom !== undefined && previous > servedFrom)
}

/** Whether a slow connection brings what left before the answer that came over another one, and is not wanted. */
export function isStale<Frame extends FollowedFrame>(
  source: FollowedSource<Frame>,
  { topic, place }: Frame,
  isNow: boolean,
): boolean {
  const from = source.servedFrom
  if (from === undefined || place.position > from || source.known(topic)?.interrupted === false) return false
  return place.count === 0 || (!isNow && endOf(place) <= from)
}

/** The topic of a frame. */
export function topicOf<Frame extends FollowedFrame>(source: FollowedSource<Frame>, { topic, place }: Frame) {
  return source.topic(topic, place.position)
}

/** What a replay covers. */
export function answered({ after, upTo }: HistoryFetch, reason: GapReason): Settled {
  return { after, upTo, reason }
}

/** What two replays cover, one after the other. */
export function joined(before: Settled | undefined, settled: Settled): Settled {
  return before && settled.after <= before.upTo ? { ...settled, after: Math.min(before.after, settled.after) } : settled
}
