/** What a run of topics is like: drawn from its seed before it begins. */
import type { SimulatedLinkOptions } from './link-ends.js'
import type { Weather } from './network.js'
import type { Random } from './random.js'

/** How a publisher keeps its messages. */
export type Keeping = 'nowhere' | 'memory' | 'disk'

/** One publisher. */
export interface PublisherPlan {
  readonly keeping: Keeping
  /** The most messages that it keeps. */
  readonly maxMessages: number
  readonly maxBatchMessages: number
  /** How long a write to its disk takes at most, in milliseconds. */
  readonly flushMs: number
  /** Whether it connects to its subscribers, and has no address. */
  readonly dials: boolean
}

/** One run. */
export interface TopicsPlan {
  readonly publishers: readonly PublisherPlan[]
  readonly subscribers: number
  readonly topics: readonly string[]
  /** What happens before rest, and how long it takes until the next at most, in milliseconds. */
  readonly events: number
  readonly pauseMs: number
  /** How often it is trouble, of 100. */
  readonly trouble: number
  /** The longest trouble, in milliseconds. */
  readonly troubleMs: number
  /** Messages that are published together at most. */
  readonly burst: number
  /** Frames that wait for one subscriber before further ones are dropped. */
  readonly pipeFrames: number
  /** What a subscriber holds while it repairs, in bytes. */
  readonly holdBytes: number
  readonly connectionsEach: number
  readonly weather: Weather
  readonly turnEnds: number
  readonly links: SimulatedLinkOptions
  /** How often a stream is left, or used again, in place of an act. */
  readonly leaving: number
}

const link = {
  limits: { itemBytes: 1_048_576, windowBytes: 262_144, streamWindowBytes: 131_072, assemblyBytes: 4_194_304 },
  outboxBytes: 1_048_576,
  heartbeatMs: 500,
  silenceMs: 3000,
  retentionMs: 4000,
  handshakeMs: 1000,
}

const fewTopics = ['a', 'a.b', 'a.c', 'b', 'b.c.d']

/** Seeds from here on have a wider plan; those before it keep their meaning. */
export const widerFrom = 20_000_000

/** Draws a plan; a wider one has streams that are left and come back, and publishers that connect. */
export function topicsPlanOf(random: Random, isWider: boolean): TopicsPlan {
  const plan = narrowPlanOf(random)
  if (!isWider) return plan
  const leaving = random.pick([0, 0.1, 0.3])
  const dialing = random.pick([0, 0, 0.5, 1])
  const publishers = plan.publishers.map((one) => ({ ...one, dials: random.chance(dialing) }))
  return { ...plan, leaving, publishers }
}

function narrowPlanOf(random: Random): TopicsPlan {
  const delayMs = random.pick([0, 1, 20])
  const jitterMs = random.pick([0, 3, 40])
  // so many that a cursor does not name all of them
  const isWide = random.chance(0.1)
  return {
    publishers: Array.from({ length: random.between(1, 3) }, () => ({
      keeping: random.pick(['nowhere', 'memory', 'memory', 'disk', 'disk'] as const),
      maxMessages: random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 100, 20]),
      maxBatchMessages: random.pick([1, 4, 1000]),
      flushMs: random.pick([0, 50, 300]),
      dials: false,
    })),
    subscribers: random.between(1, 4),
    topics: isWide
      ? Array.from({ length: 80 }, (_, at) => `a.t${at}`)
      : fewTopics.slice(0, random.between(1, fewTopics.length)),
    events: random.between(10, 60),
    pauseMs: random.pick([20, 300, 2000]),
    trouble: random.pick([0, 20, 40]),
    troubleMs: random.pick([50, 1000, 8000]),
    burst: random.pick([1, 5, 20]),
    pipeFrames: isWide ? random.pick([1000, 200]) : random.pick([1000, 24, 12]),
    holdBytes: random.pick([1_000_000, 2000, 0]),
    connectionsEach: random.pick([1, 1, 1, 2]),
    weather: {
      delayMs,
      jitterMs,
      flips: 0,
      doubles: 0,
      leftovers: 0,
      late: random.pick([0, 0, 0.3]),
      lateMs: 200,
      halfOpen: random.pick([0, 0.3]),
      halfOpenMs: 2000,
    },
    turnEnds: random.pick([0, 0, 0.1]),
    links: { link, waitMs: [20, 300] },
    leaving: 0,
  }
}
