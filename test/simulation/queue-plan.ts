/** What one seed of the queue is about: who takes part, how the queue treats messages, and how much goes wrong. */
import { defaultSettings, type QueueSettings } from '../../src/engine/index.js'
import type { Random } from './random.js'

/** The plan of a run. */
export interface QueuePlan {
  readonly settings: QueueSettings
  readonly producers: number
  readonly consumers: number
  /** Schemas of messages; each consumer but the first may not be able to read some of them, as often as that. */
  readonly schemas: number
  readonly outdated: number
  /** The longest write, in milliseconds. */
  readonly flushMs: number
  /** The longest way between a host and its peers, in milliseconds. */
  readonly delayMs: number
  readonly happenings: number
  readonly pauseMs: number
  /** Of a hundred happenings, how many are trouble. */
  readonly trouble: number
  readonly habits: QueueHabits
}

/** How producers and consumers behave. */
export interface QueueHabits {
  /** Messages of a block at the most. */
  readonly blockMessages: number
  /** How often a message has an id that others have, a key, a delay, and a time to live. */
  readonly ids: number
  readonly keys: number
  readonly delays: number
  readonly ttls: number
  /** Messages that a consumer has at the most. */
  readonly credit: number
  /** The longest work on messages, in milliseconds. */
  readonly workMs: number
  /** How often messages fail, are rejected, and are given back. */
  readonly nacks: number
  readonly rejects: number
  readonly releases: number
  /** How often dead letters are moved back. */
  readonly redrives: number
  /** How often a consumer extends its leases. */
  readonly extends: number
}

/** Draws a plan. */
export function queuePlanOf(random: Random): QueuePlan {
  const leaseMs = random.pick([50, 300, 2000])
  const keyOrder = random.chance(0.3)
  const bounded = random.chance(0.25)
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
    producers: random.between(1, 3),
    consumers: random.between(1, 4),
    schemas: random.pick([1, 1, 2, 3]),
    outdated: random.pick([0, 0.5, 1]),
    flushMs: random.pick([0, 2, 20, 100]),
    // there and back, and back again, within a lease
    delayMs: random.pick(leaseMs < 100 ? [0, 3] : [0, 3, 30]),
    happenings: random.between(10, 60),
    pauseMs: random.pick([3, 20, leaseMs / 2]),
    trouble: random.pick([0, 10, 25, 40]),
    habits: {
      blockMessages: random.pick([1, 3, 12]),
      ids: random.pick([0, 0, 0.3]),
      keys: keyOrder ? random.pick([0.5, 1]) : random.pick([0, 0.2]),
      delays: random.pick([0, 0, 0.3]),
      ttls: random.pick([0, 0, 0, 0.3]),
      credit: random.pick([1, 4, 30]),
      workMs: random.pick([1, 20, leaseMs, 3 * leaseMs]),
      nacks: random.pick([0, 0.1, 0.5]),
      rejects: random.pick([0, 0, 0.1]),
      releases: random.pick([0, 0, 0.2]),
      redrives: random.pick([0, 0, 0.1]),
      extends: random.pick([0, 0.5, 1]),
    },
  }
}
