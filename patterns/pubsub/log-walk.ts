/**
 * A walk through a log: the frames that fit the ranges of a replay, by position, each once, and what was given up of them.
 *
 * Ranges of one topic, and those that need to know where each topic ended, walk along the topics; the other patterns walk
 * along the log. The walk holds nothing of the log between two calls but places, which it looks up again.
 */
import type { FrameSegment } from './frame-segment.js'
import type { LogIndex } from './log-index.js'
import type { LoggedTopic, RetainedValue } from './logged-topic.js'
import { OrderHeap } from './order-heap.js'
import { ReplayPart } from './replay-part.js'
import type { NamedSchema } from './schema-texts.js'
import type { LogPart, LogReplay } from './topic-log.js'
import type { Expired, Range } from './topics-wire.js'
import { TopicWalk, type WantedRange, wantedRange, wantsExpired, wantsFrame } from './wanted-range.js'

/** Frames that one call looks at, at most. */
const maxLooks = 65_536

/** The implementation of `LogReplay` over an index. */
export class LogWalk implements LogReplay {
  readonly #index: LogIndex
  readonly #refresh: () => void
  /** Ranges that walk along the log, those of one topic by its name, and those that fit several. */
  readonly #wild: WantedRange[] = []
  readonly #exact = new Map<string, WantedRange[]>()
  readonly #several: WantedRange[] = []
  /** Of each topic by its key: the ranges of `#wild` that it fits. */
  readonly #fitting = new Map<number, readonly WantedRange[]>()
  /** The position up to which anything is wanted, and up to which the walk along the log goes. */
  readonly #end: number
  readonly #wildEnd: number
  /** Where the log ended when the walk began: `last` and `retained` are of that moment. */
  readonly #begun: number
  #hasBegun = false
  /** Walks along topics; of these, the ones with a frame ahead, and the others. */
  #walks: TopicWalk[] = []
  #heap = new OrderHeap<TopicWalk>()
  #idle: TopicWalk[] = []
  /** The topics of the log with a smaller key are known to the walk; and which changes of it are. */
  #topics = 0
  #insertions: number
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
  /** Where the last look was: the next one is often just behind it. Of one call alone. */
  #segment: FrameSegment | undefined
  #slot = 0

  /** @throws RIVULET_INVALID_OPTION for what is no pattern. */
  constructor(index: LogIndex, ranges: readonly Range[], refresh: () => void) {
    this.#index = index
    this.#refresh = refresh
    const wanted = ranges.map(wantedRange).filter(({ after, upTo }) => upTo > after)
    for (const range of wanted) {
      const { exact, text } = range.pattern
      if (exact) this.#exact.set(text, [...(this.#exact.get(text) ?? []), range])
      else (range.retained || range.last > 0 ? this.#several : this.#wild).push(range)
    }
    this.#begun = index.position
    this.#end = Math.max(0, ...wanted.map(({ upTo }) => upTo))
    this.#wildEnd = Math.max(0, ...this.#wild.map(({ upTo }) => upTo))
    this.#covered = this.#expiredTo = Math.min(this.#end, ...wanted.map(({ after }) => after))
    this.#at = this.#covered + 1
    this.#insertions = index.insertions
    this.#adopt()
    this.#hasBegun = true
  }

  take(bytes: number): LogPart | undefined {
    this.#refresh()
    const index = this.#index
    this.#segment = undefined
    if (this.#insertions !== index.insertions) this.#lookAgain()
    this.#adopt()
    if (index.expiredPosition > this.#expiredTo) this.#passExpired()
    const part = new ReplayPart(this.#schemas)
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

  /** Begins walks along topics that were not known, and continues those that have frames again. */
  #adopt(): void {
    const { topics, nextKey } = this.#index
    if (this.#topics === 0 && this.#several.length === 0) {
      for (const name of this.#exact.keys()) {
        const topic = this.#index.topic(name)
        if (topic) this.#enter(topic)
      }
    } else if (this.#exact.size > 0 || this.#several.length > 0) {
      for (let key = this.#topics; key < nextKey; key++) {
        const topic = topics.get(key)
        if (topic) this.#enter(topic)
      }
    }
    this.#topics = nextKey
    if (this.#idle.length === 0) return
    const idle = this.#idle
    this.#idle = []
    for (const walk of idle) this.#place(walk)
  }

  #enter(topic: LoggedTopic): void {
    const several = this.#several.filter(({ pattern }) => pattern.matches(topic.words))
    const ranges = [...(this.#exact.get(topic.name) ?? []), ...several]
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
    if (range.last === 0 || this.#hasBegun) return range
    return { ...range, minSequence: this.#sequenceAt(topic, Math.min(range.upTo, this.#begun)) - range.last + 1 }
  }

  /** The number of the last message of a topic up to a position. */
  #sequenceAt(topic: LoggedTopic, position: number): number {
    if (topic.position <= position) return topic.sequence
    const at = topic.frames.firstFrom(position + 1) - 1
    if (at < 0) return topic.expiredSequence
    const { segment, slot } = this.#look(topic.frames.at(at) as number)
    const first = segment.positions[slot] as number
    return (segment.sequences[slot] as number) + Math.min(segment.counts[slot] as number, position - first + 1) - 1
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
      if (minSequence > 0) at = Math.max(at, this.#frameFrom(topic, minSequence))
      walk.next = frames.removed + at
    }
    this.#place(walk)
  }

  /** The frame of a topic that has a number, or the first behind it. */
  #frameFrom({ frames }: LoggedTopic, sequence: number): number {
    let low = 0
    let high = frames.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { segment, slot } = this.#look(frames.at(middle) as number)
      if ((segment.sequences[slot] as number) + (segment.counts[slot] as number) <= sequence) low = middle + 1
      else high = middle
    }
    return low
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
    if (this.#wildEnd > from) {
      for (const topic of index.topics.values()) {
        if (topic.expiredPosition > from && wantsExpired(this.#fits(topic), topic, from)) topics.add(topic)
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

  /** The ranges that walk along the log and that a topic fits. */
  #fits(topic: LoggedTopic): readonly WantedRange[] {
    const known = this.#fitting.get(topic.key)
    if (known !== undefined) return known
    const fitting = this.#wild.filter(({ pattern }) => pattern.matches(topic.words))
    this.#fitting.set(topic.key, fitting)
    return fitting
  }

  /** Gathers frames in their order from both kinds of walks. */
  #gather(part: ReplayPart, bytes: number): void {
    const { table, topics, position } = this.#index
    const { segments } = table
    const heap = this.#heap
    let at = this.#at <= this.#wildEnd ? table.segmentFrom(this.#at) : segments.length
    let segment = segments[at]
    let slot = segment ? segment.slotFrom(this.#at) : 0
    let isAtEnd = false
    for (let looks = 0; looks < maxLooks && (part.bytes < bytes || part.frames.length === 0); looks++) {
      const along = segment ? (segment.positions[slot] as number) : Number.POSITIVE_INFINITY
      const walk = heap.first
      if (walk !== undefined && walk.order < along) {
        if (!this.#step(walk, part)) break
        continue
      }
      if (segment === undefined || along > this.#wildEnd) {
        isAtEnd = walk === undefined
        segment = undefined
        if (isAtEnd) break
        continue
      }
      const topic = topics.get(segment.topics[slot] as number) as LoggedTopic
      const ranges = this.#fits(topic)
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
      const { segment, slot } = this.#look(walk.order)
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

  /** Looks a frame up by its position, which is there. */
  #look(position: number): { segment: FrameSegment; slot: number } {
    let segment = this.#segment
    if (segment && this.#slot + 1 < segment.end && segment.positions[this.#slot + 1] === position) {
      this.#slot++
      return { segment, slot: this.#slot }
    }
    if (!(segment && segment.first <= position && segment.lastOf(segment.end - 1) >= position)) {
      const { table } = this.#index
      segment = table.segments[table.segmentFrom(position)] as FrameSegment
    }
    this.#segment = segment
    this.#slot = segment.slotFrom(position)
    return { segment, slot: this.#slot }
  }
}
