/**
 * The bounds that several logs share: what is given up, and when.
 *
 * The oldest frame goes first, by when frames left; of one log, always the first. Retained values go when no frame is left.
 */
import { type Clock, longestTimerMs, type Timer } from '../../src/clock/index.js'
import type { Kept, LogIndex } from './log-index.js'
import type { LoggedTopic } from './logged-topic.js'
import { OrderHeap } from './order-heap.js'
import type { HistoryBounds, HistoryStats, LoggedFrame } from './topic-log.js'

/** Topics of which nothing is kept may take one part in so many of the bytes; then the oldest are forgotten. */
const endedShare = 4

/** How long frames that have become too old may still be kept, in milliseconds: so that many are given up together. */
const ageSlackMs = 250

/** Removes what is given up from elsewhere, too. */
export interface Elsewhere {
  /** A frame is given up. */
  givenUp(index: LogIndex, position: number, topic: LoggedTopic): void
  /** Frames were given up for their age while nothing was appended: nothing that is written will remove them. */
  aged(): void
}

/** Keeps logs within their bounds. */
export class LogBounds {
  readonly kept: Kept = { messages: 0, bytes: 0, endedBytes: 0, ended: new Set(), expired: 0 }
  readonly #bounds: HistoryBounds
  readonly #isNothingKept: boolean
  readonly #clock: Pick<Clock, 'wallNow' | 'setTimer'>
  readonly #elsewhere: Elsewhere | undefined
  /** Logs with frames, and those with retained values. */
  readonly #heap = new OrderHeap<LogIndex>()
  readonly #retaining = new Set<LogIndex>()

  /** Fires when the oldest frame may have become too old. */
  #timer: Timer | undefined
  #isClosed = false

  constructor(bounds: HistoryBounds, clock: Pick<Clock, 'wallNow' | 'setTimer'>, elsewhere?: Elsewhere) {
    this.#bounds = bounds
    this.#isNothingKept = bounds.maxMessages === 0 && elsewhere === undefined
    this.#clock = clock
    this.#elsewhere = elsewhere
  }

  /** Adds a frame to a log, behind its others or where it is missing, and gives up what exceeds the bounds; returns whether it was added. */
  append(index: LogIndex, frame: LoggedFrame): boolean {
    const now = this.#clock.wallNow()
    const time = Math.min(frame.time, now)
    if (frame.position <= index.position) {
      if (!index.insert(frame, time)) return false
    } else if (this.#isNothingKept) {
      // nothing is copied that would be given up at once
      index.pass(frame, time)
    } else {
      index.append(frame, time)
    }
    this.#order(index)
    if (frame.isRetained) this.#retaining.add(index)
    this.#keep(now)
    return true
  }

  /** Makes the message of a frame the retained value of its topic, as it was before the process. */
  retain(index: LogIndex, frame: LoggedFrame): void {
    index.retainFrame(frame)
    this.#retaining.add(index)
    this.#keep(this.#clock.wallNow())
  }

  /** Gives up what exceeds the bounds. */
  apply(): void {
    this.#keep(this.#clock.wallNow())
  }

  /** Gives up what has become too old. */
  refresh(): void {
    if (this.#bounds.maxAgeMs < Number.POSITIVE_INFINITY) this.apply()
  }

  /** Gives up all that is kept of a log. */
  forget(index: LogIndex): void {
    this.#heap.remove(index)
    this.#retaining.delete(index)
    index.removeAll()
  }

  stats(): HistoryStats {
    this.refresh()
    const { messages, bytes, expired } = this.kept
    return Object.freeze({ messages, bytes, expired })
  }

  #order(index: LogIndex): void {
    const { oldest } = index
    if (oldest === undefined) {
      this.#heap.remove(index)
    } else if (oldest !== index.order || index.place < 0) {
      index.order = oldest
      this.#heap.put(index)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #keep(now: number): void {
    this.#giveUp(now)
    if (this.#timer === undefined) this.#watch(now)
  }

  /** Looks again when the oldest frame is too old, whether or not anything is appended or read. */
  #watch(now: number): void {
    const { maxAgeMs } = this.#bounds
    const { first } = this.#heap
    if (first === undefined || maxAgeMs === Number.POSITIVE_INFINITY || this.#isClosed) return
    const dueMs = first.order + maxAgeMs - now + ageSlackMs
    this.#timer = this.#clock.setTimer(
      () => {
        this.#timer = undefined
        this.apply()
        this.#elsewhere?.aged()
      },
      Math.min(dueMs, longestTimerMs),
    )
  }

  #giveUp(now: number): void {
    const { maxMessages, maxBytes, maxAgeMs } = this.#bounds
    const { kept } = this
    const youngest = now - maxAgeMs
    if (kept.bytes > maxBytes) this.#forgetTopics()
    for (let index = this.#heap.first; index !== undefined; index = this.#heap.first) {
      if (kept.messages <= maxMessages && kept.bytes <= maxBytes && index.order >= youngest) return
      const position = index.table.first?.first ?? 0
      const topic = index.shift()
      this.#elsewhere?.givenUp(index, position, topic)
      this.#order(index)
      if (kept.bytes > maxBytes) this.#forgetTopics()
    }
    for (const index of this.#retaining) {
      for (let topic = index.oldestRetained; topic !== undefined; topic = index.oldestRetained) {
        if (kept.bytes <= maxBytes) return
        index.clear(topic)
      }
      this.#retaining.delete(index)
    }
  }

  /** Forgets topics of which nothing is kept where they take more than their share. */
  #forgetTopics(): void {
    const { kept } = this
    const { maxBytes } = this.#bounds
    for (const index of kept.ended) {
      while (kept.bytes > maxBytes && kept.endedBytes > maxBytes / endedShare && kept.ended.has(index))
        index.forgetEnded()
    }
  }
}
