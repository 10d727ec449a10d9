/** The kinds of logs that the contract holds for. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStoredTopicLogs, openTopicLogs } from '../../patterns/pubsub/open-topic-logs.js'
import type { HistoryBounds, TopicLogs } from '../../patterns/pubsub/topic-log.js'
import type { RivuletError } from '../../src/errors/index.js'
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

/** A folder that goes away with the test. */
export function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-logs-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'history')
}

/** Opens logs on disk; errors that nobody expects fail the test. */
export async function openStored(
  t: Test,
  path: string,
  bounds: Partial<HistoryBounds> = {},
  { clock = new VirtualClock(), report = (error: RivuletError): void => void Promise.reject(error) } = {},
): Promise<OpenedLogs> {
  const logs = await openStoredTopicLogs({ ...boundsOf(bounds), path, clock, report })
  t.teardown(() => logs.close())
  return { logs, clock }
}

function boundsOf(bounds: Partial<HistoryBounds>): HistoryBounds {
  return { ...unbounded, maxBytes: 2 ** 26, ...bounds }
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
    stored: (t, bounds) => openStored(t, folderOf(t), bounds),
  }
