/**
 * Topics over loopback TCP: one publisher and one or several subscribers, each a process, beside NATS core, Redis and Mosquitto.
 *
 * Delivered messages are counted. Who loses some is not slowed down by that: how many it lost is in the table.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { makeFolder } from './clean-up.js'
import type { Options } from './options.js'
import { findMosquitto } from './peers/mosquitto.js'
import { findNats } from './peers/nats.js'
import type { Server, Start } from './peers/program.js'
import { findRedis } from './peers/redis.js'
import { Player } from './processes.js'
import { type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import { type Endpoints, topicWays } from './ways/index.js'

const own = 'rivulet/pubsub, topics'

/** The same with history: what that costs. */
const histories = ['rivulet/pubsub, history in memory', 'rivulet/pubsub, history on disk']

/** The servers of the others, by the first word of their ways. */
const servers: Readonly<Record<string, () => Start | string>> = {
  NATS: () => findNats('default'),
  Redis: findRedis,
  Mosquitto: findMosquitto,
}

/** How many topics and subscribers there are; the publisher publishes on the topics in turn. */
interface Shape {
  readonly topics: number
  readonly subscribers: number
}

const shapes: readonly Shape[] = [
  { topics: 1, subscribers: 1 },
  { topics: 100, subscribers: 1 },
  { topics: 2000, subscribers: 1 },
  { topics: 1, subscribers: 8 },
]

/** One row of the table. */
export interface TopicRate extends Shape {
  readonly name: string
  /** Messages that all subscribers together were given in a second. */
  readonly perSecond: Figure
  /** Processor time of all processes for each of these, in nanoseconds. */
  readonly cpuNanoseconds: Figure
  /** Of what was published in all, the part that did not arrive: the median. */
  readonly lost: number
  /** Rivulet alone: beside the fastest of the others, and the processor time of that one beside its own. */
  readonly toBest: Figure | undefined
  readonly bestCpuTo: Figure | undefined
  readonly best: string | undefined
  /** With history alone: beside Rivulet without. */
  readonly toOwn: Figure | undefined
}

/** What topics come to. */
export interface TopicResults {
  readonly rates: readonly TopicRate[]
  /** Versions and settings, or why something is not measured. */
  readonly about: readonly string[]
}

interface Result {
  readonly about: string
  readonly perSecond: number
  readonly cpuNanoseconds: number
  readonly lost: number
}

/** Measures the systems that are on this machine. */
export async function measureTopics(options: Options): Promise<TopicResults> {
  const about: string[] = []
  const found = new Map<string, Start | undefined>()
  for (const name of Object.keys(topicWays)) {
    const start = servers[name.split(/[ ,]/)[0] as string]?.()
    if (typeof start === 'string') about.push(`${name}: skipped, ${start}`)
    else found.set(name, start)
  }
  const rows: Row<Result>[] = shapes.flatMap((shape) =>
    [...found]
      .filter(([name]) => !histories.includes(name) || shape.subscribers === 1)
      .map(([name, start]) => ({
        name: rowName(name, shape),
        measure: () => measureOnce(name, start, shape, options),
      })),
  )
  const results = await rounds(rows, options.runs)
  for (const name of found.keys()) {
    const [first] = results.get(rowName(name, shapes[0] as Shape)) ?? []
    about.push(`${name}: ${first?.about}; ${(await topicWays[name]?.())?.settings}`)
  }
  return { rates: shapes.flatMap((shape) => ratesOf(shape, [...found.keys()], results)), about }
}

function rowName(way: string, { topics, subscribers }: Shape): string {
  return `${way}: ${topics} topics, ${subscribers} subscribers`
}

function ratesOf(shape: Shape, names: readonly string[], results: ReadonlyMap<string, readonly Result[]>): TopicRate[] {
  const values = (name: string, part: 'perSecond' | 'cpuNanoseconds' | 'lost'): number[] =>
    (results.get(rowName(name, shape)) ?? []).map((result) => result[part])
  const rate = (name: string): number => figure(values(name, 'perSecond')).median
  const others = names.filter((name) => name !== own && !histories.includes(name))
  const best = others.toSorted((one, other) => rate(other) - rate(one))[0]
  return names
    .filter((name) => results.has(rowName(name, shape)))
    .map((name) => {
      const beside = name === own ? best : undefined
      return {
        ...shape,
        name,
        perSecond: figure(values(name, 'perSecond')),
        cpuNanoseconds: figure(values(name, 'cpuNanoseconds')),
        lost: figure(values(name, 'lost')).median,
        best: beside,
        toOwn: histories.includes(name) ? ratio(values(name, 'perSecond'), values(own, 'perSecond')) : undefined,
        toBest: beside === undefined ? undefined : ratio(values(name, 'perSecond'), values(beside, 'perSecond')),
        bestCpuTo:
          beside === undefined ? undefined : ratio(values(beside, 'cpuNanoseconds'), values(name, 'cpuNanoseconds')),
      }
    })
}

async function measureOnce(way: string, start: Start | undefined, shape: Shape, options: Options): Promise<Result> {
  const { warmUpMs, forMs } = options
  const { topics } = shape
  using folder = makeFolder()
  await using server = await start?.()
  await using publisher = new Player(way)
  const subscribers = Array.from({ length: shape.subscribers }, () => new Player(way))
  try {
    const open = { do: 'openPublisher', server: server?.endpoints ?? [], topics, folder: folder.path } as const
    const endpoints = await publisher.order<Endpoints>(open)
    await Promise.all(subscribers.map((one) => one.order({ do: 'subscribeTopics', endpoints, topics })))
    await publisher.order({ do: 'publishTopics' })
    const stretch = { do: 'measure', warmUpMs, forMs } as const
    const [serverCpu, sent, ...received] = await Promise.all([
      serverPart(server, options),
      publisher.order<Stretch>(stretch),
      ...subscribers.map((one) => one.order<Stretch>(stretch)),
    ])
    const perSecond = sum(received.map(({ messages, ms }) => (messages / ms) * 1000))
    const cpu = serverCpu + sum([sent, ...received].map(({ cpuMs, ms }) => cpuMs / ms))
    const published = await publisher.order<number>({ do: 'stopPublisher' })
    const arrived = await Promise.all(
      subscribers.map((one) => one.order<number>({ do: 'settle', messages: published })),
    )
    return {
      about: server?.about ?? 'this build',
      perSecond,
      cpuNanoseconds: (cpu / perSecond) * 1e9,
      lost: 1 - sum(arrived) / (published * arrived.length),
    }
  } finally {
    await Promise.all(subscribers.map((one) => one[Symbol.asyncDispose]()))
  }
}

/** The part of the stretch for which the server has had a processor. */
async function serverPart(server: Server | undefined, { warmUpMs, forMs }: Options): Promise<number> {
  if (!server?.cpuMs) return 0
  await delay(warmUpMs)
  const [startMs, before] = [performance.now(), server.cpuMs()]
  await delay(forMs)
  return (server.cpuMs() - before) / (performance.now() - startMs)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
