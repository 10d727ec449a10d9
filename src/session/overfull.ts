/**
 * Bounds what waits for peers without a connection, or that acknowledge nothing, over all sessions of an acceptor; it ends none
 * itself.
 *
 * A peer may leave thousands of answers to its calls behind, or a few large ones, and begin another session.
 */

/** What may wait in all sessions of some kind. */
export interface Bounds {
  /** Short items and streams: answers take little more than their bytes, calls about 250 bytes each, or 500 if they differ. */
  readonly items: number
  /** What is held beside the session that holds most, in bytes: what one may hold has bounds of its own. */
  readonly bytes: number
}

/** For peers without a connection. */
export const cutBounds: Bounds = { items: 131_072, bytes: 67_108_864 }

/**
 * For those that acknowledge nothing as well. They may all have stalled for a moment: then much may be in flight to them, and to
 * many of them.
 */
export const behindBounds: Bounds = { items: 524_288, bytes: Number.POSITIVE_INFINITY }

/** What waits in a session. */
interface Waiting {
  readonly backlog: number
  readonly heldBytes: number
}

/** The session for whose peer most waits, if too much waits for all of them. */
export function overfull<Entry extends { readonly session: Waiting }>(
  sessions: Iterable<Entry>,
  bounds: Bounds,
): Entry | undefined {
  let [items, bytes, most, mostHeld] = [0, 0, 0, 0]
  let largest: Entry | undefined
  for (const entry of sessions) {
    const { backlog, heldBytes } = entry.session
    items += backlog
    bytes += heldBytes
    mostHeld = Math.max(mostHeld, heldBytes)
    const share = backlog / bounds.items + heldBytes / bounds.bytes
    if (largest !== undefined && share <= most) continue
    largest = entry
    most = share
  }
  return items > bounds.items || bytes - mostHeld > bounds.bytes ? largest : undefined
}
