/**
 * Where frames are in the table of a log, by their positions and numbers.
 *
 * It remembers where the last look was, as long as the table does not change.
 */
import type { FrameSegment } from './frame-segment.js'
import type { LogIndex } from './log-index.js'
import type { LoggedTopic } from './logged-topic.js'

/** Looks frames up for one walk. */
export class FramePlaces {
  readonly #index: LogIndex
  /** Where the last look was: the next one is often just behind it. */
  #segment: FrameSegment | undefined
  #slot = 0

  constructor(index: LogIndex) {
    this.#index = index
  }

  /** The table may have changed. */
  forget(): void {
    this.#segment = undefined
  }

  /** The number of the last message of a topic up to a position. */
  sequenceAt(topic: LoggedTopic, position: number): number {
    if (topic.position <= position) return topic.sequence
    const at = topic.frames.firstFrom(position + 1) - 1
    if (at < 0) return topic.expiredSequence
    const { segment, slot } = this.at(topic.frames.at(at) as number)
    const first = segment.positions[slot] as number
    return (segment.sequences[slot] as number) + Math.min(segment.counts[slot] as number, position - first + 1) - 1
  }

  /** The frame of a topic that has a number, or the first behind it. */
  frameFrom({ frames }: LoggedTopic, sequence: number): number {
    let low = 0
    let high = frames.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { segment, slot } = this.at(frames.at(middle) as number)
      if ((segment.sequences[slot] as number) + (segment.counts[slot] as number) <= sequence) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Looks a frame up by its position, which is there. */
  at(position: number): { segment: FrameSegment; slot: number } {
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
