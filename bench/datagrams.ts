/**
 * Datagrams over loopback, a process on each side: packets beside `node:dgram` alone, and messages that share datagrams.
 *
 * The sender is never waited for; what the receiver does not take in time, the system drops. The receiver counts what arrives.
 */
import type { Options } from './options.js'
import { type Row, rounds } from './rounds.js'
import { type Figure, figure, ratio } from './statistics.js'
import { measureOnce, type Result } from './throughput.js'
import { datagramWays } from './ways/index.js'

const plain = 'node:dgram: send'

/** A rate of messages that arrive. */
export interface DatagramRate {
  readonly name: string
  /** Messages a second. */
  readonly perSecond: Figure
  readonly toPlain: Figure
  /** Processor time of a message that arrived. */
  readonly senderNanoseconds: number
  readonly receiverNanoseconds: number
}

/** Measures datagrams. */
export async function measureDatagrams(options: Options): Promise<DatagramRate[]> {
  const rows: Row<Result>[] = []
  for (const [name, load] of Object.entries(datagramWays)) {
    const { produce } = await load()
    for (const manner of Object.keys(produce)) {
      rows.push({ name: `${name}: ${manner}`, measure: () => measureOnce(name, manner, options) })
    }
  }
  const results = await rounds(rows, options.runs)
  const part = (name: string, of: (result: Result) => number) => (results.get(name) as Result[]).map(of)
  const rates = (name: string) => part(name, ({ perSecond }) => perSecond)
  return rows.map(({ name }) => ({
    name,
    perSecond: figure(rates(name)),
    toPlain: ratio(rates(name), rates(plain)),
    senderNanoseconds: figure(part(name, ({ producerNanoseconds = 0 }) => producerNanoseconds)).median,
    receiverNanoseconds: figure(part(name, ({ consumerNanoseconds = 0 }) => consumerNanoseconds)).median,
  }))
}
