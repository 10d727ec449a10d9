/**
 * The queue in a few words, for every way in which a run is shown.
 */
import { count, plural } from './format.js'
import type { QueueFigures } from './schemas.js'

/** What is in the queue of files, and what has come of its troubles so far. */
export function queueText({ depth, leased }: QueueFigures, redelivered: number, restarts: number): string {
  return [
    `${plural(depth, 'batch')} queued`,
    `${count(leased)} leased`,
    `${plural(redelivered, 'file')} redelivered`,
    plural(restarts, 'host restart'),
  ].join(', ')
}
