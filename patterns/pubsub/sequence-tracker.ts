/**
 * What one subscription has seen of each publisher's topics: tells duplicates and gaps.
 *
 * Pure: it takes frames, and the position from which a publisher served the subscription. It repairs nothing.
 */

/** What a frame says of its place. */
export interface Place {
  /** The position of its first message over all topics. */
  readonly position: number
  /** The number of its first message on the topic. */
  readonly sequence: number
  /** The position of the message before it on the topic; 0 if there is none. */
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

/** Publishers that are remembered. */
const maxSources = 1024

/** Topics of one publisher that were seen last; as many of those before them are remembered too. */
const maxTopics = 32_768

interface TopicState {
  /** The number of the next message. */
  next: number
  /** Whether what is missing now may be what was published while nobody was subscribed. */
  interrupted: boolean
}

interface SourceState {
  /** The position from which the publisher is known to have served the subscription. */
  servedFrom: number | undefined
  topics: Map<string, TopicState>
  /** Those that were seen before. Two maps in turn, since taking the oldest out of one large map is slow. */
  former: Map<string, TopicState>
}

const inOrder: Step = Object.freeze({ duplicates: 0, gap: undefined })

/** Follows the topics of one subscription. */
export class SequenceTracker {
  readonly #sources = new Map<string, SourceState>()

  /** The publisher serves the subscription since this position, or since an earlier one that is known. */
  served(source: string, position: number): void {
    this.#state(source).servedFrom ??= position
  }

  /** The subscription comes into force again: what was missed in between is no gap. */
  resume(): void {
    for (const state of this.#sources.values()) {
      state.servedFrom = undefined
      for (const topics of [state.former, state.topics]) {
        for (const seen of topics.values()) seen.interrupted = true
      }
    }
  }

  /** Takes a frame in. */
  follow(source: string, topic: string, place: Place): Step {
    const { sequence, previous, count } = place
    const state = this.#state(source)
    const seen = state.topics.get(topic) ?? enter(state, topic, place)
    const { next, interrupted } = seen
    seen.next = Math.max(next, sequence + count)
    seen.interrupted = false
    if (sequence === next) return inOrder
    if (sequence < next) return { duplicates: Math.min(count, next - sequence), gap: undefined }
    // its publisher has forgotten the topic, and begins with a number above all that it may have had
    if (previous === 0) return inOrder
    if (!interrupted) return { duplicates: 0, gap: { from: next, to: sequence - 1 } }
    // what was published before the subscription was served is not missing
    const { servedFrom } = state
    if (servedFrom === undefined || previous <= servedFrom) return inOrder
    return { duplicates: 0, gap: { from: sequence - 1, to: sequence - 1 } }
  }

  #state(source: string): SourceState {
    let state = this.#sources.get(source)
    if (!state) {
      if (this.#sources.size >= maxSources) this.#sources.delete(this.#sources.keys().next().value as string)
      state = { servedFrom: undefined, topics: new Map(), former: new Map() }
      this.#sources.set(source, state)
    }
    return state
  }
}

/** Takes a topic among those seen last. */
function enter(state: SourceState, topic: string, { position }: Place): TopicState {
  const seen = state.former.get(topic) ?? { next: 1, interrupted: true }
  if (state.topics.size >= maxTopics) {
    // of forgotten topics, nothing up to here may be reported as missing
    if (state.former.size > 0 && state.servedFrom !== undefined) state.servedFrom = Math.max(state.servedFrom, position)
    state.former = state.topics
    state.topics = new Map()
  }
  state.topics.set(topic, seen)
  return seen
}
