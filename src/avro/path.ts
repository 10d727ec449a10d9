/**
 * Paths to places in schemas and values, and the quoting of foreign text for messages.
 *
 * `order.lines[2].price` is a place in a value, `order.lines[].price` one in a schema, `prices{}` the values of a map.
 */
import type { Issue } from '../errors/index.js'

const longestQuote = 64

/** Returns text of an untrusted peer, shortened for a message. */
export const brief = (text: string, longest = 160): string =>
  text.length > longest ? `${text.slice(0, longest)}…` : text

/** Returns the path of a field of what is at `path`. */
export const fieldPath = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** Returns text in quotes for a message: escaped, and shortened, since it may come from an untrusted peer. */
export function quote(text: unknown): string {
  if (typeof text !== 'string') return text === null ? 'null' : Array.isArray(text) ? 'an array' : typeof text
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text)
}

/** Returns the first issues as one line for a message. */
export function summary(issues: readonly Issue[]): string {
  const shown = issues.slice(0, 3).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  if (issues.length > shown.length) shown.push(`and ${issues.length - shown.length} more`)
  return shown.join('; ')
}
