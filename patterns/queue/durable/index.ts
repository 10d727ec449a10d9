/** The durable queue: what is confirmed stays until it is done. */

export type { Delivery, MessagePeer, NackOptions, ProcessDelivery } from '../../../src/delivery/index.js'
export type { QueueCounts } from '../../../src/engine/index.js'
export type { SendResult } from '../../../src/reliable-send/index.js'
export type { StoreUsage } from '../../../src/store/index.js'
export { type Consumer, createConsumer } from './consumer.js'
export type { ConsumerStats } from './durable-receiver.js'
export { createQueueHost, type QueueHost, type QueueHostStats } from './host.js'
export type { BackoffOptions, QueueHostOptions, QueueOptions } from './host-options.js'
export type { ConsumerOptions, ProducerOptions, SendOptions } from './options.js'
export { createProducer, type Producer } from './producer.js'
export type { FailedDelivery, MessageOrigin, PeekOptions, QueuedMessage, QueueHandle } from './queue-handle.js'
export type { QueueRates, QueueStats } from './queue-stats.js'
