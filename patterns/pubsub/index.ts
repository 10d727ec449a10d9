/**
 * Topics: publishers and subscribers that come and go; many receive the same message.
 *
 * @module rivulet/pubsub
 */
export type { ConflationKey, TopicStreamOptions } from './conflate-by.js'
export {
  defineTopic,
  type TopicArguments,
  type TopicContract,
  type TopicParameterNames,
  type TopicParameters,
} from './define-topic.js'
export { createHub } from './hub.js'
export type { Hub, HubHistoryStats, HubSide, HubStats } from './hub-api.js'
export type { HubHistoryOptions, HubOptions, HubPublishersOptions, HubSubscribersOptions } from './hub-options.js'
export type { HistoryOptions, PublisherOptions, SubscriberOptions } from './options.js'
export { createPublisher } from './publisher.js'
export type { Publisher, PublisherHistoryStats, PublisherStats, SubscriptionChange } from './publisher-api.js'
export { createSubscriber } from './subscriber.js'
export type { ReadyOptions, SubscriberStats, TopicSubscriber } from './subscriber-api.js'
export type { TopicEvent, TopicGap, TopicMessage } from './topic-event.js'
export type { HistoryStats } from './topic-log.js'
export type { TopicPublisher } from './topic-publisher.js'
