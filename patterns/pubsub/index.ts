/**
 * Topics: publishers and subscribers that come and go; many receive the same message.
 *
 * @module rivulet/pubsub
 */
export type { PublisherOptions, SubscriberOptions } from './options.js'
export { createPublisher } from './publisher.js'
export type { Publisher, PublisherStats, SubscriptionChange } from './publisher-api.js'
export { createSubscriber } from './subscriber.js'
export type { ReadyOptions, SubscriberStats, TopicSubscriber } from './subscriber-api.js'
export type { TopicEvent, TopicGap, TopicMessage } from './topic-event.js'
export type { TopicPublisher } from './topic-publisher.js'
