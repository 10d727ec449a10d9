/** Medians and spreads: what several runs come to. */

/** A figure of several runs. */
export interface Figure {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** The value below which the given part of the values lies; the values need not be sorted. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = part * (sorted.length - 1)
  const low = sorted[Math.floor(at)] as number
  const high = sorted[Math.ceil(at)] as number
  return low + (high - low) * (at - Math.floor(at))
}

/** Sums up the values of several runs. */
export function figure(values: readonly number[]): Figure {
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) }
}

/** The ratios of two rows, run by run: what slowed both down in one run falls out. */
export function ratio(values: readonly number[], others: readonly number[]): Figure {
  return figure(values.map((value, run) => value / (others[run] as number)))
}
