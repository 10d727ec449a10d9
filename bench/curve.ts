/**
 * Security: the transient queue and lone calls over CURVE, beside raw zeromq.js over CURVE, and beside the same without it.
 *
 * Each row has a process on each side, over loopback TCP, and takes its turn with the others.
 */
import { alternate } from './alternate.js'
import { beginCalls, type LoneCall } from './calls.js'
import type { Options } from './options.js'
import { progress, rounds } from './rounds.js'
import { type Figure, figure, quantile, ratio } from './statistics.js'
import { measureOnce } from './throughput.js'
import { makeKeys } from './ways/curve-keys.js'

const own = 'rivulet/queue, CURVE'
const plain = 'rivulet/queue'
const raw = 'raw zeromq.js, CURVE'
const calls = ['rivulet/rpc, CURVE', 'raw REQ/REP, CURVE', 'rivulet/rpc', 'raw REQ/REP']
const lone = 'raw REQ/REP, CURVE'

/** A rate over CURVE, or without it, in messages a second. */
export interface CurveRate {
  readonly name: string
  readonly perSecond: Figure
  /** Beside raw zeromq.js over CURVE. */
  readonly toRaw: Figure
  /** Beside the same queue without security. */
  readonly toPlain: Figure
}

/** What CURVE costs. */
export interface CurveResults {
  readonly rates: readonly CurveRate[]
  readonly lone: readonly LoneCall[]
}

/** Measures rates, then lone calls. */
export async function measureCurve(options: Options): Promise<CurveResults> {
  makeKeys()
  return { rates: await measureRates(options), lone: await measureLone(options) }
}

async function measureRates(options: Options): Promise<CurveRate[]> {
  const rows = [
    [own, 'sendAll'],
    [own, 'send'],
    [own, 'next'],
    [plain, 'sendAll'],
    [raw, 'send'],
  ] as const
  const results = await rounds(
    rows.map(([way, manner]) => ({
      name: `${way}: ${manner}`,
      measure: async () => (await measureOnce(way, manner, options)).perSecond,
    })),
    options.runs,
  )
  const rates = (name: string): number[] => results.get(name) as number[]
  return rows.map(([way, manner]) => {
    const name = `${way}: ${manner}`
    return {
      name,
      perSecond: figure(rates(name)),
      toRaw: ratio(rates(name), rates(`${raw}: send`)),
      toPlain: ratio(rates(name), rates(`${plain}: sendAll`)),
    }
  })
}

async function measureLone(options: Options): Promise<LoneCall[]> {
  const runs: Map<string, number[]>[] = []
  for (let run = 0; run < options.runs; run++) {
    progress(`run ${run + 1} of ${options.runs}: a lone call over CURVE`)
    runs.push(await alternate(calls, options, beginCalls))
  }
  progress('')
  const part = (way: string, at: number): number[] => runs.map((times) => quantile(times.get(way) ?? [], at))
  return calls.map((name) => ({
    name,
    median: figure(part(name, 0.5)),
    p99: figure(part(name, 0.99)),
    toBaseline: ratio(part(name, 0.5), part(lone, 0.5)),
  }))
}
