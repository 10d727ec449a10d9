/**
 * Latency: a lone message on an idle link goes to another process and comes back through a second pair of sockets.
 *
 * There is never more than one message under way, so nothing is gathered and nothing waits.
 */
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

/** What is measured in turn: a part of a run, in exchanges. */
const blockExchanges = 250

/** Takes times of exchanges, in microseconds. */
type Exchange = (count: number) => Promise<readonly number[]>

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

/**
 * One run: every way has its own two processes, and they take turns of a few milliseconds.
 *
 * Where the system puts threads, and what the machine does besides, changes a time more than any code does.
 */
async function measureOnce(options: Options, libzmq: Libzmq | undefined): Promise<Map<string, number[]>> {
  const players: Player[] = []
  const times = new Map<string, number[]>()
  try {
    const rows = new Map<string, Exchange>()
    for (const [name, load] of Object.entries(ways)) {
      if (!(await load()).exchange) continue
      const exchange = await pair(name, players)
      await exchange(options.warmUpExchanges)
      rows.set(name, exchange)
      times.set(name, [])
    }
    for (let done = 0; done < options.exchanges; done += blockExchanges) {
      for (const [name, exchange] of rows) times.get(name)?.push(...(await exchange(blockExchanges)))
    }
  } finally {
    await Promise.all(players.map((player) => player[Symbol.asyncDispose]()))
  }
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
