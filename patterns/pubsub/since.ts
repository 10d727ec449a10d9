/**
 * From where a subscription begins: `since`, checked and taken apart.
 */
import { RivuletError } from '../../src/errors/index.js'
import { defaults, describe } from '../../src/options/index.js'
import { type Cursor, type CursorSources, readCursor } from './cursor.js'

/**
 * From where a subscription begins, at each publisher.
 *
 * `now`: with what is published from now on. `retained`: with the retained value of each topic. `all`: with everything that
 * the publisher keeps. `{ last: n }`: with the last n messages of each topic. A `Date`: with what left the publisher then or later,
 * by its clock. A cursor: behind the message that it was taken from.
 */
export type Since = 'now' | 'retained' | 'all' | SinceLast | Date | Cursor

/** The last messages of each topic. */
export interface SinceLast {
  /** How many, 1 to 1000000000. */
  readonly last: number
}

/** The same, taken apart. */
export type Start =
  | { readonly kind: 'now' | 'retained' | 'all' }
  | { readonly kind: 'last'; readonly count: number }
  | { readonly kind: 'date'; readonly time: Date }
  | { readonly kind: 'cursor'; readonly sources: CursorSources }

/** The most messages of each topic that `last` asks for. */
const maxLast = 1_000_000_000

/** The beginnings that are words. */
const words = ['now', 'retained', 'all'] as const

/**
 * Takes `since` apart, and returns it with a text that is the same for the same beginning.
 *
 * @throws RIVULET_INVALID_OPTION
 */
export function startOf(since: Since | undefined = defaults.since): { readonly start: Start; readonly key: string } {
  for (const kind of words) if (since === kind) return { start: { kind }, key: kind }
  if (typeof since === 'string') {
    const sources = readCursor(since)
    if (sources === undefined) throw invalid(since)
    return { start: { kind: 'cursor', sources }, key: since }
  }
  if (since instanceof Date) {
    const ms = since.getTime()
    if (Number.isNaN(ms)) throw invalid(since)
    return { start: { kind: 'date', time: new Date(ms) }, key: `date ${ms}` }
  }
  const last = typeof since === 'object' && since !== null ? since.last : undefined
  if (typeof last !== 'number' || !Number.isInteger(last) || last < 1 || last > maxLast) throw invalid(since)
  return { start: { kind: 'last', count: last }, key: `last ${last}` }
}

function invalid(since: unknown): RivuletError {
  const rule = `'now', 'retained', 'all', { last: 1 to ${maxLast} }, a valid Date, or a cursor`
  return new RivuletError('RIVULET_INVALID_OPTION', `since must be ${rule}, not ${describe(since)}`)
}
