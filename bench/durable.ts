/**
 * Durable queues: a server, then a process that publishes to it, then one that consumes what was published.
 *
 * Every measurement starts a server with an empty folder, and ends it: nothing that one of them does later on is at the
 * cost of another.
 */

import { makeFolder } from './clean-up.js'
import { measureFlush } from './flush.js'
import type { Options } from './options.js'
import { findNats } from './peers/nats.js'
import { type Server, type Start, startServer } from './peers/program.js'
import { findRabbitmq } from './peers/rabbitmq.js'
import { Player } from './processes.js'
import { type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import { durableWays, type Endpoints, type PublishManner } from './ways/index.js'

/** What a slow one publishes beyond what is measured, so that there is something to consume; and for how long at most. */
const enoughMessages = 30_000
const fillMs = 15_000

const own = 'rivulet/queue, durable'

/** What Rivulet is measured beside. */
const peers: Readonly<Record<string, { readonly find: () => Start | string; readonly flushes: boolean }>> = {
  'NATS JetStream': { find: () => findNats('default'), flushes: false },
  'NATS JetStream, always': { find: () => findNats('always'), flushes: true },
  'RabbitMQ, classic': { find: findRabbitmq, flushes: true },
  'RabbitMQ, quorum': { find: findRabbitmq, flushes: true },
}

/** What is measured of each queue, in this order: the last consumes what the others left. */
export const activities = ['send', 'sendAll', 'consume'] as const

/** A part of the work of a queue. */
export type Activity = (typeof activities)[number]

/** Beside the fastest of some others, each figure with theirs of the same run. */
export interface Beside {
  readonly name: string
  readonly ratio: Figure
}

/** One row of the table. */
export interface DurableRate {
  readonly name: string
  readonly activity: Activity
  /** Messages a second: confirmed, or acknowledged. */
  readonly perSecond: Figure
  /** Rivulet alone: beside the fastest peer, and beside the fastest of those that flush before they confirm. */
  readonly toPeers?: Beside | undefined
  readonly toFlushing?: Beside | undefined
}

/** What durable queues come to. */
export interface DurableResults {
  /** How long the disk takes to flush, in microseconds: the median of each turn. */
  readonly flush: Figure
  /** The version and settings of each; or why it was not measured. */
  readonly queues: readonly { readonly name: string; readonly about: string; readonly skipped: boolean }[]
  readonly rates: readonly DurableRate[]
}

interface Result {
  readonly about: string
  readonly flushMicroseconds: number
  readonly perSecond: Readonly<Record<Activity, number>>
}

/** Measures the queues that are on this machine. */
export async function measureDurable(options: Options): Promise<DurableResults> {
  const rows: Row<Result>[] = [{ name: own, measure: () => measureOnce(own, startOwn, options) }]
  const skipped = new Map<string, string>()
  for (const [name, { find }] of Object.entries(peers)) {
    const found = find()
    if (typeof found === 'string') skipped.set(name, found)
    else rows.push({ name, measure: () => measureOnce(name, found, options) })
  }
  const results = await rounds(rows, options.runs)
  const rates = (name: string, activity: Activity): number[] =>
    results.get(name)?.map(({ perSecond }) => perSecond[activity]) ?? []
  const beside = (activity: Activity, wanted: (name: string) => boolean): Beside | undefined => {
    const [best] = rows
      .map(({ name }) => ({ name, rates: rates(name, activity) }))
      .filter(({ name }) => name !== own && wanted(name))
      .toSorted((a, b) => figure(b.rates).median - figure(a.rates).median)
    return best && { name: best.name, ratio: ratio(rates(own, activity), best.rates) }
  }
  const about = async (name: string): Promise<string> =>
    `${results.get(name)?.[0]?.about}; ${(await durableWays[name]?.())?.settings}`
  return {
    flush: figure([...results.values()].flat().map(({ flushMicroseconds }) => flushMicroseconds)),
    queues: await Promise.all(
      [...rows.map(({ name }) => name), ...skipped.keys()].map(async (name) => {
        const why = skipped.get(name)
        return { name, about: why ?? (await about(name)), skipped: why !== undefined }
      }),
    ),
    rates: activities.flatMap((activity) =>
      rows.map(({ name }) => ({
        name,
        activity,
        perSecond: figure(rates(name, activity)),
        ...(name === own && {
          toPeers: beside(activity, () => true),
          toFlushing: beside(activity, (peer) => peers[peer]?.flushes === true),
        }),
      })),
    ),
  }
}

/** Starts a host of Rivulet's, a process like the other servers. */
function startOwn(): Promise<Server> {
  return startServer(async (use) => {
    const { path } = use(makeFolder())
    const host = use(new Player(own))
    return { endpoints: await host.order<Endpoints>({ do: 'host', folder: path }), about: 'this build' }
  })
}

async function measureOnce(way: string, start: Start, { warmUpMs, forMs }: Options): Promise<Result> {
  const flushMicroseconds = measureFlush()
  await using server = await start()
  const { endpoints, about } = server
  let published = 0
  const publish = async (manner: PublishManner): Promise<number> => {
    await using producer = new Player(way)
    await producer.order({ do: 'publish', manner, endpoints })
    const measured = await producer.order<Stretch>({ do: 'measure', warmUpMs, forMs })
    const atMost = manner === 'sendAll' ? enoughMessages - published : 0
    const filled = await producer.order<Stretch>({ do: 'measure', warmUpMs: 0, forMs: fillMs, atMost })
    published += filled.messagesSoFar
    return perSecond(measured)
  }
  const send = await publish('send')
  const sendAll = await publish('sendAll')
  await using consumer = new Player(way)
  await consumer.order({ do: 'acknowledge', endpoints })
  const consumed = await consumer.order<Stretch>({ do: 'measure', warmUpMs, forMs, atMost: published })
  return { about, flushMicroseconds, perSecond: { send, sendAll, consume: perSecond(consumed) } }
}

function perSecond({ ms, messages }: Stretch): number {
  return (messages / ms) * 1000
}
