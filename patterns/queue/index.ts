/**
 * Queues: work spread over workers. The transient queue is in memory, at most once; the durable queue keeps what it has
 * confirmed until it is done.
 *
 * @module rivulet/queue
 */
export type { QueueCounts } from '../../src/engine/index.js'
export type { StoreUsage } from '../../src/store/index.js'
export { type Consumer, type ConsumerStats, createConsumer } from './consumer.js'
export type { Delivery, NackOptions } from './delivery.js'
export type { ProcessDelivery } from './delivery-stream.js'
export type { ConsumerOptions, ProducerOptions, SendOptions } from './durable-options.js'
export { createQueueHost, type QueueHost, type QueueHostStats } from './host.js'
export type { BackoffOptions, QueueHostOptions, QueueOptions } from './host-options.js'
export type { PullOptions, PushOptions } from './options.js'
export type { SendResult } from './pending-send.js'
export { createProducer, type Producer } from './producer.js'
export { createPull, type Pull } from './pull.js'
export { createPush, type InFlightLimit, type Push, type PushStats } from './push.js'
export type { FailedDelivery, MessageOrigin, PeekOptions, QueuedMessage, QueueHandle } from './queue-handle.js'
export type { QueueRates, QueueStats } from './queue-stats.js'
