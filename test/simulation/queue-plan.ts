/** What one seed of the queue is about: who takes part, how the queue treats messages, and how much goes wrong. */
import { maxItemBytes } from '../../patterns/queue/durable/wire.js'
import { defaultSettings, type QueueSettings } from '../../src/engine/index.js'
import type { DialerSettings } from '../../src/session/index.js'
import type { OverflowPolicy } from '../../src/stream/index.js'
import type { Weather } from './network.js'
import type { Random } from './random.js'
import { briefFrom } from './session-plan.js'

/** The plan of a run. */
export interface QueuePlan {
  readonly settings: QueueSettings
  readonly producers: number
  readonly consumers: number
  /** How likely a producer or a consumer lives in the process of the host. */
  readonly local: number
  /** Schemas of messages; each consumer but the first may not be able to read some of them, as often as that. */
  readonly schemas: number
  readonly outdated: number
  /** The longest write, in milliseconds. */
  readonly flushMs: number
  readonly weather: Weather
  readonly link: DialerSettings
  /** That a turn ends behind a piece of work. */
  readonly turnEnds: number
  readonly happenings: number
  readonly pauseMs: number
  /** Of a hundred happenings, how many are trouble. */
  readonly trouble: number
  readonly habits: QueueHabits
}

/** How producers and consumers behave. */
export interface QueueHabits {
  /** Messages that are sent together, about, and how often some of them go as one `sendAll`. */
  readonly together: number
  readonly sendAlls: number
  /** How often a message is large, and how often its sender gives up after a while. */
  readonly large: number
  readonly impatient: number
  readonly outboxBytes: number
  readonly overflow: OverflowPolicy
  /** How often a message has an id that others have, a key, a delay, and a time to live. */
  readonly ids: number
  readonly keys: number
  readonly delays: number
  readonly ttls: number
  /** Messages that a consumer has at the most. */
  readonly prefetch: number
  /** The longest work on messages, in milliseconds. */
  readonly workMs: number
  /** How often messages fail, and are rejected. */
  readonly nacks: number
  readonly rejects: number
  /** How often they are forgotten: nobody settles them. */
  readonly forgets: number
  /** How often a consumer unsubscribes when it has worked on a message. */
  readonly leaves: number
  /** How often dead letters are moved back. */
  readonly redrives: number
  /** How often a consumer extends its leases. */
  readonly extends: number
}

/** Draws a plan. */
export function queuePlanOf(random: Random, seed: number): QueuePlan {
  const leaseMs = random.pick([100, 300, 2000])
  const keyOrder = random.chance(0.3)
  const bounded = random.chance(0.25)
  const isBrief = seed >= briefFrom
  const link = linkOf(random, leaseMs)
  return {
    settings: {
      ...defaultSettings,
      maxAttempts: random.pick([1, 2, 3, 5, Number.POSITIVE_INFINITY]),
      leaseMs,
      backoff: { initialMs: random.pick([0, 10, 100]), factor: random.pick([1, 2]), maxMs: 400 },
      maxLength: bounded ? random.between(1, 30) : Number.POSITIVE_INFINITY,
      maxBytes: bounded && random.chance(0.3) ? random.between(20, 400) : Number.POSITIVE_INFINITY,
      overflow: random.chance(0.4) ? 'drop-oldest' : 'reject',
      maxAgeMs: random.chance(0.15) ? random.between(50, 3000) : Number.POSITIVE_INFINITY,
      dedupeMs: 1_000_000_000,
      keyOrder,
    },
    producers: random.pick([1, 1, 2, 3]),
    consumers: random.pick([1, 1, 2, 3, 4]),
    // not drawn, so that seeds that once found something still do
    local: seed % 7 === 6 ? 0.5 : 0,
    schemas: random.pick([1, 1, 2, 3]),
    outdated: random.pick([0, 0.5, 1]),
    flushMs: random.pick([0, 2, 20, 100]),
    weather: weatherOf(random, link, leaseMs),
    link,
    turnEnds: random.pick([0, 0, 0.05, 0.5]),
    happenings: isBrief ? random.between(2, 6) : random.between(10, 60),
    pauseMs: random.pick([3, 20, leaseMs / 2]),
    trouble: random.pick([0, 10, 25, 40]),
    habits: {
      together: random.pick(isBrief ? [1, 3] : [1, 3, 12]),
      sendAlls: random.pick([0, 0.1, 0.5]),
      large: random.pick([0, 0, 0.02, 0.2]),
      impatient: random.pick([0, 0, 0.2]),
      outboxBytes: random.pick([100, 3000, 8_388_608, 8_388_608]),
      overflow: random.pick(['block', 'block', 'block', 'error', 'drop-oldest', 'drop-newest']),
      ids: random.pick([0, 0, 0.3]),
      keys: keyOrder ? random.pick([0.5, 1]) : random.pick([0, 0.2]),
      delays: random.pick([0, 0, 0.3]),
      ttls: random.pick([0, 0, 0, 0.3]),
      prefetch: random.pick([1, 4, 30]),
      workMs: random.pick([1, 20, leaseMs, 3 * leaseMs]),
      nacks: random.pick([0, 0.1, 0.5]),
      rejects: random.pick([0, 0, 0.1]),
      forgets: random.pick([0, 0, 0.1]),
      leaves: random.pick([0, 0, 0.1]),
      redrives: random.pick([0, 0, 0.1]),
      extends: random.pick([0, 0.5, 1]),
    },
  }
}

/** Links whose heartbeats come several times in a lease, as they do in life. */
function linkOf(random: Random, leaseMs: number): DialerSettings {
  const heartbeatMs = Math.max(25, Math.floor(leaseMs / random.pick([4, 4, 12])))
  return {
    heartbeatMs,
    silenceMs: 10 * heartbeatMs,
    retentionMs: random.pick([5, 15, 60]) * heartbeatMs,
    handshakeMs: 2 * heartbeatMs + 200,
    limits: {
      itemBytes: maxItemBytes,
      windowBytes: random.pick([65_536, 262_144]),
      streamWindowBytes: random.pick([500, 32_768, 131_072]),
      assemblyBytes: 4 * maxItemBytes,
    },
    outboxBytes: random.pick([400_000, 8_388_608]),
  }
}

function weatherOf(random: Random, { heartbeatMs, retentionMs }: DialerSettings, leaseMs: number): Weather {
  return {
    // there and back, and back again, within a lease
    delayMs: random.pick(leaseMs < 200 ? [0, 3] : [0, 3, 30]),
    jitterMs: random.pick([0, 2, 10]),
    flips: random.pick([0, 0, 0, 0.002]),
    doubles: random.pick([0, 0.3]),
    leftovers: 0,
    late: random.pick([0, 0.3]),
    // nothing may be in transit for longer than a session is retained: a hello could begin it again
    lateMs: random.pick([heartbeatMs, Math.floor(0.8 * retentionMs)]),
    halfOpen: random.pick([0, 0.3]),
    halfOpenMs: random.pick([2, 8, 40]) * heartbeatMs,
  }
}
