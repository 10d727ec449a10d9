/**
 * What users see of a hub.
 *
 * `hub.ts` is how it is done.
 */
import type { Resource } from '../../src/resource/index.js'
import type { Reasons } from '../../src/stream/index.js'
import type { PublisherLinkStats } from './publisher-api.js'

/** One side of a hub. */
export interface HubSide {
  /** The first of `endpoints`; the empty text where nothing is bound. */
  readonly endpoint: string
  /** Where this side is bound, with wildcards resolved. */
  readonly endpoints: readonly string[]
  /** The public key by which peers know what is bound here; `undefined` without security, and where nothing is bound. */
  readonly publicKey: string | undefined
  /** How many links of this side are live. */
  readonly connected: number
}

/** What a hub keeps and serves. */
export interface HubHistoryStats {
  /** Publishers whose messages are kept, or were. */
  readonly sources: number
  /** Messages that are kept. */
  readonly messages: number
  /** What they take, retained values included, in bytes. */
  readonly bytes: number
  /** Messages that were given up for one of the bounds. */
  readonly expired: number
  /** Messages that were forwarded and not kept: their schema was not known, or the disk has failed. */
  readonly notKept: number
  /** Messages that were fetched of the history of publishers: lost ones, and those of before the hub forwarded anything. */
  readonly fetched: number
  /** Replays that subscribers read at the moment. */
  readonly openReplays: number
  /** Replays that have completed. */
  readonly replays: number
  /** Bytes of all replays. */
  readonly replayedBytes: number
  /** Messages that subscribers have reported as missing. */
  readonly missedBySubscribers: number
}

/** The counts of a hub: `received = forwarded + dropped + pending`, all reasons of `dropped` added. */
export interface HubStats {
  /** Messages in frames of publishers that could be opened. */
  readonly received: number
  /** Messages that were handed to the transport for the subscribers, once whatever their number. */
  readonly forwarded: number
  /** Messages that wait for the transport. */
  readonly pending: number
  /** Bytes that wait for the transport. */
  readonly pendingBytes: number
  /** Received and not forwarded: `duplicate`, `transport`, `closed`. */
  readonly dropped: Reasons
  /** The publishers' side. */
  readonly publishers: {
    /** Prefixes that are subscribed at the publishers. */
    readonly prefixes: number
    /** Frames, not messages, that could not be opened: `bad-frame`, `corrupt-frame`, `frame-too-large`; with a policy, `denied`. */
    readonly rejectedFrames: Reasons
  }
  /** The subscribers' side. */
  readonly subscribers: {
    /** Frames that are neither subscriptions nor requests: `bad-frame`, `corrupt-frame`. */
    readonly rejectedFrames: Reasons
    /** How often subscriptions exceeded `subscriptionBytes`, so that all subscribers were disconnected. */
    readonly subscriptionResets: number
    /** What is served over links as it leaves, where a policy of either side asks for it; zeros without one. */
    readonly links: PublisherLinkStats
  }
  /** What is kept; `undefined` with `history: false`. */
  readonly history: HubHistoryStats | undefined
}

/** Forwards the messages of any number of publishers to any number of subscribers. */
export interface Hub extends Resource<HubStats> {
  /** The side to which publishers are linked. */
  readonly publishers: HubSide
  /** The side to which subscribers are linked. */
  readonly subscribers: HubSide
}
