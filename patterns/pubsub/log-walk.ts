/**
 * A walk through a log: the frames that fit the ranges of a replay, by position, each once, and what was given up of them.
 *
 * Some ranges walk along topics and others along the log, as `wanted-topics.ts` says. The walk holds nothing of the log between
 * two calls but places, which it looks up again; what one call looks at is bounded.
 */
import { FramePlaces } from './frame-places.js'
import type { FrameSegment } from './frame-segment.js'
import type { LogIndex } from './log-index.js'
import type { LoggedTopic, RetainedValue } from './logged-topic.js'
import { OrderHeap } from './order-heap.js'
import { ReplayPart } from './replay-part.js'
import type { NamedSchema } from './schema-texts.js'
import type { LogPart, LogReplay } from './topic-log.js'
import type { Expired, Range } from './topics-wire.js'
import { TopicWalk, type WantedRange, wantedRange, wantsExpired, wantsFrame } from './wanted-range.js'
import { WantedTopics } from './wanted-topics.js'

/** Frames that one call looks at, at most. */
const maxLooks = 32_768

/** Topics that one call matches with the ranges, at most; each takes as long as so many looks at frames. */
const maxMatches = 4096
const looksPerMatch = 8

/** What a look at a frame costs, as bytes of a turn. */
const lookCost = 8

/** The implementation of `LogReplay` over an index. */
export class LogWalk implements LogReplay {
  readonly #index: LogIndex
  readonly #refresh: () => void
  readonly #wanted: WantedTopics
  /** The position up to which anything is wanted. */
  readonly #end: number
  /**
   * Where the log ended when the walk began, and which topics it had: `last` and `retained` are of that moment. What is inserted
   * before the first call counts.
   */
  readonly #begun: number
  readonly #begunKey: number
  /** What the last call has looked at: frames, and topics for so many. */
  #looks = 0
  /** Walks along topics; of these, the ones with a frame ahead, and the others. */
  #walks: TopicWalk[] = []
  #heap = new OrderHeap<TopicWalk>()
  #idle: TopicWalk[] = []
  /** The topics of the log with a smaller key are known to the walk; and which changes of it are. */
  #topics = 0
  #insertions: number
  /** The topics with a smaller key of which something was given up are matched with the ranges that walk along the log. */
  #matched = 0
  /** Where the walk along the log continues. */
  #at: number
  /** What was given up up to here is reported, or waits in `#expired`, the first one last. */
  #expiredTo: number
  #expired: Expired[] = []
  /** The last frame that was given out, and the position of the last part. */
  #given = 0
  #givenEnd = 0
  #covered: number
  readonly #schemas = new Set<NamedSchema>()
  readonly #places: FramePlaces

  /** @throws RIVULET_INVALID_OPTION for what is no pattern. */
  constructor(index: LogIndex, ranges: readonly Range[], refresh: () => void) {
    this.#index = index
    this.#places = new FramePlaces(index)
    this.#refresh = refresh
    const wanted = ranges.map(wantedRange).filter(({ after, upTo }) => upTo > after)
    this.#wanted = new WantedTopics(wanted)
    this.#begun = index.position
    this.#begunKey = index.nextKey
    this.#end = Math.max(0, ...wanted.map(({ upTo }) => upTo))
    this.#covered = this.#expiredTo = Math.min(this.#end, ...wanted.map(({ after }) => after))
    this.#at = this.#covered + 1
    this.#insertions = index.insertions
  }

  get cost(): number {
    return this.#looks * lookCost
  }

  take(bytes: number): LogPart | undefined {
    this.#refresh()
    const index = this.#index
    this.#places.forget()
    this.#looks = 0
    if (this.#insertions !== index.insertions) this.#lookAgain()
    const part = new ReplayPart(this.#schemas)
    // before all topics are known, nothing is known to be the first
    if (!this.#adopt() || !this.#matchExpired())
      return { schemas: [], expired: [], frames: [], position: this.#covered }
    if (index.expiredPosition > this.#expiredTo) this.#passExpired()
    const before = this.#covered
    this.#reportExpired(part, bytes)
    if (this.#expired.length === 0) this.#gather(part, bytes)
    const { schemas, expired, frames } = part
    if (this.#covered === before && expired.length === 0 && frames.length === 0) return undefined
    return { schemas, expired, frames, position: this.#covered }
  }

  /** Frames were put between others: all places are looked up again. */
  #lookAgain(): void {
    this.#insertions = this.#index.insertions
    this.#at = this.#covered + 1
    this.#heap = new OrderHeap()
    this.#idle = []
    for (const walk of this.#walks) {
      walk.place = -1
      this.#seek(walk)
    }
  }

  /** Begins walks along topics that were not known, and continues those that have frames again; `false` if some are left. */
  #adopt(): boolean {
    const { topics, nextKey } = this.#index
    if (this.#topics === 0 && this.#wanted.areNamed) {
      for (const name of this.#wanted.names()) {
        const topic = this.#index.topic(name)
        if (topic) this.#enter(topic)
      }
      this.#topics = nextKey
    } else if (this.#wanted.areWalked) {
      const end = Math.min(nextKey, this.#topics + maxMatches)
      this.#looks += (end - this.#topics) * looksPerMatch
      for (; this.#topics < end; this.#topics++) {
        const topic = topics.get(this.#topics)
        if (topic) this.#enter(topic)
      }
    }
    const idle = this.#idle
    this.#idle = []
    for (const walk of idle) this.#place(walk)
    return this.#topics >= nextKey || !this.#wanted.areWalked
  }

  /** Matches topics of which something was given up since the last time; `false` if some are left. */
  #matchExpired(): boolean {
    const { topics, nextKey, expiredPosition } = this.#index
    if (expiredPosition <= this.#expiredTo || this.#wanted.wildEnd <= this.#expiredTo) return true
    const end = Math.min(nextKey, this.#matched + maxMatches)
    this.#looks += (end - this.#matched) * looksPerMatch
    for (; this.#matched < end; this.#matched++) {
      const topic = topics.get(this.#matched)
      if (topic !== undefined && topic.expiredPosition > this.#expiredTo) this.#wanted.alongLog(topic)
    }
    return this.#matched >= nextKey
  }

  #enter(topic: LoggedTopic): void {
    const ranges = this.#wanted.alongTopic(topic)
    if (ranges.length === 0) return
    const plain = ranges.filter(({ retained }) => !retained).map((range) => this.#fromLast(range, topic))
    const retained = ranges.filter((range) => range.retained)
    if (plain.length > 0) this.#seek(this.#added(new TopicWalk(topic, false, plain)))
    if (retained.length > 0) this.#seek(this.#added(new TopicWalk(topic, true, retained)))
  }

  #added(walk: TopicWalk): TopicWalk {
    this.#walks.push(walk)
    return walk
  }

  /** Works out which number of a topic is the first of the last ones. */
  #fromLast(range: WantedRange, topic: LoggedTopic): WantedRange {
    // of a topic that was not there, everything is later
    if (range.last === 0 || topic.key >= this.#begunKey) return range
    return { ...range, minSequence: this.#places.sequenceAt(topic, Math.min(range.upTo, this.#begun)) - range.last + 1 }
  }

  /** Looks for the place of a walk along a topic: behind what was given out, and not before what is wanted. */
  #seek(walk: TopicWalk): void {
    const { topic, ranges } = walk
    if (!walk.retained) {
      const { frames } = topic
      const after = Math.max(this.#given, this.#covered, Math.min(...ranges.map((range) => range.after)))
      // the frame before may hold it
      let at = Math.max(0, frames.firstFrom(after + 1) - 1)
      const minSequence = Math.min(...ranges.map((range) => range.minSequence))
      if (minSequence > 0) at = Math.max(at, this.#places.frameFrom(topic, minSequence))
      walk.next = frames.removed + at
    }
    this.#place(walk)
  }

  /** Puts a walk in its order, by the next frame that is there. */
  #place(walk: TopicWalk): void {
    const { topic, retained } = walk
    let order: number | undefined
    if (retained) {
      order = topic.retained?.position
    } else {
      walk.next = Math.max(walk.next, topic.frames.removed)
      order = topic.frames.at(walk.next - topic.frames.removed)
      if (order === undefined) this.#idle.push(walk)
    }
    if (order === undefined || order > walk.end) {
      this.#heap.remove(walk)
    } else {
      walk.order = order
      this.#heap.put(walk)
    }
  }

  /** Notes what was given up of what is wanted since the last time. */
  #passExpired(): void {
    const index = this.#index
    const from = Math.max(this.#expiredTo, this.#covered)
    this.#expiredTo = index.expiredPosition
    const topics = new Set<LoggedTopic>()
    if (this.#wanted.wildEnd > from) {
      this.#looks += index.topics.size
      for (const topic of index.topics.values()) {
        if (topic.expiredPosition > from && wantsExpired(this.#wanted.alongLog(topic), topic, from)) topics.add(topic)
      }
    }
    for (const { topic, ranges, retained } of this.#walks) {
      if (!retained && topic.expiredPosition > from && wantsExpired(ranges, topic, from)) topics.add(topic)
    }
    const expired = Array.from(topics, ({ name, expiredSequence, expiredPosition }) => {
      return { topic: name, sequence: expiredSequence, position: expiredPosition }
    })
    this.#expired = [...expired.reverse(), ...this.#expired]
  }

  #reportExpired(part: ReplayPart, bytes: number): void {
    while (part.bytes < bytes) {
      const expired = this.#expired.pop()
      if (expired === undefined) return
      part.addExpired(expired)
    }
  }

  /** Gathers frames in their order from both kinds of walks. */
  #gather(part: ReplayPart, bytes: number): void {
    const { table, topics, position } = this.#index
    const { segments } = table
    const { wildEnd } = this.#wanted
    const heap = this.#heap
    let at = this.#at <= wildEnd ? table.segmentFrom(this.#at) : segments.length
    let segment = segments[at]
    let slot = segment ? segment.slotFrom(this.#at) : 0
    let isAtEnd = false
    let matched = this.#wanted.matched
    for (let looks = 0; looks < maxLooks && (part.bytes < bytes || part.frames.length === 0); looks++) {
      this.#looks++
      const along = segment ? (segment.positions[slot] as number) : Number.POSITIVE_INFINITY
      const walk = heap.first
      if (walk !== undefined && walk.order < along) {
        if (!this.#step(walk, part)) break
        continue
      }
      if (segment === undefined || along > wildEnd) {
        isAtEnd = walk === undefined
        segment = undefined
        if (isAtEnd) break
        continue
      }
      const topic = topics.get(segment.topics[slot] as number) as LoggedTopic
      const ranges = this.#wanted.alongLog(topic)
      if (this.#wanted.matched > matched) {
        matched++
        looks += looksPerMatch
        this.#looks += looksPerMatch
      }
      if (ranges.length > 0 && wantsFrame(ranges, segment, slot) && !this.#give(part, segment, slot, topic)) break
      if (++slot === segment.end) {
        segment = segments[++at]
        slot = segment ? segment.start : 0
      }
    }
    const next = segment ? (segment.positions[slot] as number) : Number.POSITIVE_INFINITY
    this.#at = Math.min(next, Math.max(this.#at, position + 1))
    const covered = isAtEnd ? position : Math.min(next, heap.first?.order ?? Number.POSITIVE_INFINITY, position + 1) - 1
    this.#covered = Math.max(this.#covered, Math.min(Math.max(covered, this.#givenEnd), this.#end))
  }

  /** Takes one step of a walk along a topic; `false` if what comes has to wait for the next part. */
  #step(walk: TopicWalk, part: ReplayPart): boolean {
    const { topic, ranges } = walk
    if (walk.retained) {
      const { retained } = topic
      if (retained === undefined || retained.position === walk.order) {
        if (retained && this.#wantsRetained(ranges, retained)) this.#giveRetained(part, retained)
        this.#heap.remove(walk)
      } else {
        this.#place(walk)
      }
      return true
    }
    const { frames } = topic
    if (frames.at(walk.next - frames.removed) === walk.order) {
      const { segment, slot } = this.#places.at(walk.order)
      if (wantsFrame(ranges, segment, slot) && !this.#give(part, segment, slot, topic)) return false
      walk.next++
    }
    this.#place(walk)
    return true
  }
  /** Adds a frame to a part; `false` if it is corrupt and has to be reported before others. */
  #give(part: ReplayPart, segment: FrameSegment, slot: number, topic: LoggedTopic): boolean {
    const position = segment.positions[slot] as number
    if (position <= this.#given || segment.lastOf(slot) <= this.#covered) return true
    const bytes = this.#index.bytesOf(segment, slot)
    if (bytes === undefined) {
      if (part.frames.length > 0) return false
      const sequence = (segment.sequences[slot] as number) + (segment.counts[slot] as number) - 1
      part.addExpired({ topic: topic.name, sequence, position: segment.lastOf(slot) })
    } else {
      part.addFrame(topic.name, bytes, this.#index.schemas.at(segment.schemas[slot] as number))
    }
    this.#given = position
    this.#givenEnd = segment.lastOf(slot)
    return true
  }

  #giveRetained(part: ReplayPart, { topic, position, schema, bytes }: RetainedValue): void {
    const frame = bytes ?? this.#index.elsewhere?.readRetained(position)
    if (frame === undefined) return
    part.addFrame(topic.name, frame, this.#index.schemas.at(schema))
    this.#given = this.#givenEnd = position
  }

  #wantsRetained(ranges: readonly WantedRange[], { position, time }: RetainedValue): boolean {
    if (position <= this.#given || position <= this.#covered) return false
    return ranges.some(({ after, upTo, since }) => {
      return position > after && position <= Math.min(upTo, this.#begun) && time >= since
    })
  }
}
