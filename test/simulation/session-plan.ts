/** What one seed is about: who takes part, with which limits, in which weather, and how much happens. */
import type { LinkLimits } from '../../src/wire/index.js'
import type { Weather } from './network.js'
import type { Random } from './random.js'
import type { ProcessSettings } from './session-process.js'
import type { Size, UserHabits } from './session-user.js'

/** The plan of a run. */
export interface SessionPlan {
  readonly acceptors: number
  readonly dialers: number
  readonly acceptorSettings: ProcessSettings
  readonly dialerSettings: ProcessSettings
  readonly weather: Weather
  readonly habits: UserHabits
  /** What happens before the network heals, and how far apart at the most, in milliseconds. */
  readonly happenings: number
  readonly pauseMs: number
  /** Of a hundred happenings, how many are trouble. */
  readonly trouble: number
  /** That a turn ends behind an item: the rest of its frame waits for the next. */
  readonly turnEnds: number
  /** Whether the acceptors ask for proofs, and there is one that would be another. */
  readonly secured: boolean
}

/** Seeds from here on are brief: ten times as many in the same time, each with a tenth of the trouble. */
export const briefFrom = 1_000_000

/** How often turns end behind an item, in the plans where they do. */
const turnEnds = [0.05, 0.3, 1]

/** Draws a plan. */
export function planOf(random: Random, seed: number): SessionPlan {
  const dialers = random.between(1, 4)
  const heartbeatMs = random.pick([100, 1000])
  const times = {
    heartbeatMs,
    silenceMs: 10 * heartbeatMs,
    retentionMs: random.pick([5, 30]) * heartbeatMs,
    handshakeMs: 2 * heartbeatMs,
    maxSessions: random.pick([dialers, dialers + 1, 100]),
  }
  const itemBytes = random.pick([65_536, 200_000, 200_000, 1_048_576, 4_194_304])
  const calm = random.chance(0.2)
  return {
    acceptors: random.between(1, 2),
    dialers,
    acceptorSettings: { ...times, limits: limitsOf(random, itemBytes), outboxBytes: outboxOf(random) },
    dialerSettings: {
      ...times,
      limits: limitsOf(random, random.chance(0.8) ? itemBytes : 2 * itemBytes),
      outboxBytes: outboxOf(random),
    },
    weather: {
      delayMs: random.pick([0, 1, 20, 80]),
      jitterMs: random.pick([0, 2, 50]),
      flips: calm ? 0 : random.pick([0, 0, 0.002, 0.02]),
      doubles: random.pick([0, 0.3]),
      leftovers: random.pick([0, 0.5]),
      late: random.pick([0, 0.3, 1]),
      // nothing may be on its way for longer than a session is retained: a hello could begin it again
      lateMs: random.pick([1, 4, 0.8 * (times.retentionMs / heartbeatMs)]) * heartbeatMs,
      halfOpen: random.pick([0, 0.3, 1]),
      halfOpenMs: random.pick([2, 8, 40]) * heartbeatMs,
    },
    habits: {
      slow: random.pick([0, 0.3, 1]),
      slowMs: random.pick([10, 2000]),
      polite: random.pick([0, 0.5, 1]),
      sizes: sizesOf(random),
      items: random.pick([1, 3, 20]),
    },
    happenings: seed < briefFrom ? random.between(20, 90) : random.between(2, 9),
    pauseMs: random.pick([5, 50, heartbeatMs]),
    trouble: calm ? 0 : random.pick([5, 20, 40]),
    // not drawn, so that seeds that once found something still do
    turnEnds: seed % 4 === 0 ? (turnEnds[(seed >> 2) % turnEnds.length] as number) : 0,
    secured: seed % 4 === 2,
  }
}

function limitsOf(random: Random, itemBytes: number): LinkLimits {
  return {
    itemBytes,
    windowBytes: random.pick([65_536, 100_000, 262_144]),
    streamWindowBytes: random.pick([1, 500, 20_000, 131_072]),
    assemblyBytes: itemBytes * random.pick([1, 1.5, 4]),
  }
}

function outboxOf(random: Random): number {
  return random.pick([10_000, 300_000, 8_388_608])
}

/** Large items are rare: they take most of the time. */
function sizesOf(random: Random): readonly Size[] {
  const common: Size[] = ['tiny', 'tiny', 'small', 'page']
  const rare = random.chance(0.3) ? [random.pick<Size>(['frame', 'fragments', 'large', 'large'])] : []
  return [random.pick(common), random.pick(common), ...rare]
}
