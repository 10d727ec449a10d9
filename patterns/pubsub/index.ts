/**
 * Topics: publishers and subscribers that come and go; many receive the same message.
 *
 * @module rivulet/pubsub
 */
export type { ConflationKey, TopicStreamOptions } from './conflate-by.js'
export { createHub } from './create-hub.js'
export type { Cursor } from './cursor.js'
export {
  defineTopic,
  type TopicArguments,
  type TopicContract,
  type TopicParameterNames,
  type TopicParameters,
} from './define-topic.js'
export type { GapReason } from './history-fetch.js'
export type { Hub, HubHistoryStats, HubSide, HubStats } from './hub-api.js'
export type { HubHistoryOptions, HubOptions, HubPublishersOptions, HubSubscribersOptions } from './hub-options.js'
export type { HistoryOptions, PublisherOptions, SubscriberOptions } from './options.js'
export { createPublisher } from './publisher.js'
export type {
  Publisher,
  PublisherHistoryStats,
  PublisherLinkStats,
  PublisherStats,
  SubscriptionChange,
} from './publisher-api.js'
export type { PublisherChange } from './publisher-presence.js'
export type { Since, SinceLast } from './since.js'
export { createSubscriber } from './subscriber.js'
export type { ReadyOptions, SubscriberStats, TopicSubscriber } from './subscriber-api.js'
export type { SinceEvent, TopicEvent, TopicGap, TopicLive, TopicMessage } from './topic-event.js'
export type { HistoryStats } from './topic-log.js'
export type { TopicPublisher } from './topic-publisher.js'
