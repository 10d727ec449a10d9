/**
 * What a hub fetches of the history of its publishers: what it has lost, and what they published before it forwarded anything.
 *
 * Pure: it is given gaps, and what subscribers ask for, and answers when the log of the hub has all that can be had. Ranges that were
 * fetched are remembered, so that they are fetched once.
 */
import type { HistoryAsker } from './history-call.js'
import type { FetchOutcome, HistoryFetch } from './history-fetch.js'
import type { HubGap, HubRange } from './hub-order.js'
import type { TopicFrame } from './topic-frame.js'
import { topicPattern } from './topic-name.js'
import type { Range } from './topics-wire.js'

/** What it needs of its hub. */
export interface HubBackfillPorts {
  /** Whether the history of a publisher can be asked for. */
  hasHistory(source: string): boolean
  /** Asks for it; nothing is answered within the call. */
  fetch(fetch: HistoryFetch, asker: HistoryAsker): void
  /** Puts a frame in the log; one that is retained as the value of its topic. */
  keep(frame: TopicFrame, as: 'message' | 'retained'): void
  /** Forwards a frame that was lost at the end of a topic: it shows what is missing before it. */
  late(frame: TopicFrame): void
  /** Retained values of the topics that fit a pattern, up to a position, are those of these topics alone. */
  retained(source: string, pattern: string, upTo: number, topics: ReadonlySet<string>): void
  /** Calls back when what was put in the log can be read. */
  whenKept(callback: () => void): void
  /** Whether all messages of a topic in a range have come. */
  covers(source: string, topic: string, range: HubRange): boolean
  /** All messages of a topic in a range are in the log that can be had; before them it was complete from a position on. */
  joined(source: string, topic: string, range: HubRange, from: number): void
}

/** Somebody that waits for a fetch. */
interface Waiter {
  /** Nothing more is to be had: whether everything was answered. */
  done(isComplete: boolean): void
  /** Something has arrived. */
  progress?(): void
}

/** Something that is being fetched. */
interface Fetching {
  readonly fetch: HistoryFetch
  readonly waiting: Waiter[]
}

/** A topic that is being repaired; what is missing meanwhile is fetched next. */
interface Repairing {
  next: { gap: HubGap; isLate: boolean } | undefined
}

/** Patterns whose ranges are remembered. */
const maxFilled = 16_384

/** Topics that are repaired at the same time; others are repaired when subscribers ask for them. */
const maxRepairs = 16_384

/** A range of at most so many positions of one topic is a repair, for which a subscriber does not wait long. */
const shortPositions = 65_536

/** Fetches what is missing in the log of a hub. */
export class HubBackfill {
  readonly #ports: HubBackfillPorts
  /** What was fetched, by source and pattern. */
  readonly #filled = new Map<string, HubRange>()
  readonly #fetching = new Map<string, Fetching[]>()
  readonly #repairs = new Map<string, Repairing>()

  constructor(ports: HubBackfillPorts) {
    this.#ports = ports
  }

  /**
   * Repairs a topic.
   *
   * @param isLate - The last frame is forwarded, since nobody else can know that it is missing.
   */
  repair(source: string, topic: string, gap: HubGap, isLate: boolean): void {
    const key = keyOf(source, topic)
    const open = this.#repairs.get(key)
    if (open) {
      const { next } = open
      open.next = next ? { gap: { ...next.gap, upTo: gap.upTo }, isLate: next.isLate || isLate } : { gap, isLate }
    } else if (this.#repairs.size < maxRepairs && this.#ports.hasHistory(source)) {
      this.#repairs.set(key, { next: undefined })
      this.#repair(source, topic, gap, isLate)
    }
  }

  /**
   * Calls back when the log has what is wanted of a source, as far as it can be had.
   *
   * It may call back at once. Returns what makes it not call back any more.
   *
   * @param progress - Called when something of it has arrived.
   */
  complete(source: string, ranges: readonly Range[], done: () => void, progress: () => void): () => void {
    let left = ranges.length
    let isWanted = true
    // what was forwarded may wait for the disk
    const ready = () =>
      this.#ports.whenKept(() => {
        if (isWanted) done()
      })
    const waiter: Waiter = {
      done: () => {
        left -= 1
        if (left === 0 && isWanted) ready()
      },
      progress: () => {
        if (isWanted) progress()
      },
    }
    if (left === 0) ready()
    for (const range of ranges) this.#need(source, range, waiter)
    return () => {
      isWanted = false
    }
  }

  #repair(source: string, topic: string, gap: HubGap, isLate: boolean): void {
    const { after, upTo, from } = gap
    const done = (isComplete: boolean) => {
      if (isComplete) this.#ports.joined(source, topic, gap, from)
      const key = keyOf(source, topic)
      const next = this.#repairs.get(key)?.next
      this.#repairs.delete(key)
      if (next) this.repair(source, topic, next.gap, next.isLate)
    }
    if (isLate) this.#fetch(fetchOf(source, { pattern: topic, after, upTo }), true, { done })
    else this.#need(source, { pattern: topic, after, upTo }, { done })
  }

  #need(source: string, range: Range, waiter: Waiter): void {
    if (!this.#ports.hasHistory(source)) {
      waiter.done(false)
      return
    }
    const fetch = fetchOf(source, range)
    const after = fetch.retained ? fetch.after : this.#missingFrom(fetch)
    if (after === undefined) {
      waiter.done(true)
      return
    }
    const missing = isPlain(fetch) ? { ...fetch, after } : fetch
    const open = this.#fetching.get(keyOf(source, fetch.pattern))?.find((one) => brings(one.fetch, missing))
    if (open === undefined) {
      this.#fetch(missing, false, waiter)
      return
    }
    open.waiting.push({
      ...waiter,
      // the rest is fetched then
      done: (isComplete) =>
        isComplete && isPlain(fetch) ? this.#need(source, range, waiter) : waiter.done(isComplete),
    })
  }

  /** From which position on something is missing of what is wanted; `undefined` if nothing is. */
  #missingFrom({ source, pattern, after, upTo }: HistoryFetch): number | undefined {
    if (upTo > 0 && upTo <= after) return undefined
    const isExact = topicPattern(pattern).exact
    if (upTo > 0 && isExact && this.#ports.covers(source, pattern, { after, upTo })) return undefined
    const filled = this.#filled.get(keyOf(source, pattern))
    if (filled === undefined || after < filled.after || after > filled.upTo) return after
    return upTo > 0 && upTo <= filled.upTo ? undefined : filled.upTo
  }

  #fetch(fetch: HistoryFetch, isLate: boolean, waiter: Waiter): void {
    const { source, pattern } = fetch
    const key = keyOf(source, pattern)
    const all = this.#fetching.get(key) ?? []
    const one: Fetching = { fetch, waiting: [waiter] }
    all.push(one)
    this.#fetching.set(key, all)
    const topics = new Set<string>()
    let last: TopicFrame | undefined
    this.#ports.fetch(fetch, {
      progress: () => {
        for (const { progress } of one.waiting) progress?.()
      },
      fetched: (_, frame) => {
        if (fetch.retained) topics.add(frame.topic)
        if (isLate) last = frame
        this.#ports.keep(frame, fetch.retained ? 'retained' : 'message')
      },
      expired() {},
      head() {},
      ended: (_, outcome) => {
        if (outcome === 'complete' && fetch.retained) this.#ports.retained(source, pattern, fetch.upTo, topics)
        this.#ports.whenKept(() => {
          if (last) this.#ports.late(last)
          this.#ended(key, one, outcome)
        })
      },
    })
  }

  #ended(key: string, one: Fetching, outcome: FetchOutcome): void {
    const { fetch, waiting } = one
    const left = this.#fetching.get(key)?.filter((other) => other !== one) ?? []
    if (left.length > 0) this.#fetching.set(key, left)
    else this.#fetching.delete(key)
    const isComplete = outcome === 'complete'
    if (isComplete && isPlain(fetch) && fetch.upTo > 0) this.#fill(key, fetch)
    for (const { done } of waiting) done(isComplete)
  }

  #fill(key: string, { source, pattern, after, upTo }: HistoryFetch): void {
    const before = this.#filled.get(key)
    const isJoined = before !== undefined && after <= before.upTo && upTo >= before.after
    const filled = isJoined
      ? { after: Math.min(after, before.after), upTo: Math.max(upTo, before.upTo) }
      : { after, upTo }
    this.#filled.delete(key)
    if (this.#filled.size >= maxFilled) this.#filled.delete(this.#filled.keys().next().value as string)
    this.#filled.set(key, filled)
    if (topicPattern(pattern).exact) this.#ports.joined(source, pattern, filled, filled.after)
  }
}

function keyOf(source: string, pattern: string): string {
  return `${source} ${pattern}`
}

function fetchOf(source: string, range: Range): HistoryFetch {
  const { pattern, after = 0, upTo = 0, last = 0, since = null, retained = false } = range
  const isShort = upTo > 0 && upTo - after <= shortPositions && topicPattern(pattern).exact
  const purpose = isShort && last === 0 && since === null && !retained ? 'repair' : 'history'
  return { source, purpose, pattern, after, upTo, last, since, retained }
}

/** Whether all messages of a range are wanted. */
function isPlain({ last, since, retained }: HistoryFetch): boolean {
  return last === 0 && since === null && !retained
}

/** Whether what is fetched brings what is wanted, or the beginning of it. */
function brings(open: HistoryFetch, wanted: HistoryFetch): boolean {
  if (isPlain(open) && isPlain(wanted)) {
    // a repair does not wait for a long replay
    const isInTime = open.purpose === 'repair' || wanted.purpose === 'history'
    return isInTime && open.after <= wanted.after && wanted.after < open.upTo
  }
  return (
    open.after === wanted.after &&
    open.upTo === wanted.upTo &&
    open.last === wanted.last &&
    open.since?.getTime() === wanted.since?.getTime() &&
    open.retained === wanted.retained
  )
}
