/**
 * Bounds what waits for peers without a connection, over all sessions of an acceptor; it ends none itself.
 *
 * A peer may leave thousands of answers to its calls behind, or a few large ones, connect again and begin another session.
 */

/** Short items and streams that may wait in all: about 250 bytes each where they are equal, 500 otherwise. */
const mostItems = 131_072

/** What may be held in all, in bytes, beside the session that holds most: what one may hold has bounds of its own. */
const mostBytes = 67_108_864

/** What waits in a session. */
interface Waiting {
  readonly backlog: number
  readonly heldBytes: number
}

/** The session for whose peer most waits, if too much waits for all of them. */
export function overfull<Entry extends { readonly session: Waiting }>(cut: Iterable<Entry>): Entry | undefined {
  let [items, bytes, most, mostHeld] = [0, 0, 0, 0]
  let largest: Entry | undefined
  for (const entry of cut) {
    const { backlog, heldBytes } = entry.session
    items += backlog
    bytes += heldBytes
    mostHeld = Math.max(mostHeld, heldBytes)
    const share = backlog / mostItems + heldBytes / mostBytes
    if (largest !== undefined && share <= most) continue
    largest = entry
    most = share
  }
  return items > mostItems || bytes - mostHeld > mostBytes ? largest : undefined
}
