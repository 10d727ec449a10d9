/** What a run of topics is like: drawn from its seed before it begins. */
import type { SimulatedLinkOptions } from './link-ends.js'
import type { Weather } from './network.js'
import type { Random } from './random.js'
import type { PolicyPlan } from './topics-roles.js'

/** How a publisher keeps its messages. */
export type Keeping = 'nowhere' | 'memory' | 'disk'

/** What is kept. */
export interface KeepingPlan {
  readonly keeping: Keeping
  /** The most messages that are kept. */
  readonly maxMessages: number
}

/** One publisher. */
export interface PublisherPlan extends KeepingPlan {
  readonly maxBatchMessages: number
  /** How long a write to its disk takes at most, in milliseconds. */
  readonly flushMs: number
  /** Whether it connects to its subscribers, and has no address. */
  readonly dials: boolean
}

/** One hub. */
export interface HubPlan extends KeepingPlan, Pick<PublisherPlan, 'flushMs'> {}

/**
 * What is between publishers and subscribers: nothing, one hub, a hub and behind it another, a hub beside direct connections, two
 * hubs, or two that take the messages of each other.
 */
export type Shape = 'direct' | 'hub' | 'chain' | 'beside' | 'two' | 'ring'

/** Hubs whose frames leave slowly. */
export interface SlowHubs {
  readonly outboxBytes: number
  /** How long the transport takes one frame at most, in milliseconds. */
  readonly sendMs: number
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
  readonly shape: Shape
  readonly hubs: readonly HubPlan[]
  /** Whether the first hub of a chain connects to the second. */
  readonly dialsDown: boolean
  /** How little room hubs have for what leaves, and how slowly it does; `undefined` if there is room for all. */
  readonly slowHubs: SlowHubs | undefined
  /** Who holds peers to a policy; `undefined` if nobody does. */
  readonly policy: PolicyPlan | undefined
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

/** Draws a plan; a wider one has streams that are left and come back, publishers that connect, and hubs. */
export function topicsPlanOf(random: Random, isWider: boolean): TopicsPlan {
  const plan = narrowPlanOf(random)
  if (!isWider) return plan
  const leaving = random.pick([0, 0.1, 0.3])
  const dialing = random.pick([0, 0, 0.5, 1])
  const publishers = plan.publishers.map((one) => ({ ...one, dials: random.chance(dialing) }))
  const shape = random.pick(['direct', 'direct', 'hub', 'hub', 'chain', 'chain', 'beside', 'two', 'ring'] as const)
  const hub = () => ({
    keeping: random.pick(['nowhere', 'memory', 'memory', 'disk'] as const),
    maxMessages: random.pick([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 50]),
    flushMs: random.pick([0, 50, 300]),
  })
  const first = hub()
  const hubs = {
    direct: [],
    hub: [first],
    chain: [first, hub()],
    beside: [first],
    two: [first, first],
    ring: [first, first],
  }
  return { ...plan, leaving, publishers, shape, hubs: hubs[shape], dialsDown: random.chance(0.3) }
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
    shape: 'direct',
    hubs: [],
    dialsDown: false,
    slowHubs: undefined,
    policy: undefined,
  }
}
