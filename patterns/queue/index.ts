/**
 * Queues: work spread over workers. The transient queue is in memory, at most once; the durable queue keeps what it has
 * confirmed until it is done.
 *
 * @module rivulet/queue
 */
export * from './durable/index.js'
export * from './transient/index.js'
