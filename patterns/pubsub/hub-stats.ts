/**
 * The counts of a hub, put together from those of its parts.
 */
import { Tally } from '../../src/observe/index.js'
import type { Outbox } from '../../src/socket/index.js'
import type { HubHistoryStats, HubStats } from './hub-api.js'
import type { HubIntake } from './hub-intake.js'
import type { PublisherLinkStats } from './publisher-api.js'
import type { SubscriberSide } from './subscriber-side.js'

/** What counts. */
export interface CountedHub {
  readonly outbox: Pick<Outbox, 'sent' | 'messages' | 'bytes'>
  readonly intake: Pick<HubIntake, 'received' | 'duplicates' | 'rejectedFrames'>
  /** Messages that were not forwarded, by reason. */
  readonly lost: Tally
  /** Prefixes that are subscribed at the publishers. */
  readonly prefixes: number
  readonly side: Pick<SubscriberSide, 'rejectedFrames' | 'resets'>
  readonly links: PublisherLinkStats
  readonly history: HubHistoryStats | undefined
}

/** The counts of a hub at this moment. */
export function hubStats({ outbox, intake, lost, prefixes, side, links, history }: CountedHub): HubStats {
  const { sent, messages, bytes } = outbox
  const dropped = new Tally()
  for (const [reason, count] of Object.entries(lost.snapshot())) dropped.add(reason, count)
  if (intake.duplicates > 0) dropped.add('duplicate', intake.duplicates)
  return Object.freeze({
    received: intake.received,
    forwarded: sent,
    pending: messages,
    pendingBytes: bytes,
    dropped: dropped.snapshot(),
    publishers: Object.freeze({ prefixes, rejectedFrames: intake.rejectedFrames }),
    subscribers: Object.freeze({ rejectedFrames: side.rejectedFrames, subscriptionResets: side.resets, links }),
    history,
  })
}
