/**
 * Topics: publishers and subscribers that come and go; many receive the same message.
 *
 * @module rivulet/pubsub
 */
export type { PublisherOptions, SubscriberOptions } from './options.js'
export { createPublisher, type Publisher, type PublisherStats, type SubscriptionChange } from './publisher.js'
export { createSubscriber, type ReadyOptions, type SubscriberStats, type TopicSubscriber } from './subscriber.js'
export type { TopicEvent, TopicGap, TopicMessage } from './topic-event.js'
export type { TopicPublisher } from './topic-publisher.js'
