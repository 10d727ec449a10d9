/**
 * Frames that wait until what is missing before them has been fetched, in the order in which they arrived.
 *
 * All of one subscriber share a bound. Frames beyond it are forgotten: what is known of them is their place, so that they
 * are fetched as well.
 */
import type { FollowedFrame } from './followed-frame.js'

/** What a frame costs beside its bytes. */
const frameCost = 128

/** How much the subscriptions of one subscriber may hold together. */
export class HoldBudget {
  readonly #limitBytes: number
  #bytes = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
  }

  /** What is held, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= this.#limitBytes
  }

  take(bytes: number): void {
    this.#bytes += bytes
  }

  giveBack(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** The places of frames that found no room. */
export interface Forgotten {
  /** The position of the first message of any of them. */
  readonly from: number
  /** The position of the last one. */
  readonly upTo: number
  /** The highest number that a next message has; of one topic. */
  readonly next: number
}

/** Frames that wait together. */
export class HeldFrames<Frame extends FollowedFrame> {
  readonly #budget: HoldBudget
  #frames: Frame[] = []
  readonly #firsts = new Map<string, Frame>()
  #ends = new Map<string, Frame>()
  #messages = 0
  #bytes = 0
  #forgotten: Forgotten | undefined

  constructor(budget: HoldBudget) {
    this.#budget = budget
  }

  /** Messages in the frames that are held. */
  get messages(): number {
    return this.#messages
  }

  /** The frame of a topic that waits for longest. */
  firstOf(topic: string): Frame | undefined {
    return this.#firsts.get(topic)
  }

  /** The position of the first message that was to be held, as far as is known; `undefined` if there was none. */
  get from(): number | undefined {
    return this.#frames[0]?.place.position ?? this.#forgotten?.from
  }

  get forgotten(): Forgotten | undefined {
    return this.#forgotten
  }

  /** Whether a frame can be held: there is room, and nothing before it was forgotten. */
  hasRoomFor({ bytes }: Pick<Frame, 'bytes'>): boolean {
    return this.#forgotten === undefined && this.#budget.hasRoomFor(bytes + frameCost)
  }

  /**
   * Holds a frame; returns false if there is no room for it: then it and all that follow are forgotten.
   *
   * @param isCounted - Whether it was held before, elsewhere: then there is room in any case.
   */
  add(frame: Frame, isCounted: boolean): boolean {
    const { bytes, place } = frame
    if (!isCounted && !this.hasRoomFor(frame)) {
      const { position, sequence, previous, count } = place
      // a frame without messages stands for those before it
      if (count === 0) this.forget(previous, previous, sequence)
      else this.forget(position, position + count - 1, sequence + count)
      return false
    }
    const cost = bytes + frameCost
    this.#budget.take(cost)
    this.#bytes += cost
    this.#messages += place.count
    this.#frames.push(frame)
    if (!this.#firsts.has(frame.topic)) this.#firsts.set(frame.topic, frame)
    return true
  }

  /** Notes messages that must be fetched, since they are not held. */
  forget(from: number, upTo: number, next: number): void {
    const known = this.#forgotten
    this.#forgotten = known
      ? { from: Math.min(known.from, from), upTo: Math.max(known.upTo, upTo), next: Math.max(known.next, next) }
      : { from, upTo, next }
  }

  /** Notes where a topic ends that has frames here; `frame` has no messages, and is the last that is taken out. */
  endAt(frame: Frame): void {
    this.#ends.set(frame.topic, frame)
  }

  /** Takes all out. */
  take(): readonly Frame[] {
    const frames = this.#ends.size > 0 ? [...this.#frames, ...this.#ends.values()] : this.#frames
    this.#ends = new Map()
    this.#budget.giveBack(this.#bytes)
    this.#frames = []
    this.#firsts.clear()
    this.#messages = 0
    this.#bytes = 0
    return frames
  }
}
