/**
 * Runs many sequences side by side in this process: they overlap while they wait for threads of the library.
 *
 * What nobody caught is the failure of a sequence that was running; running each of them alone finds out which.
 */
import type { Transport } from '../support/transports.js'
import type { AnyModel } from './model.js'
import { type Plan, planOf, transportOf } from './plan.js'
import { type Failure, failureText, running, runSequence } from './run-sequence.js'
import { shrink } from './shrink.js'

/** What to run. */
export interface SequenceRange {
  readonly from: number
  readonly count: number
  /** Sequences side by side. */
  readonly atOnce: number
  /** Left out: most seeds are over inproc, a share over the others. */
  readonly transport?: Transport | undefined
  /** Ticks that may go by without what is waited for. Default: those of the lab. */
  readonly mostTicks?: number | undefined
  /** Hears of each seed that begins and ends. */
  readonly onSeed?: (seed: number, begins: boolean) => void
}

/** A seed that failed. */
export interface FailedSeed {
  readonly seed: number
  /** What was broken, and the shortened sequence. */
  readonly text: string
}

/** Runs of a suspected sequence alone, and failures that are looked into; the rest is only counted. */
const suspectRuns = 3
const mostShrunk = 3
/** Failures after which no more is begun. */
const mostFailures = 5

/** What nobody caught while nothing ran. */
let stray: string | undefined

/** Makes uncaught errors failures of sequences, for the life of the process. */
export function catchUncaught(): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (reason: unknown) => {
      const text = `${event}: ${reason instanceof Error ? reason.stack : String(reason)}`
      if (running.size === 0) stray ??= text
      for (const lab of running) {
        // one that runs alone is the one
        if (running.size === 1) lab.expect(false, text)
        else lab.suspicion ??= text
      }
    })
  }
}

/** Runs a range of seeds; resolves with those that failed. */
export async function runMany(model: AnyModel, range: SequenceRange): Promise<FailedSeed[]> {
  const { from, count, atOnce, transport, mostTicks, onSeed } = range
  const failures: Failure[] = []
  const suspects: { plan: Plan; text: string }[] = []
  let next = from
  const lane = async (): Promise<void> => {
    while (next < from + count && failures.length + suspects.length < mostFailures) {
      const seed = next++
      onSeed?.(seed, true)
      const plan = planOf(model, seed, transport ?? transportOf(seed))
      const { failure, suspicion } = await runSequence(model, plan, mostTicks)
      if (failure) failures.push(failure)
      if (suspicion !== undefined) suspects.push({ plan, text: suspicion })
      onSeed?.(seed, false)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane))
  const guilty: Failure[] = []
  for (const { plan } of suspects) {
    for (let run = 0; run < suspectRuns; run++) {
      const { failure } = await runSequence(model, plan, mostTicks)
      if (!failure) continue
      guilty.push(failure)
      break
    }
    if (guilty.length >= mostShrunk) break
  }
  const failed: FailedSeed[] = []
  for (const failure of [...failures, ...guilty]) {
    const { seed } = failure.plan
    if (failed.length >= mostShrunk) failed.push({ seed, text: failureText(failure) })
    else {
      const { again, ...shrunk } = await shrink(model, failure, mostTicks)
      failed.push({
        seed,
        text: again > 0 ? failureText(shrunk) : `once, and not again alone: ${failureText(failure)}`,
      })
    }
  }
  const [first] = suspects
  if (guilty.length === 0 && first) {
    const seeds = suspects.map(({ plan }) => plan.seed).join(', ')
    failed.push({ seed: first.plan.seed, text: `${first.text}\n  beside one of the seeds ${seeds}; not again alone` })
  }
  if (stray !== undefined) failed.push({ seed: from, text: `after one of ${count} seeds from ${from}: ${stray}` })
  stray = undefined
  return failed
}
