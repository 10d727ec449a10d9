/**
 * What a subscription asks of the history of one publisher, and why something is missing in the end.
 *
 * `topic-follower.ts` asks, `history-client.ts` makes calls of it.
 */

/** Why messages are missing: lost in transit, no longer kept, or kept where nobody reaches them. */
export type GapReason = 'lost' | 'expired' | 'unavailable'

/** How an answer ended. */
export type FetchOutcome = 'complete' | 'unavailable'

/** What is asked for; each is an object of its own, by which its answer is known. */
export interface HistoryFetch {
  readonly source: string
  /**
   * What for: messages before those of a `since`; the numbers from which `last` counts; messages that are missing on a
   * topic; what was lost with a connection; how far topics must come for a short cursor.
   *
   * `history` and `repair` are replays, the others ask for heads.
   */
  readonly purpose: 'history' | 'floors' | 'repair' | 'check' | 'compact'
  /** A topic or a pattern. */
  readonly pattern: string
  /** Messages above this position. */
  readonly after: number
  /** Messages up to this one; of heads, those that count. */
  readonly upTo: number
  /** The last so many of each topic; 0 for all. */
  readonly last: number
  readonly since: Date | null
  readonly retained: boolean
}

/** Tells whether messages are asked for, and not where topics stand. */
export function isReplay({ purpose }: HistoryFetch): boolean {
  return purpose === 'history' || purpose === 'repair'
}
