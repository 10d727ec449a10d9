/**
 * What one subscription has seen of each publisher's topics: tells duplicates and gaps.
 *
 * Pure: it is told of frames and of the moment from which a publisher served the subscription. It repairs nothing.
 */

/** What a frame says of its place. */
export interface Place {
  readonly sequence: number
  readonly previous: number
  readonly count: number
}

/** How a frame follows what came before. */
export interface Step {
  /** Messages at its front that were seen before. */
  readonly duplicates: number
  /** The messages that are missing before it, if any are. */
  readonly gap: { readonly from: number; readonly to: number } | undefined
}

/** Publishers that are remembered, and topics of each. */
const maxSources = 1024
const maxTopics = 65_536

interface SourceState {
  /** The position from which the publisher is known to have served the subscription. */
  servedFrom: number | undefined
  /** The number of the next message, by topic. */
  readonly next: Map<string, number>
}

const inOrder: Step = Object.freeze({ duplicates: 0, gap: undefined })

/** Follows the topics of one subscription. */
export class SequenceTracker {
  readonly #sources = new Map<string, SourceState>()

  /** The publisher serves the subscription since this position, or since an earlier one that is known. */
  served(source: string, position: number): void {
    this.#state(source).servedFrom ??= position
  }

  /** Takes a frame in. */
  follow(source: string, topic: string, { sequence, previous, count }: Place): Step {
    const { next, servedFrom } = this.#state(source)
    const expected = next.get(topic)
    const after = sequence + count
    if (expected === undefined) {
      if (next.size >= maxTopics) next.delete(next.keys().next().value as string)
      next.set(topic, after)
      // what was published before the subscription was served is not missing
      if (servedFrom === undefined || previous <= servedFrom) return inOrder
      return { duplicates: 0, gap: { from: sequence - 1, to: sequence - 1 } }
    }
    if (after > expected) next.set(topic, after)
    if (sequence === expected) return inOrder
    if (sequence > expected) return { duplicates: 0, gap: { from: expected, to: sequence - 1 } }
    return { duplicates: Math.min(count, expected - sequence), gap: undefined }
  }

  #state(source: string): SourceState {
    let state = this.#sources.get(source)
    if (!state) {
      if (this.#sources.size >= maxSources) this.#sources.delete(this.#sources.keys().next().value as string)
      state = { servedFrom: undefined, next: new Map() }
      this.#sources.set(source, state)
    }
    return state
  }
}
