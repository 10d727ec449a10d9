/**
 * Queues: work spread over workers. The transient queue is in memory, at most once; the durable queue keeps what it has
 * confirmed until it is done.
 *
 * @module rivulet/queue
 */
export type { QueueCounts } from '../../src/engine/index.js'
export type { StoreUsage } from '../../src/store/index.js'
export { type Consumer, createConsumer } from './durable/consumer.js'
export type { Delivery, NackOptions } from './durable/delivery.js'
export type { ProcessDelivery } from './durable/delivery-stream.js'
export type { ConsumerStats } from './durable/durable-receiver.js'
export { createQueueHost, type QueueHost, type QueueHostStats } from './durable/host.js'
export type { BackoffOptions, QueueHostOptions, QueueOptions } from './durable/host-options.js'
export type { ConsumerOptions, ProducerOptions, SendOptions } from './durable/options.js'
export type { SendResult } from './durable/pending-send.js'
export { createProducer, type Producer } from './durable/producer.js'
export type { FailedDelivery, MessageOrigin, PeekOptions, QueuedMessage, QueueHandle } from './durable/queue-handle.js'
export type { QueueRates, QueueStats } from './durable/queue-stats.js'
export type { PullOptions, PushOptions } from './transient/options.js'
export { createPull, type Pull } from './transient/pull.js'
export { createPush, type InFlightLimit, type Push, type PushStats } from './transient/push.js'
