/**
 * How the tasks travel: the options of their links, the same on both sides where both have them.
 *
 * A worker that is killed takes with it what is on its way to it, so little is: a file is much work and few bytes.
 */

/** The least that the system takes for a connection. */
export const taskLink = { socketBufferBytes: 4096 } as const

/** Files in one frame. */
export const maxBatchMessages = 1

/** What waits for a worker with room; what the workers already have comes on top. */
export const outboxBytes = 4096
