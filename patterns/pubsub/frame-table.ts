/**
 * The frames of one log by position: a list of segments, which new ones begin small.
 *
 * Frames are added behind the others, now and then between them, and removed at the beginning.
 */
import { type EntryKeys, FrameSegment } from './frame-segment.js'
import type { LoggedFrame } from './topic-log.js'

/** Frames of the first segment, and of the largest. */
const smallestSegment = 16
const largestSegment = 1024

/** The frames of a log. */
export class FrameTable {
  /** In order; none is empty. */
  readonly segments: FrameSegment[] = []

  /** The segment of the first frame. */
  get first(): FrameSegment | undefined {
    return this.segments[0]
  }

  /** Adds a frame behind all others. */
  push(frame: LoggedFrame, keys: EntryKeys, bytes: Buffer | undefined): void {
    const { segments } = this
    let last = segments[segments.length - 1]
    if (last === undefined || last.isFull) {
      last = new FrameSegment(
        Math.min(largestSegment, last ? 2 * Math.max(last.capacity, smallestSegment) : smallestSegment),
      )
      segments.push(last)
    }
    last.add(frame, keys, bytes)
  }

  /** Removes the first frame. */
  shift(): void {
    const [first] = this.segments
    if (first === undefined) return
    first.shift()
    if (first.size === 0) this.segments.shift()
  }

  /** The index of the first segment that has a frame which ends at a position or behind it; the number of segments if none has. */
  segmentFrom(position: number): number {
    const { segments } = this
    let low = 0
    let high = segments.length
    while (low < high) {
      const middle = (low + high) >> 1
      const segment = segments[middle] as FrameSegment
      if (segment.lastOf(segment.end - 1) < position) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether none of so many positions from `position` on is taken. */
  isFree(position: number, count: number): boolean {
    const segment = this.segments[this.segmentFrom(position)]
    return segment === undefined || (segment.positions[segment.slotFrom(position)] as number) >= position + count
  }

  /** Puts a frame between others, where its positions are free. */
  insert(frame: LoggedFrame, keys: EntryKeys, bytes: Buffer | undefined): void {
    const { segments } = this
    const at = this.segmentFrom(frame.position)
    const segment = segments[at]
    if (segment === undefined) {
      this.push(frame, keys, bytes)
      return
    }
    const slot = segment.slotFrom(frame.position)
    const isWithin = slot > segment.start
    if (isWithin) segments.splice(at + 1, 0, segment.split(slot))
    const before = isWithin ? segment : segments[at - 1]
    if (before === undefined || before.isFull) {
      // many in a row fill few segments
      const own = new FrameSegment(before ? Math.min(largestSegment, 2 * before.capacity) : smallestSegment)
      own.add(frame, keys, bytes)
      segments.splice(isWithin ? at + 1 : at, 0, own)
    } else {
      before.add(frame, keys, bytes)
    }
  }
}
