/**
 * How the tasks travel: the options that both ends of their links have in common with each other.
 *
 * A worker that is killed loses what is on its way to it, so little is on its way.
 */

/** The least that the system takes. */
export const taskLink = { socketBufferBytes: 4096 } as const

/** Files in one frame, at the most. */
export const maxBatchMessages = 16
