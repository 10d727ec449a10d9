/** The kinds of logs that the contract holds for. */
import { openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import type { HistoryBounds, TopicLogs } from '../../patterns/pubsub/topic-log.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** What a test opens. */
export interface OpenedLogs {
  readonly logs: TopicLogs
  readonly clock: VirtualClock
}

type Test = { teardown(callback: () => unknown): void }

export const unbounded: HistoryBounds = {
  maxMessages: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
}

/** How each kind of logs is opened for a test, and closed with it. */
export const kindsOfLogs: Readonly<Record<string, (t: Test, bounds?: Partial<HistoryBounds>) => Promise<OpenedLogs>>> =
  {
    memory: async (t, bounds) => {
      const clock = new VirtualClock()
      const logs = openTopicLogs({ ...unbounded, ...bounds, clock })
      t.teardown(() => logs.close())
      return { logs, clock }
    },
  }
