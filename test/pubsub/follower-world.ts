/**
 * A small world around followers: publishers with a log, connections that lose and repeat, and replays in parts.
 *
 * Everything that happens is said by a test; it chooses nothing.
 */

import type { Cursor } from '../../patterns/pubsub/cursor.js'
import { CursorJournal, type CursorMark, cursorBehind } from '../../patterns/pubsub/cursor-journal.js'
import type { FollowedFrame } from '../../patterns/pubsub/followed-frame.js'
import { HoldBudget } from '../../patterns/pubsub/held-frames.js'
import type { HistoryFetch } from '../../patterns/pubsub/history-fetch.js'
import { isReplay } from '../../patterns/pubsub/history-fetch.js'
import { type Since, startOf } from '../../patterns/pubsub/since.js'
import { TopicFollower } from '../../patterns/pubsub/topic-follower.js'
import { topicPattern } from '../../patterns/pubsub/topic-name.js'
import type { Way } from '../../patterns/pubsub/topic-order.js'

/** A frame of the world. */
export interface Frame extends FollowedFrame {
  readonly time: number
  readonly isRetained: boolean
}

/** What a stream has shown. */
export type Shown =
  | { kind: 'message'; source: string; topic: string; sequence: number; way: Way; cursor: () => Cursor }
  | { kind: 'gap'; source: string; topic: string; from: number; to: number; reason: string }
  | { kind: 'live'; source: string }

/** A publisher that keeps its frames. */
export class Kept {
  readonly id: string
  position = 0
  readonly topics = new Map<string, { next: number; previous: number }>()
  /** What is kept, in order. */
  log: Frame[] = []
  readonly trimmed: Frame[] = []
  readonly retained = new Map<string, Frame>()

  constructor(id: string) {
    this.id = id
  }

  publish(topic: string, count: number, { time = 0, isRetained = false } = {}): Frame {
    const at = this.topics.get(topic) ?? { next: 1, previous: 0 }
    const place = { position: this.position + 1, sequence: at.next, previous: at.previous, count }
    const frame = { topic, place, bytes: 100 * count, time, isRetained }
    if (count > 0) {
      this.position += count
      this.topics.set(topic, { next: at.next + count, previous: this.position })
      this.log.push(frame)
      if (isRetained) this.retained.set(topic, frame)
    }
    return frame
  }

  beacon(topic: string): Frame {
    return this.publish(topic, 0)
  }

  /** Gives up the oldest frames. */
  trim(frames: number): void {
    this.trimmed.push(...this.log.splice(0, frames))
  }
}

/** A replay at a publisher, in parts of one frame. */
class Replay {
  readonly fetch: HistoryFetch
  readonly #kept: Kept
  readonly #fits: (topic: string) => boolean
  #position: number
  readonly #floors = new Map<string, number>()

  constructor(fetch: HistoryFetch, kept: Kept) {
    this.fetch = fetch
    this.#kept = kept
    this.#position = fetch.after
    const pattern = topicPattern(fetch.pattern)
    this.#fits = (topic) => pattern.matches(topic.split('.'))
    if (fetch.last === 0) return
    for (const { topic, place } of [...kept.trimmed, ...kept.log]) {
      const upTo = Math.min(place.count, fetch.upTo - place.position + 1)
      if (upTo > 0) this.#floors.set(topic, place.sequence + upTo - fetch.last)
    }
  }

  /** Gives the next part; returns false at the end. */
  step(follower: TopicFollower<Frame>): boolean {
    const { fetch } = this
    if (!isReplay(fetch)) {
      const limit = fetch.after
      for (const [topic, { next, previous }] of this.#kept.topics) {
        if (previous > limit && this.#fits(topic)) follower.head(fetch, topic, next, previous)
      }
      follower.ended(fetch, 'complete', this.#kept.position)
      return false
    }
    const expired = new Map<string, { sequence: number; position: number }>()
    if (!fetch.retained && fetch.since === null) {
      for (const { topic, place } of this.#kept.trimmed) {
        const position = place.position + place.count - 1
        const sequence = place.sequence + place.count - 1
        if (position <= this.#position || fetch.upTo <= this.#position || !this.#fits(topic)) continue
        if (sequence < (this.#floors.get(topic) ?? 0)) continue
        // like the service: the last one that was given up, which may be behind what was asked for
        expired.set(topic, { sequence, position })
      }
    }
    let furthest = this.#position
    for (const [topic, { sequence, position }] of expired) {
      follower.expired(fetch, topic, sequence, position)
      furthest = Math.max(furthest, position)
    }
    const log = fetch.retained
      ? [...this.#kept.retained.values()].sort((a, b) => a.place.position - b.place.position)
      : this.#kept.log
    const next = log.find(({ topic, place, time }) => {
      if (place.position > fetch.upTo || place.position + place.count - 1 <= furthest || !this.#fits(topic))
        return false
      if (fetch.since !== null && time < fetch.since.getTime()) return false
      return place.sequence + place.count - 1 >= (this.#floors.get(topic) ?? 0)
    })
    if (next === undefined) {
      follower.ended(fetch, 'complete', 0)
      return false
    }
    this.#position = Math.max(furthest, next.place.position + next.place.count - 1)
    follower.fetched(fetch, next)
    return true
  }
}

/** A stream with its follower. */
export class Following {
  readonly shown: Shown[] = []
  readonly budget: HoldBudget
  readonly follower: TopicFollower<Frame>
  duplicates = 0
  abandoned = 0
  now = 0
  /** How long connections were not read. */
  unreadMs = 0
  watchedAt: number | undefined
  /** Fetches that have not ended. */
  readonly replays: Replay[] = []
  readonly journal = new CursorJournal()
  readonly withHistory = new Set<string>()

  constructor(
    publishers: readonly Kept[],
    since: Since,
    pattern = '#',
    holdBytes = 1_000_000,
    seen = (_: { sequence: number }) => {},
  ) {
    this.budget = new HoldBudget(holdBytes)
    for (const { id } of publishers) this.withHistory.add(id)
    const { start } = startOf(since)
    this.follower = new TopicFollower<Frame>(
      { pattern, start, answerMs: 1000, budget: this.budget },
      {
        now: () => this.now,
        readingMs: () => this.now - this.unreadMs,
        watch: (at) => {
          this.watchedAt = at
        },
        hasHistory: (source) => this.withHistory.has(source),
        deliver: (source, { topic, place }, skipped, way) => {
          const mark: CursorMark = this.journal.mark()
          for (let n = skipped; n < place.count; n++) {
            const sequence = place.sequence + n
            const cursor = () => cursorBehind(mark, source, topic, { sequence, position: place.position + n }).cursor
            this.shown.push({ kind: 'message', source, topic, sequence, way, cursor })
            seen({ sequence })
          }
        },
        gap: (source, topic, from, to, reason) => this.shown.push({ kind: 'gap', source, topic, from, to, reason }),
        duplicates: (messages) => {
          this.duplicates += messages
        },
        abandoned: (messages) => {
          this.abandoned += messages
        },
        live: (source) => this.shown.push({ kind: 'live', source }),
        fetch: (fetch) => {
          const kept = publishers.find(({ id }) => id === fetch.source)
          if (kept === undefined) throw new Error(`a fetch of ${fetch.source}, which keeps nothing`)
          this.replays.push(new Replay(fetch, kept))
        },
        cancel: (fetch) => {
          const at = this.replays.findIndex((replay) => replay.fetch === fetch)
          if (at < 0) throw new Error('a fetch is cancelled that has ended')
          this.replays.splice(at, 1)
        },
        done: (source, position, isWhole) => this.journal.done(source, position, isWhole),
        moved: (source, topic, sequence, position) => this.journal.moved(source, topic, sequence, position),
      },
    )
  }

  /** One part of one replay. */
  step(which = 0): void {
    const replay = this.replays[which % Math.max(1, this.replays.length)]
    if (replay === undefined) return
    if (!replay.step(this.follower)) this.#remove(replay)
  }

  /** One replay fails. */
  fail(which = 0): void {
    const replay = this.replays[which % Math.max(1, this.replays.length)]
    if (replay === undefined) return
    this.#remove(replay)
    this.follower.ended(replay.fetch, 'unavailable', 0)
  }

  /** All replays to their end. */
  settle(): void {
    for (let steps = 0; this.replays.length > 0; steps++) {
      if (steps > 100_000) throw new Error('it asks for ever')
      this.step(steps)
    }
  }

  #remove(replay: Replay): void {
    const at = this.replays.indexOf(replay)
    if (at >= 0) this.replays.splice(at, 1)
  }

  /** As texts: `a1`, `gap a2-3 lost`, `live`. */
  texts(): string[] {
    return this.shown.map((one) => {
      if (one.kind === 'message') return `${one.topic}${one.sequence}`
      return one.kind === 'gap' ? `gap ${one.topic}${one.from}-${one.to} ${one.reason}` : 'live'
    })
  }
}
