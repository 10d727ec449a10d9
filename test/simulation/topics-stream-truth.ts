/**
 * One stream of a subscriber as it was shown, and what it may show next; a stream that continues at a cursor begins with what the
 * cursor names.
 */
import { readCursor } from '../../patterns/pubsub/cursor.js'
import type { GapReason } from '../../patterns/pubsub/history-fetch.js'
import type { Start } from '../../patterns/pubsub/since.js'
import { topicPattern } from '../../patterns/pubsub/topic-name.js'
import type { TopicsOracle } from './topics-oracle.js'
import { type Shown, type StreamMark, type StreamSettings, type TopicShown, unseen } from './topics-stream-shown.js'
import type { SourceTruth } from './topics-truth.js'

/** One stream. */
export class StreamTruth {
  readonly #oracle: TopicsOracle
  readonly #settings: StreamSettings
  readonly #fits: (topic: string) => boolean
  readonly #sources = new Map<string, Shown>()

  constructor(oracle: TopicsOracle, settings: StreamSettings) {
    this.#oracle = oracle
    this.#settings = settings
    const pattern = topicPattern(settings.pattern)
    this.#fits = (topic) => pattern.matches(topic.split('.'))
    if (settings.mark) this.#continueAt(settings.mark.cursor, settings.mark.shown)
  }

  /** What has been shown until now. */
  mark(): StreamMark {
    const sources = new Map<string, Shown>()
    for (const [id, { topics, ...rest }] of this.#sources) {
      sources.set(id, { ...rest, topics: new Map([...topics].map(([name, state]) => [name, { ...state }])) })
    }
    return { start: this.#settings.start, sources }
  }

  /** An answer has come. */
  served(id: string, position: number): void {
    const { inbox, prefix, reach } = this.#settings
    const source = this.#oracle.source(id)
    // a hub asks in its own name
    if (reach.hasHubs ? position > source.position : !source.mayServe(inbox, prefix, position))
      this.#fail(`${id} does not serve it since ${position}`)
    const shown = this.#shown(id)
    if (shown.servedAt === undefined) shown.removed = this.#oracle.source(id).removed()
    shown.servedAt ??= position
    shown.firstAt ??= position
  }

  /** Whether a publisher has answered, or a hub for it. */
  knows(id: string): boolean {
    return this.#sources.get(id)?.servedAt !== undefined
  }

  /** Nobody wants it any more; what has arrived is shown when somebody wants it again. */
  left(): void {
    const isNow = this.#settings.start.kind === 'now'
    for (const [id, shown] of this.#sources) {
      shown.leftAt = this.#oracle.source(id).position
      if (isNow) for (const state of shown.topics.values()) state.jump = 'left'
      if (isNow || !shown.isLive) shown.servedAt = undefined
    }
  }

  /** Somebody uses it again. */
  used(): void {
    for (const [id, shown] of this.#sources) shown.usedAt = this.#oracle.source(id).position
  }

  message(id: string, topic: string, number: number, message: number): void {
    const source = this.#oracle.source(id)
    const truth = source.message(topic, number)
    if (truth?.id !== message) this.#fail(`${topic} ${number} of ${id} is not what was published`)
    if (!this.#fits(topic)) this.#fail(`${topic} does not fit`)
    if (truth) truth.isSeen = true
    if (truth) this.#checkAccess(id, topic, truth.time)
    this.#oracle.delivered += 1
    if (truth?.isRetained) this.#checkPresent(source, topic, number)
    const isRetained = truth?.isRetained === true && this.#settings.start.kind === 'retained'
    this.#follow(source, topic, number, number, isRetained ? 'retained' : 'message')
  }

  gap(id: string, topic: string, from: number, to: number, reason: GapReason, mayLose: boolean): void {
    const source = this.#oracle.source(id)
    this.#oracle.gaps += 1
    // it may have waited while nobody wanted the stream
    const isOld = (source.message(topic, to)?.position ?? 0) <= this.#shown(id).leftAt
    if (from > to || to > source.count(topic)) this.#fail(`a gap ${topic} ${from} to ${to} of ${id} does not exist`)
    if (!this.#fits(topic)) this.#fail(`a gap of ${topic}, which does not fit`)
    this.#checkAccess(id, topic, source.message(topic, to)?.time ?? 0)
    if (reason === 'lost' && !mayLose && !isOld && source.keepsMessages)
      this.#fail(`${topic} ${from} is lost, although ${id} keeps history`)
    const wasDenied = this.#settings.access?.wasDenied(id, topic) === true
    if (reason === 'expired' && !wasDenied && this.#mayAsk(source) && source.keeps(topic, from, to))
      this.#fail(`${topic} ${from} to ${to} is not expired`)
    const mayReach = source.isThere && this.isServed(id) && this.#settings.reach.isOpen
    if (reason === 'unavailable' && !isOld && mayReach && this.#settings.isCalm())
      this.#fail(`${topic} ${from} to ${to} of ${id} is unavailable, although nothing is wrong`)
    this.#follow(source, topic, from, to, 'gap')
  }

  live(id: string): void {
    const shown = this.#shown(id)
    const { start, isCalm } = this.#settings
    if (shown.isLive) this.#fail(`${id} is live twice`)
    shown.isLive = true
    shown.isUnanswered = shown.servedAt === undefined
    if (start.kind === 'now') this.#fail(`${id} is live with 'now'`)
    const source = this.#oracle.source(id)
    if (!this.#mayAsk(source)) return
    if (start.kind === 'retained' && isCalm()) this.#checkRetained(source, shown)
    if (!isCalm() || !source.keepsMessages || !(start.kind === 'all' || start.kind === 'cursor')) return
    for (const topic of source.topics.keys()) {
      if (!this.#fits(topic) || !this.#isServed(id, topic)) continue
      const due = source.numberAt(topic, shown.servedAt ?? 0)
      const done = shown.topics.get(topic)?.next ?? (shown.isWhole ? 1 : source.numberAt(topic, shown.from ?? 0) + 1)
      if (done <= due) this.#fail(`${id} is live, and ${topic} ${done} to ${due} has not been shown`)
    }
  }

  /** What has not been shown of a source, each of whose topics has a message behind the last trouble. */
  missing(id: string): string | undefined {
    const shown = this.#shown(id)
    const source = this.#oracle.source(id)
    if (!this.isServed(id)) return undefined
    if (shown.servedAt === undefined) return `${this.#settings.name} has no answer of ${id}`
    for (const topic of source.topics.keys()) {
      if (!this.#fits(topic) || !this.#isServed(id, topic)) continue
      const state = shown.topics.get(topic)
      const next = state
        ? mostNext(source, shown, topic, state)
        : shown.isWhole
          ? 1
          : source.numberAt(topic, shown.from ?? shown.servedAt) + 1
      if (next <= source.count(topic))
        return `${this.#settings.name} waits for ${topic} ${next} of ${source.count(topic)} of ${id}`
    }
    if (this.#settings.start.kind !== 'now' && !shown.isLive) return `${id} is not live for ${this.#settings.name}`
    return undefined
  }

  /** Whether it is to be served by a source now: policies may deny it. */
  isServed(id: string): boolean {
    return this.#settings.access?.isServed(id) !== false
  }

  #isServed(id: string, topic: string): boolean {
    return this.#settings.access?.isServed(id, topic) !== false
  }

  /** A policy that denies a topic shows nothing of what left meanwhile. */
  #checkAccess(id: string, topic: string, time: number): void {
    if (this.#settings.access?.mayHave(id, topic, time) === false) this.#fail(`${topic} of ${id} is denied to it`)
  }

  /** Whether all that a publisher keeps can be had: a hub that has not reached it, or is full, has given up some. */
  #mayAsk(source: SourceTruth): boolean {
    const { reach, isCalm } = this.#settings
    return !reach.hasHubs || (reach.isWhole && isCalm() && source.isThere && source.keepsAll)
  }

  /** A retained value from before the answer must not have been removed then. */
  #checkPresent(source: SourceTruth, topic: string, number: number): void {
    const { id, topics } = source
    const { servedAt = 0, leftAt, removed, isUnanswered } = this.#shown(id)
    const { start, isUnreached } = this.#settings
    if (start.kind !== 'retained' || isUnanswered || isUnreached(id) || number > (removed.get(topic) ?? 0)) return
    if (!this.#mayAsk(source)) return
    const position = topics.get(topic)?.[number - 1]?.position ?? 0
    if (position <= servedAt && position > leftAt) this.#fail(`${topic} ${number} of ${id} was removed`)
  }

  /** Each retained value from before the answer must have been shown. */
  #checkRetained(source: SourceTruth, { servedAt, topics }: Shown): void {
    for (const topic of source.topics.keys()) {
      const number = source.retained(topic)
      const position = source.message(topic, number)?.position ?? Number.POSITIVE_INFINITY
      if (
        !this.#fits(topic) ||
        !this.#isServed(source.id, topic) ||
        position > (servedAt ?? 0) ||
        (topics.get(topic)?.next ?? 1) > number
      )
        continue
      this.#fail(`${source.id} is live, and the retained value ${topic} ${number} has not been shown`)
    }
  }

  #shown(id: string): Shown {
    let shown = this.#sources.get(id)
    if (!shown) {
      const { kind } = this.#settings.start
      const isWhole = kind === 'all' || kind === 'cursor'
      shown = { ...unseen, from: isWhole ? 0 : undefined, isWhole, topics: new Map() }
      this.#sources.set(id, shown)
    }
    return shown
  }

  #fail(what: string): void {
    this.#oracle.fail(`${this.#settings.name}: ${what}`)
  }

  /** Messages are shown, or named as missing. */
  #follow(source: SourceTruth, topic: string, from: number, to: number, what: 'message' | 'retained' | 'gap'): void {
    const shown = this.#shown(source.id)
    const state = shown.topics.get(topic)
    const isRetained = what === 'retained'
    const { position = 0 } = source.message(topic, to) ?? {}
    const isOld = position <= shown.leftAt
    if (state === undefined) {
      this.#begin(source, shown, topic, from, to, what === 'gap')
      const isLate = isOld && this.#settings.start.kind === 'now'
      shown.topics.set(topic, { next: to + 1, jump: isRetained ? 'retained' : isLate ? 'late' : undefined })
      return
    }
    const { next, jump } = state
    const { reach, isCalm } = this.#settings
    const mayBeAhead = reach.hasWays && (jump === 'left' || jump === 'late')
    const most = mayBeAhead ? Number.POSITIVE_INFINITY : mostNext(source, shown, topic, state)
    const isLone = what === 'gap' && from === to
    if (from < next) this.#fail(`${topic} ${from} of ${source.id} is shown again, ${next} is next`)
    else if (from > most && (jump === undefined || isRetained || (jump !== 'retained' && !isLone)))
      this.#fail(`${topic} ${next} to ${from - 1} of ${source.id} is not shown`)
    // what a hub announces may be from before it was cut off from publishers
    if (jump === 'left' && what === 'gap' && !isOld && position <= shown.usedAt && (!reach.hasHubs || isCalm()))
      this.#fail(`${topic} ${from} to ${to} of ${source.id} is missing, although nobody wanted it`)
    state.next = to + 1
    const mayFollow = isOld && (jump === 'left' || jump === 'late')
    state.jump = mayFollow ? 'late' : undefined
  }

  /** What a topic may begin with. */
  #begin(source: SourceTruth, shown: Shown, topic: string, from: number, to: number, isGap: boolean): void {
    const { start } = this.#settings
    const [least, most] = this.#beginning(source, shown, topic, start)
    const { isWhole } = shown
    // of topics whose numbers are not known, the last missing message is named alone
    const isLone = from === to && !isWhole
    // and nobody knows when it left
    const mayPrecede = start.kind === 'date' && isGap && isLone && from === least - 1
    const wasDenied = this.#settings.access?.wasDenied(source.id, topic) === true
    if (from < least && !mayPrecede && !wasDenied)
      this.#fail(`${topic} of ${source.id} begins with ${from}, not with ${least} or later (${start.kind})`)
    if (from > most && !isLone)
      this.#fail(`${topic} of ${source.id} begins with ${from}, not with ${most} (${start.kind})`)
  }

  #beginning(source: SourceTruth, shown: Shown, topic: string, start: Start): [least: number, most: number] {
    const { servedAt, firstAt, from } = shown
    // without its history, what was held before the answer is shown
    // a hub may have less of it than its publisher
    const { reach, isUnreached: hasFailed } = this.#settings
    const isUnreached = servedAt === undefined || shown.isUnanswered || reach.hasHubs || hasFailed(source.id)
    const live = servedAt === undefined ? Number.POSITIVE_INFINITY : source.numberAt(topic, servedAt) + 1
    if (from !== undefined) {
      const first = shown.isWhole ? 1 : source.numberAt(topic, from) + 1
      return [first, first]
    }
    if (start.kind === 'last' && source.log !== undefined && servedAt !== undefined) {
      const first = source.numberAt(topic, firstAt ?? servedAt) + 1
      const least = isUnreached || !source.keepsMessages ? 1 : Math.max(1, first - start.count)
      // more may have left before its history is asked for
      return [least, Math.max(live, source.count(topic) - start.count + 1)]
    }
    if (start.kind === 'date' && source.keepsMessages) {
      const messages = source.topics.get(topic) ?? []
      const dated = messages.findIndex(({ time }) => time >= start.time.getTime()) + 1
      const first = Math.min(live, dated || live)
      const least = Math.min(first, source.numberAt(topic, firstAt ?? servedAt ?? 0) + 1)
      return isUnreached ? [1, live] : [least, first]
    }
    return [1, start.kind === 'now' && reach.hasWays ? Number.POSITIVE_INFINITY : live]
  }

  /** Takes over what a cursor names; it must be what was shown there. */
  #continueAt(cursor: string, { start, sources }: StreamMark): void {
    const named = readCursor(cursor)
    if (named === undefined) {
      this.#fail('a cursor cannot be read')
      return
    }
    for (const [id, { position, topics, isWhole }] of named) {
      const before = sources.get(id)
      const source = this.#oracle.source(id)
      const states = new Map<string, TopicShown>()
      for (const topic of source.topics.keys()) {
        if (!this.#fits(topic)) continue
        const state = before?.topics.get(topic)
        const last = topics.get(topic)?.sequence
        // what a whole cursor does not name begins with its first message, also where that is missing and not reported yet
        const next = (last ?? (isWhole ? 0 : source.numberAt(topic, position))) + 1
        const [least, most] =
          before && state
            ? [state.next, mostNext(source, before, topic, state)]
            : this.#unbegun(source, before, topic, position, start)
        if (state === undefined && last === undefined && next <= most) continue
        if (next < least || next > most)
          this.#fail(`a cursor continues with ${topic} ${next} of ${id}, and ${least} to ${most} is next`)
        // of a topic that it does not name, the stream knows no number, and begins behind the position
        if (last !== undefined) states.set(topic, { next, jump: undefined })
      }
      this.#sources.set(id, { ...unseen, from: position, isWhole, topics: states })
    }
  }

  /** Of a topic of which nothing was shown, the numbers that may be next. */
  #unbegun(source: SourceTruth, before: Shown | undefined, topic: string, position: number, start: Start) {
    if (before?.from !== undefined) return this.#beginning(source, before, topic, start)
    const served = source.numberAt(topic, Math.max(position, before?.servedAt ?? position)) + 1
    if (start.kind === 'now' && this.#settings.reach.hasWays) return [1, Number.POSITIVE_INFINITY] as const
    if (start.kind !== 'last' || before === undefined) return [1, served] as const
    const [, most] = this.#beginning(source, before, topic, start)
    return [1, Math.max(served, most)] as const
  }
}

/** The number that may be next at most: what was published between a retained value, or a leave, and the answer is not wanted. */
function mostNext(source: SourceTruth, { servedAt }: Shown, topic: string, { next, jump }: TopicShown): number {
  if (jump === undefined) return next
  const unanswered = jump === 'retained' ? 0 : Number.POSITIVE_INFINITY
  return Math.max(next, source.numberAt(topic, servedAt ?? unanswered) + 1)
}
