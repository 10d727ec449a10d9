/** The history of publishers, and what is followed over links, as a subscriber drives them: the interface alone. */
import type { FollowedTopics } from './followed-topics.js'
import type { SubscriptionHistory } from './subscription.js'

/** The history of publishers, as the core drives it. */
export interface FollowedHistory extends SubscriptionHistory {
  /** What requests name. */
  readonly extension: Readonly<Record<string, Buffer>>
  /** A publisher has answered, or a hub for one that it keeps: with the addresses of its links, or without history. */
  answered(publisher: string, addresses: readonly string[] | undefined, isKept: boolean): void
  /** A publisher has answered that it serves over links alone, at these addresses. */
  discovered?(publisher: string, addresses: readonly string[]): void
  /** A connection has ended: which of those that serve over links alone was behind it, their next answers tell. */
  unlinked?(): void
  /** A publisher has left. */
  left(publisher: string): void
  /** What is followed over links, where publishers serve in no other way; left out where none does. */
  readonly followed?: Pick<FollowedTopics, 'want' | 'unwant' | 'request' | 'isExclusive'> | undefined
}
