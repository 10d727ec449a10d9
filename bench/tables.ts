/** Tables and figures as text for people. */
import type { Figure } from './statistics.js'

/** A count with its thousands apart. */
export function countText(count: number): string {
  return count.toLocaleString('en')
}

/** A figure as its median, and the least and the most. */
export function figureText({ median, min, max }: Figure, factor = 1): string {
  const [middle, low, high] = [median, min, max].map((value) => three(value * factor))
  return `${middle} (${low}–${high})`
}

/** Three digits that count. */
function three(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}

/** A table; aligns columns: names to the left, figures to the right. */
export function table(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heads, ...rows]
  const widths = heads.map((_, column) => Math.max(...all.map((cells) => (cells[column] ?? '').length)))
  const lines = all.map((cells) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))),
  )
  return [title, ...lines.map((cells) => `  ${cells.join('   ')}`.trimEnd())].join('\n')
}
