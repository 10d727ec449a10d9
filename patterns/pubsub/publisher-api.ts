/**
 * What users hold of a publisher: the interface alone; `publisher.ts` is the implementation.
 */
import type { Observable } from 'rxjs'
import type { Schema } from '../../src/avro/index.js'
import type { Resource } from '../../src/resource/index.js'
import type { Reasons, SenderStats } from '../../src/stream/index.js'
import type { TopicArguments, TopicContract } from './define-topic.js'
import type { HistoryStats } from './topic-log.js'
import type { TopicPublisher } from './topic-publisher.js'

/** A change of what is subscribed. */
export interface SubscriptionChange {
  /** What happened. */
  readonly kind: 'subscribed' | 'unsubscribed'
  /** The literal words that were subscribed, for example `ticks.acme`; empty for everything. Wildcards are not told. */
  readonly prefix: string
  /** How many subscriptions to this prefix there are now. */
  readonly subscribers: number
}

/** The counts of a publisher. */
export interface PublisherStats extends SenderStats {
  /**
   * Frames of subscribers, not messages, that are neither subscriptions nor requests: `bad-frame`, `corrupt-frame`.
   *
   * `errors` reports the first at once and further ones together, at most one report in 10 s.
   */
  readonly rejectedFrames: Reasons
  /**
   * How often subscriptions exceeded `subscriptionBytes`, so that all subscribers were disconnected.
   *
   * `errors` reports the first at once and further ones together, at most one report in 10 s.
   */
  readonly subscriptionResets: number
  /** What is kept, and what was served of it; zeros without history. */
  readonly history: PublisherHistoryStats
  /** What is served over links as it leaves, where a policy of either side asks for it; zeros without one. */
  readonly links: PublisherLinkStats
}

/** The counts of what a publisher or hub serves over links as it leaves. */
export interface PublisherLinkStats {
  /** Subscribers that follow topics over links now. */
  readonly open: number
  /** Messages that subscribers did not take in time; each counts once for each of them. */
  readonly dropped: number
  /** Patterns that the policy has denied, and subscriptions of peers that do not follow over a link. */
  readonly denied: number
}

/** The counts of the history of a publisher. */
export interface PublisherHistoryStats extends HistoryStats {
  /** Replays that are open. */
  readonly openReplays: number
  /** Replays that have completed. */
  readonly replays: number
  /** Frames of all replays, in bytes. */
  readonly replayedBytes: number
  /**
   * Messages of this publisher that subscribers have reported as missed: lost, and not repaired.
   *
   * `errors` reports the first at once and further ones together, at most one report in 10 s.
   */
  readonly missedBySubscribers: number
}

/** Publishes messages on topics. */
export interface Publisher extends Resource<PublisherStats> {
  /**
   * Returns the sink of a topic; the same one for the same name and schema.
   *
   * @param name - Words between dots, at most 255 bytes, without wildcards: `ticks.acme`.
   * @param schema - The schema of its messages.
   * @throws RIVULET_INVALID_OPTION, also where the topic has another schema; RIVULET_CLOSED
   */
  topic<In>(name: string, schema: Schema<In>): TopicPublisher<In>
  /**
   * Returns the sink of a topic of a contract.
   *
   * @param contract - What {@link defineTopic} returned.
   * @param parameters - A word for each parameter of the contract.
   * @throws RIVULET_INVALID_OPTION, also where the topic has another schema; RIVULET_CLOSED
   */
  topic<Text extends string, In>(
    contract: TopicContract<Text, In>,
    ...parameters: TopicArguments<Text>
  ): TopicPublisher<In>
  /**
   * What is subscribed, current prefixes first, then changes.
   *
   * Hot; completes when the publisher is closed.
   */
  readonly subscriptions: Observable<SubscriptionChange>
  /**
   * Resolves when everything that was taken so far is kept: with `history.path`, it is there after a crash of the process.
   *
   * That does not mean that it was sent. In memory, and without history, it resolves at once.
   *
   * @error RIVULET_STORE_FULL, RIVULET_STORE_FAILED if the disk has not taken some of it, which is dropped; RIVULET_CLOSED
   */
  flush(): Promise<void>
}
