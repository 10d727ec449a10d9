/**
 * Throughput: one producer and one consumer, each a process, over loopback TCP, into `filter` and `map`.
 *
 * The producer is never waited for; the consumer counts the results of `map` while messages flow.
 */

import type { Libzmq } from './libzmq.js'
import type { Options } from './options.js'
import { Player } from './processes.js'
import { type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import type { Stretch } from './stretch.js'
import { baseline, type Endpoints, ways } from './ways/index.js'

/** What the C programs send, in bytes. */
const libzmqMessageBytes = 32

const baselineRow = `${baseline}: send`
const libzmqRow = `C libzmq, ${libzmqMessageBytes} bytes`

/** One row of the table. */
export interface Throughput {
  readonly name: string
  /** Messages a second. */
  readonly perSecond: Figure
  readonly toBaseline: Figure
  readonly toLibzmq: Figure | undefined
  /** Processor time of a message, all threads of a process, in nanoseconds; not known of C programs. */
  readonly producerNanoseconds: number | undefined
  readonly consumerNanoseconds: number | undefined
}

/** What one run comes to. */
export interface Result {
  /** Messages a second. */
  readonly perSecond: number
  readonly producerNanoseconds?: number
  readonly consumerNanoseconds?: number
}

/** Measures the ways that are there; `libzmq` is left out where it cannot be compiled. */
export async function measureThroughput(options: Options, libzmq: Libzmq | undefined): Promise<Throughput[]> {
  const { warmUpMs, forMs } = options
  const rows: Row<Result>[] = []
  for (const [name, load] of Object.entries(ways)) {
    const { produce } = await load()
    for (const manner of Object.keys(produce)) {
      rows.push({ name: `${name}: ${manner}`, measure: () => measureOnce(name, manner, options) })
    }
  }
  if (libzmq) {
    rows.push({
      name: libzmqRow,
      measure: async () => ({ perSecond: await libzmq.throughput(libzmqMessageBytes, warmUpMs, forMs) }),
    })
  }
  const results = await rounds(rows, options.runs)
  const rates = (name: string): number[] | undefined => results.get(name)?.map(({ perSecond }) => perSecond)
  return rows.map(({ name }) => {
    const own = rates(name) as number[]
    const floor = rates(libzmqRow)
    return {
      name,
      perSecond: figure(own),
      toBaseline: ratio(own, rates(baselineRow) as number[]),
      toLibzmq: floor && ratio(own, floor),
      producerNanoseconds: median(results.get(name)?.map((result) => result.producerNanoseconds)),
      consumerNanoseconds: median(results.get(name)?.map((result) => result.consumerNanoseconds)),
    }
  })
}

/** Measures one run of a way: a producer and a consumer, each a process. */
export async function measureOnce(way: string, manner: string, { warmUpMs, forMs }: Options): Promise<Result> {
  await using consumer = new Player(way)
  await using producer = new Player(way)
  const endpoints = await consumer.order<Endpoints>({ do: 'consume' })
  await producer.order({ do: 'produce', manner, endpoints })
  const [received, sent] = await Promise.all([
    consumer.order<Stretch>({ do: 'measure', warmUpMs, forMs }),
    producer.order<Stretch>({ do: 'measure', warmUpMs, forMs }),
  ])
  const perSecond = (received.messages / received.ms) * 1000
  return {
    perSecond,
    producerNanoseconds: (sent.cpuMs / sent.ms / perSecond) * 1e9,
    consumerNanoseconds: (received.cpuMs / received.ms / perSecond) * 1e9,
  }
}

function median(values: readonly (number | undefined)[] = []): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length > 0 ? figure(known).median : undefined
}
