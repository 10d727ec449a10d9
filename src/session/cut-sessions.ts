/**
 * Bounds what waits for peers without a connection, over all sessions of an acceptor; it ends none itself.
 *
 * A peer may leave thousands of answers to its calls behind, connect again and begin another session. An honest one has no
 * more of them than it has calls.
 */

/** Short items and streams that may wait in all: about 250 bytes each where they are equal, 500 otherwise. */
const mostWaiting = 131_072

/** The session for whose peer most waits, if too much waits for all of them. */
export function overfull<Entry extends { readonly session: { readonly backlog: number } }>(
  cut: Iterable<Entry>,
): Entry | undefined {
  let total = 0
  let most: Entry | undefined
  for (const entry of cut) {
    total += entry.session.backlog
    if (most === undefined || entry.session.backlog > most.session.backlog) most = entry
  }
  return total > mostWaiting ? most : undefined
}
