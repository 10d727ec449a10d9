/** How pages write figures: as many digits as were measured, thousands apart. */
import type { StoredFigure } from './stored.js'

/** Writes a number. */
export type NumberText = (value: number) => string

const grouped = (value: number, digits: number): string =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Without decimals: nanoseconds, microseconds, bytes. */
export const whole: NumberText = (value) => grouped(value, 0)

/** Three digits that count: rates. */
export const three: NumberText = (value) => (value >= 100 ? grouped(value, 0) : value.toPrecision(3))

/** Two decimals, fewer above ten: ratios. */
export const ratioText: NumberText = (value) => {
  if (value === 1) return '1'
  return grouped(value, value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 3)
}

/** One decimal, none from 20 on: quotients of medians, which have no range. */
export const quotientText: NumberText = (value) => grouped(value, value >= 20 ? 0 : 1)

/** One decimal below a hundred: rates of which no range is known. */
export const oneDecimal: NumberText = (value) => grouped(value, value >= 100 ? 0 : 1)

/** A median, and its range in parentheses where it has one. */
export function rangeText({ median, min, max }: StoredFigure, text: NumberText, factor = 1): string {
  const [middle, low, high] = [median, min, max].map((value) => value !== undefined && text(value * factor))
  return low && high && !(low === middle && high === middle && median === 1)
    ? `${middle} (${low}–${high})`
    : `${middle}`
}
