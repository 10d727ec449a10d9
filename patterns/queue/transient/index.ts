/** The transient queue: in memory, at most once. */
export type { PullOptions, PushOptions } from './options.js'
export { createPull, type Pull } from './pull.js'
export { createPush, type InFlightLimit, type Push, type PushStats } from './push.js'
