/**
 * How logs of topics are opened: the one way in for publishers and hubs.
 */
import type { Clock } from '../../src/clock/index.js'
import { createMemoryTopicLogs } from './memory-topic-logs.js'
import type { HistoryBounds, TopicLogs } from './topic-log.js'

/** What logs keep, and where. */
export interface TopicLogsOptions extends HistoryBounds {
  readonly clock: Pick<Clock, 'wallNow'>
}

/** Opens logs in memory. */
export function openTopicLogs({ clock, ...bounds }: TopicLogsOptions): TopicLogs {
  return createMemoryTopicLogs(bounds, clock)
}
