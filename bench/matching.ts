/**
 * A topic against many patterns in one process: through the index of a subscriber, and one pattern after the other.
 *
 * It measures the modules alone, without sockets: from the topic of a frame, as bytes, to the subscriptions that it matches.
 */
import { Interest } from '../patterns/pubsub/interest.js'
import { type TopicPattern, topicPart, topicPattern, wordsOnWire } from '../patterns/pubsub/topic-name.js'
import type { Options } from './options.js'
import { type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'

const patternCount = 100_000

/** What patterns there are; `i` is from 0 to 99,999. */
const sets: Readonly<Record<string, (i: number) => string>> = {
  'without wildcards': (i) => `ticks.s${i}.last`,
  '`*` at the end': (i) => `ticks.s${i}.*`,
  '`*` at the beginning': (i) => `*.s${i}.last`,
  '`#` at the end': (i) => `ticks.s${i}.#`,
  'all of these, and `*` in the middle': (i) =>
    [`ticks.s${i}.last`, `ticks.s${i}.*`, `*.s${i}.last`, `ticks.s${i}.#`, `ticks.*.f${i}`][i % 5] as string,
}

/** Processor times in nanoseconds. */
export interface MatchingRow {
  readonly name: string
  /** A topic of 2,000 in turn through the index, and one of 100,000. */
  readonly few: Figure
  readonly many: Figure
  /** A topic against one pattern after the other. */
  readonly oneByOne: Figure
  readonly oneByOneToMany: Figure
  /** A pattern that is added to the index, and one that is removed. */
  readonly added: Figure
  readonly removed: Figure
}

interface Times {
  readonly few: number
  readonly many: number
  readonly oneByOne: number
  readonly added: number
  readonly removed: number
}

class Subscription {
  readonly pattern: TopicPattern

  constructor(text: string) {
    this.pattern = topicPattern(text)
  }
}

/** Measures each set of patterns, in turn. */
export async function measureMatching({ runs, warmUpMs, forMs }: Options): Promise<MatchingRow[]> {
  const rows: Row<Times>[] = Object.entries(sets).map(([name, pattern]) => ({
    name,
    measure: async () => measureSet(pattern, warmUpMs / 4, forMs / 4),
  }))
  const results = await rounds(rows, runs)
  return rows.map(({ name }) => {
    const of = (part: keyof Times) => (results.get(name) as Times[]).map((times) => times[part])
    return {
      name,
      few: figure(of('few')),
      many: figure(of('many')),
      oneByOne: figure(of('oneByOne')),
      oneByOneToMany: ratio(of('oneByOne'), of('many')),
      added: figure(of('added')),
      removed: figure(of('removed')),
    }
  })
}

function measureSet(pattern: (i: number) => string, warmUpMs: number, forMs: number): Times {
  const subscriptions = Array.from({ length: patternCount }, (_, i) => new Subscription(pattern(i)))
  const interest = new Interest<Subscription>()
  const added = each(subscriptions, (subscription) => interest.enter(subscription))
  // neighbours are far apart, so that the caches of the processor do not flatter the index
  const parts = Array.from({ length: patternCount }, (_, i) => topicPart(`ticks.s${(i * 24_509) % patternCount}.last`))
  let found = 0
  let next = 0
  const indexed = (topics: number) => () => {
    found += interest.match(parts[next++ % topics] as Buffer)?.subscriptions.length as number
  }
  const oneByOne = () => {
    const words = wordsOnWire(parts[next++ % patternCount] as Buffer) as string[]
    for (const subscription of subscriptions) if (subscription.pattern.matches(words)) found += 1
  }
  const timeOf = (action: () => void, batch: number) => {
    repeat(action, warmUpMs, batch)
    return repeat(action, forMs, batch)
  }
  const times = {
    few: timeOf(indexed(2000), 1000),
    many: timeOf(indexed(patternCount), 1000),
    oneByOne: timeOf(oneByOne, 1),
  }
  if (found === 0) throw new Error('nothing matched')
  return { ...times, added, removed: each(subscriptions, (subscription) => interest.leave(subscription)) }
}

/** Returns the processor time of an action on one of all, in nanoseconds. */
function each<T>(all: readonly T[], action: (one: T) => void): number {
  const before = process.cpuUsage()
  for (const one of all) action(one)
  return processorTime(before) / all.length
}

/** Returns the processor time of an action, in nanoseconds; looks at the clock after so many. */
function repeat(action: () => void, ms: number, batch: number): number {
  const before = process.cpuUsage()
  const end = performance.now() + ms
  let times = 0
  do {
    for (let i = 0; i < batch; i++) action()
    times += batch
  } while (performance.now() < end)
  return processorTime(before) / times
}

function processorTime(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000
}
