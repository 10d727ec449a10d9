/** The end of what is late, within the budget of a turn. See `DeadlineSweep`, whose sweeps use it. */
import { turnBudget } from './turn-budget.js'

/** What has a deadline. */
interface Timed {
  readonly deadline: number
}

/**
 * Ends those of a list that are late at `now`, the earliest first; returns the earliest deadline that is left.
 *
 * If that is more than one turn takes, the rest is still late: the next sweep, which is due at once, ends it behind what waits
 * for this turn.
 */
export function sweepLate<T extends Timed>(list: readonly T[], now: number, end: (late: T) => void): number {
  const late = list.filter(({ deadline }) => deadline <= now).sort((one, other) => one.deadline - other.deadline)
  for (const [at, one] of late.entries()) {
    end(one)
    if (turnBudget.spend() && at < late.length - 1) return now
  }
  return list.reduce(
    (earliest, { deadline }) => (deadline > now ? Math.min(earliest, deadline) : earliest),
    Number.POSITIVE_INFINITY,
  )
}
