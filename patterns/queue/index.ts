/**
 * Queues: work spread over workers, at most once, in memory; backpressure reaches the producer.
 *
 * @module rivulet/queue
 */
export type { PullOptions, PushOptions } from './options.js'
export { createPull, type Pull } from './pull.js'
export { createPush, type InFlightLimit, type Push, type PushStats } from './push.js'
