/**
 * Latency: a lone message on an idle link goes to another process and comes back through a second pair of sockets.
 *
 * There is never more than one message under way, so nothing is gathered and nothing waits.
 */
import type { Exchanges } from './child.js'
import type { Libzmq } from './libzmq.js'
import type { Options } from './options.js'
import { Player } from './processes.js'
import { type Row, rounds } from './rounds.js'
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
  const { warmUpExchanges, exchanges } = options
  const rows: Row<readonly number[]>[] = []
  for (const [name, load] of Object.entries(ways)) {
    if ((await load()).exchange) rows.push({ name, measure: () => measureOnce(name, options) })
  }
  if (libzmq) {
    const measure = () => libzmq.exchange(libzmqMessageBytes, warmUpExchanges, exchanges)
    rows.push({ name: libzmqRow, measure })
  }
  const results = await rounds(rows, options.runs)
  const part = (name: string, at: number): number[] =>
    (results.get(name) as (readonly number[])[]).map((microseconds) => quantile(microseconds, at))
  return rows.map(({ name }) => ({
    name,
    median: figure(part(name, 0.5)),
    p99: figure(part(name, 0.99)),
    toBaseline: ratio(part(name, 0.5), part(baseline, 0.5)),
    p99ToBaseline: ratio(part(name, 0.99), part(baseline, 0.99)),
  }))
}

async function measureOnce(way: string, options: Options): Promise<readonly number[]> {
  await using echo = new Player(way)
  await using asker = new Player(way)
  const endpoints = await echo.order<Endpoints>({ do: 'echo' })
  const { microseconds } = await asker.order<Exchanges>({
    do: 'exchange',
    endpoints,
    warmUp: options.warmUpExchanges,
    count: options.exchanges,
  })
  return microseconds
}
