/**
 * Runs many seeds of a simulation, and says how to have one that failed again.
 *
 * Which simulation that is, is the caller's business.
 */

/** What is needed of the outcome of a run. */
export interface SeedOutcome {
  readonly seed: number
  readonly hash: string
  readonly steps: number
  readonly violation: string | undefined
}

/** What many runs came to. */
export interface SeedTally {
  readonly seeds: number
  readonly steps: number
  readonly seconds: number
  readonly failures: readonly SeedOutcome[]
}

/** When to stop. */
export interface SeedLimits {
  readonly from: number
  /** Seeds at the most. */
  readonly seeds: number
  /** The time at the most, in milliseconds. */
  readonly withinMs?: number
  /** Failures at the most. */
  readonly failures?: number
  /** Is told of each outcome. */
  readonly onOutcome?: (outcome: SeedOutcome, done: number) => void
}

/** Runs seeds one after the other. */
export async function runSeeds(
  simulate: (seed: number) => SeedOutcome | Promise<SeedOutcome>,
  limits: SeedLimits,
): Promise<SeedTally> {
  const { from, seeds, withinMs = Number.POSITIVE_INFINITY, failures: maxFailures = 10, onOutcome } = limits
  const started = performance.now()
  const failures: SeedOutcome[] = []
  let steps = 0
  let done = 0
  while (done < seeds && failures.length < maxFailures && performance.now() - started < withinMs) {
    const outcome = await simulate(from + done)
    done += 1
    steps += outcome.steps
    if (outcome.violation !== undefined) failures.push(outcome)
    onOutcome?.(outcome, done)
  }
  return { seeds: done, steps, seconds: (performance.now() - started) / 1000, failures }
}

/** What a failure says, and the command that has it again. */
export const explain = explainAs('simulation')

/** What a failure of the simulation behind a soak says. */
export function explainAs(soak: string): (outcome: SeedOutcome) => string {
  return ({ seed, violation }) => `seed ${seed}: ${violation}\n  npm run soak -- ${soak} --seed ${seed}`
}
