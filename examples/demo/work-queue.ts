/**
 * The durable queues of the demonstration: their names, and how they treat what is in them.
 *
 * Work goes out on one, what became of it comes back on the other: a worker's report is safe before its work counts as
 * done, so that a worker that is killed in between takes nothing with it.
 */
import type { QueueOptions } from 'rivulet/queue'

export const filesQueue = 'files'
export const reportsQueue = 'reports'

/** Files in one message: they are leased, done and redelivered together. With one each, a run costs half as much again. */
export const filesPerBatch = 16

/** Messages that a worker works on at the same time: while one is being reported, another is hashed. */
export const batchesAtOnce = 2

/** Messages that a worker has at the most: little, so that little waits for the lease of one that is killed. */
export const prefetch = 4

/** Short, so that what a killed worker had is worked on again while somebody watches. */
const leaseMs = 2000

// a file that cannot be read has an answer as well: however often its worker dies, nothing here is a dead letter
const settings: QueueOptions = { leaseMs, maxAttempts: Number.POSITIVE_INFINITY }

export const queues: Readonly<Record<string, QueueOptions>> = { [filesQueue]: settings, [reportsQueue]: settings }
