/**
 * Calls: one client and one server, each a process, over loopback TCP.
 *
 * Many calls at a time and a stream of responses are rates; a lone call is a time, beside REQ and REP of zeromq.js.
 */
import { alternate, type Exchange } from './alternate.js'
import type { Exchanges } from './child.js'
import type { Options } from './options.js'
import { Player } from './processes.js'
import { progress, type Row, rounds } from './rounds.js'
import { type Figure, figure, quantile, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import type { Endpoints } from './ways/index.js'

const own = 'rivulet/rpc'
const rawMany = 'raw DEALER/ROUTER'
const rawLone = 'raw REQ/REP'

/** Calls that are open at the same time. */
const atOnce = [1024, 256]

/** A rate, in calls or items a second. */
export interface CallRate {
  readonly name: string
  readonly perSecond: Figure
  /** For calls; a stream of responses has nothing of its kind beside it. */
  readonly toBaseline: Figure | undefined
}

/** A time there and back, in microseconds. */
export interface LoneCall {
  readonly name: string
  readonly median: Figure
  readonly p99: Figure
  readonly toBaseline: Figure
}

/** What calls come to. */
export interface CallResults {
  readonly rates: readonly CallRate[]
  readonly lone: readonly LoneCall[]
}

/** Measures rates, then lone calls. */
export async function measureCalls(options: Options): Promise<CallResults> {
  return { rates: await measureRates(options), lone: await measureLone(options) }
}

async function measureRates(options: Options): Promise<CallRate[]> {
  const rows: Row<number>[] = atOnce.flatMap((count) =>
    [own, rawMany].map((way) => ({
      name: `${way}: ${count} at a time`,
      measure: () => measureRate(way, options, (client) => client.order({ do: 'call', atOnce: count })),
    })),
  )
  rows.push({
    name: `${own}: stream of responses`,
    measure: () => measureRate(own, options, (client) => client.order({ do: 'watch' })),
  })
  const results = await rounds(rows, options.runs)
  return rows.map(({ name }) => {
    const values = results.get(name) as number[]
    const [, count] = name.split(': ')
    const baseline = results.get(`${rawMany}: ${count}`)
    return { name, perSecond: figure(values), toBaseline: baseline && ratio(values, baseline) }
  })
}

/** Measures calls a second of a way, once they have begun. */
export async function measureRate(
  way: string,
  { warmUpMs, forMs }: Options,
  begin: (client: Player) => Promise<unknown>,
): Promise<number> {
  await using server = new Player(way)
  await using client = new Player(way)
  const endpoints = await server.order<Endpoints>({ do: 'serve' })
  await client.order({ do: 'connectCaller', endpoints })
  await begin(client)
  const { ms, messages } = await client.order<Stretch>({ do: 'measure', warmUpMs, forMs })
  return (messages / ms) * 1000
}

async function measureLone(options: Options): Promise<LoneCall[]> {
  const ways = [own, rawLone]
  const runs: Map<string, number[]>[] = []
  for (let run = 0; run < options.runs; run++) {
    progress(`run ${run + 1} of ${options.runs}: a lone call`)
    runs.push(await alternate(ways, options, beginCalls))
  }
  progress('')
  const part = (way: string, at: number): number[] => runs.map((times) => quantile(times.get(way) ?? [], at))
  return ways.map((name) => ({
    name,
    median: figure(part(name, 0.5)),
    p99: figure(part(name, 0.99)),
    toBaseline: ratio(part(name, 0.5), part(rawLone, 0.5)),
  }))
}

/** Starts a server and a client that calls it. */
export async function beginCalls(way: string, players: Player[]): Promise<Exchange> {
  const [server, client] = [new Player(way), new Player(way)]
  players.push(server, client)
  const endpoints = await server.order<Endpoints>({ do: 'serve' })
  await client.order({ do: 'connectCaller', endpoints })
  return async (count) => (await client.order<Exchanges>({ do: 'exchange', count })).microseconds
}
