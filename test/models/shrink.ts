/** Shortens a sequence that fails: leaves out calls as long as it still fails. */
import { patience } from './lab.js'
import type { AnyModel } from './model.js'
import type { Plan } from './plan.js'
import { type Failure, runSequence } from './run-sequence.js'

/** Runs of a sequence that has failed once, to see whether it does so again. */
const repeats = 3
/** Shortened sequences to try at most. */
const mostTries = 150

/** A failure, and how often it came again. */
export interface Shrunk extends Failure {
  /** Of `repeats` runs alone, those that failed. */
  readonly again: number
}

/**
 * Runs a failed sequence again, alone, and shortens it if it fails then.
 *
 * @param mostTicks - How patient it is in doing so: much less than with a sequence that is new, or it would take minutes.
 */
export async function shrink(model: AnyModel, failure: Failure, mostTicks: number = patience.short): Promise<Shrunk> {
  let again = 0
  let best = failure
  for (let run = 0; run < repeats; run++) {
    const { failure } = await runSequence(model, best.plan, mostTicks)
    if (failure === undefined) continue
    again += 1
    best = failure
  }
  if (again === 0) return { ...failure, again }
  let tries = 0
  let { calls } = best.plan
  for (let size = Math.ceil(calls.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < calls.length && tries < mostTries; ) {
      tries += 1
      const plan: Plan = { ...best.plan, calls: [...calls.slice(0, at), ...calls.slice(at + size)] }
      const { failure } = await runSequence(model, plan, mostTicks)
      if (failure === undefined) {
        at += size
      } else {
        best = failure
        calls = plan.calls
      }
    }
  }
  return { ...best, again }
}
