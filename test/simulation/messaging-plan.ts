/** What one seed of simulated messaging is about: processes, names, weather, and how much goes wrong. */
import { maxItemBytes } from '../../patterns/messaging/wire.js'
import type { DialerSettings } from '../../src/session/index.js'
import type { Weather } from './network.js'
import type { Random } from './random.js'
import { briefFrom } from './session-plan.js'

/** Who dials whom. */
export type Topology =
  /** Each process dials the ones before it: one link for each two. */
  | 'chain'
  /** Each process dials all others. */
  | 'all'
  /** Processes find each other through directories, and move. */
  | 'directory'

/** The plan of a run. */
export interface MessagingPlan {
  readonly processes: number
  readonly topology: Topology
  /** Hosts of directories; none in the other topologies. */
  readonly hosts: number
  /** How long hosts keep what the silent have announced, wait after a start, and how long clients believe hosts that are gone. */
  readonly directory: { readonly leaseMs: number; readonly graceMs: number; readonly staleMs: number }
  /** Whether processes have keys, and how many others lie. */
  readonly isSecured: boolean
  readonly liars: number
  /** Names, and how many peers a process has at most at the same time. */
  readonly names: number
  readonly peers: number
  readonly weather: Weather
  readonly link: DialerSettings
  /** That a turn ends behind a piece of work. */
  readonly turnEnds: number
  readonly events: number
  readonly pauseMs: number
  /** Of a hundred events, how many are trouble. */
  readonly trouble: number
  readonly habits: MessagingHabits
}

/** How peers behave. */
export interface MessagingHabits {
  /** How often a peer takes its name over. */
  readonly takeovers: number
  /** Messages that are sent together, about. */
  readonly together: number
  /** How often a message is large, gives up soon, does not wait for its receiver, and may be sent to the next incarnation. */
  readonly large: number
  readonly impatient: number
  readonly unready: number
  readonly atLeastOnce: number
  /** How often a peer consumes with a bound, and how long it works then, at most, in milliseconds. */
  readonly bounded: number
  readonly workMs: number
  /** How often it begins to consume late, or stops for a while. */
  readonly idle: number
  readonly mailboxMessages: number
  readonly mailboxBytes: number
  readonly mailboxOverflow: 'block' | 'error'
  readonly outboxBytes: number
  /**
   * How long a send or an ask waits, in milliseconds, and whether a run ends only when all of them have an outcome. Else they wait
   * for longer than a run: what may not wait, and does, is found.
   */
  readonly patienceMs: number
  readonly waitsForAll: boolean
}

/** Draws a plan. */
export function messagingPlanOf(random: Random, seed: number): MessagingPlan {
  const isBrief = seed >= briefFrom
  const link = linkOf(random)
  const processes = random.pick([2, 2, 3, 4])
  const waitsForAll = random.chance(0.1)
  const isSecured = random.chance(0.4)
  const topology = random.pick(['chain', 'all', 'directory'] as const)
  return {
    processes,
    topology,
    hosts: topology === 'directory' ? random.between(1, 2) : 0,
    isSecured,
    liars: random.pick([0, 0, 1]),
    directory: {
      leaseMs: random.pick([1000, 5000]),
      graceMs: random.pick([1000, 3000]),
      staleMs: random.pick([2000, 10_000]),
    },
    // with keys each process has names of its own, as many as the others
    names: isSecured ? processes * random.between(1, 2) : random.between(1, 2 + processes),
    peers: random.between(1, 3),
    weather: weatherOf(random, link),
    link,
    turnEnds: random.pick([0, 0, 0.05, 0.5]),
    events: isBrief ? random.between(3, 10) : random.between(10, 60),
    pauseMs: random.pick([3, 50, 1000]),
    trouble: random.pick([0, 10, 25, 40]),
    habits: {
      takeovers: random.pick([0, 0, 0.3]),
      together: random.pick(isBrief ? [1, 3] : [1, 3, 12]),
      large: random.pick([0, 0, 0.02, 0.2]),
      impatient: random.pick([0, 0, 0.2]),
      unready: random.pick([0, 0.2]),
      atLeastOnce: random.pick([0, 0, 0.5]),
      bounded: random.pick([0, 0, 0.5]),
      workMs: random.pick([1, 20, 500]),
      idle: random.pick([0, 0, 0.3]),
      mailboxMessages: random.pick([1, 5, 1000, 65_536]),
      mailboxBytes: random.pick([100, 8_388_608]),
      mailboxOverflow: random.pick(['block', 'block', 'block', 'error']),
      outboxBytes: random.pick([100, 3000, 8_388_608, 8_388_608]),
      patienceMs: waitsForAll ? random.pick([5000, 20_000]) : 3_600_000,
      waitsForAll,
    },
  }
}

function linkOf(random: Random): DialerSettings {
  const heartbeatMs = random.pick([100, 1000])
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

function weatherOf(random: Random, { heartbeatMs, retentionMs }: DialerSettings): Weather {
  return {
    delayMs: random.pick([0, 3, 30]),
    jitterMs: random.pick([0, 2, 10]),
    flips: random.pick([0, 0, 0, 0.002]),
    doubles: random.pick([0, 0.3]),
    leftovers: 0,
    late: random.pick([0, 0.3]),
    // nothing may be in transit for longer than a session is retained: a hello could begin it again
    lateMs: random.pick([heartbeatMs, Math.floor(0.8 * retentionMs)]),
    halfOpen: random.pick([0, 0.3]),
    halfOpenMs: random.pick([2, 8]) * heartbeatMs,
  }
}
