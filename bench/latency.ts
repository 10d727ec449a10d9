/**
 * Latency: a lone message on an idle link goes to another process and comes back through a second pair of sockets.
 *
 * There is never more than one message in flight, so nothing is gathered and nothing waits.
 */
import { alternate, type Exchange } from './alternate.js'
import type { Exchanges } from './child.js'
import type { Libzmq } from './libzmq.js'
import type { Options } from './options.js'
import { Player } from './processes.js'
import { progress } from './rounds.js'
import { type Figure, figure, quantile, ratio } from './statistics.js'
import { baseline, type Endpoints, ways } from './ways/index.js'

/** What the C programs send, in bytes. */
const libzmqMessageBytes = 32

const libzmqRow = `C libzmq, ${libzmqMessageBytes} bytes`

/** One row of the table: times there and back, in microseconds. */
export interface Latency {
  readonly name: string
  readonly median: Figure
  readonly p99: Figure
  readonly toBaseline: Figure
  readonly p99ToBaseline: Figure
}

/** Measures the ways that have an echo; `libzmq` is left out where it cannot be compiled. */
export async function measureLatency(options: Options, libzmq: Libzmq | undefined): Promise<Latency[]> {
  const runs: Map<string, number[]>[] = []
  for (let run = 0; run < options.runs; run++) {
    progress(`run ${run + 1} of ${options.runs}`)
    runs.push(await measureOnce(options, libzmq))
  }
  progress('')
  const part = (name: string, at: number): number[] => runs.map((times) => quantile(times.get(name) ?? [], at))
  return [...(runs[0]?.keys() ?? [])].map((name) => ({
    name,
    median: figure(part(name, 0.5)),
    p99: figure(part(name, 0.99)),
    toBaseline: ratio(part(name, 0.5), part(baseline, 0.5)),
    p99ToBaseline: ratio(part(name, 0.99), part(baseline, 0.99)),
  }))
}

/** One run of all ways that have an echo, and of the C program. */
async function measureOnce(options: Options, libzmq: Libzmq | undefined): Promise<Map<string, number[]>> {
  const names: string[] = []
  for (const [name, load] of Object.entries(ways)) if ((await load()).exchange) names.push(name)
  const times = await alternate(names, options, pair)
  if (libzmq) {
    times.set(libzmqRow, await libzmq.exchange(libzmqMessageBytes, options.warmUpExchanges, options.exchanges))
  }
  return times
}

/** Starts two processes that exchange messages. */
async function pair(way: string, players: Player[]): Promise<Exchange> {
  const [echo, asker] = [new Player(way), new Player(way)]
  players.push(echo, asker)
  const endpoints = await echo.order<Endpoints>({ do: 'echo' })
  await asker.order({ do: 'connect', endpoints })
  return async (count) => (await asker.order<Exchanges>({ do: 'exchange', count })).microseconds
}
