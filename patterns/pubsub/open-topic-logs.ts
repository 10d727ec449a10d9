/**
 * How logs of topics are opened: the one way in for publishers and hubs.
 *
 * LMDB is loaded with the first logs on disk.
 */
import type { Clock } from '../../src/clock/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { createMemoryTopicLogs } from './memory-topic-logs.js'
import type { EarlierTopic, HistoryBounds, TopicLog, TopicLogs } from './topic-log.js'

/** What logs keep. */
export interface TopicLogsOptions extends HistoryBounds {
  readonly clock: Pick<Clock, 'wallNow' | 'setTimer'>
}

/** Where logs lie on disk. */
export interface StoredTopicLogsOptions extends TopicLogsOptions {
  /** The folder, made if it is not there in its own. */
  readonly path: string
  /** Called with each error that no call returns: a damaged record, a disk that cannot be written. */
  readonly report: (error: RivuletError) => void
}

/** Makes logs in memory. */
export function openTopicLogs({ clock, ...bounds }: TopicLogsOptions): TopicLogs {
  return createMemoryTopicLogs(bounds, clock)
}

/** Makes logs in memory with the log of one source, which begins behind earlier messages: those are given up. */
export function openTopicLogBehind(
  { clock, ...bounds }: TopicLogsOptions,
  source: string,
  earlier: Iterable<EarlierTopic>,
): { readonly logs: TopicLogs; readonly log: TopicLog } {
  const logs = createMemoryTopicLogs(bounds, clock)
  return { logs, log: logs.logBehind(source, earlier) }
}

/**
 * Opens logs on disk; one process has a folder at a time.
 *
 * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 */
export async function openStoredTopicLogs(options: StoredTopicLogsOptions): Promise<TopicLogs> {
  const { path, report, clock, ...bounds } = options
  const { openLogsOnDisk } = await import('./stored-topic-logs.js')
  return openLogsOnDisk({ path, report, clock, bounds })
}

/**
 * Opens the logs that the options of a history ask for.
 *
 * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 */
export async function openLogsOf(
  { maxMessages, maxBytes, maxAgeMs, path }: HistoryBounds & { readonly path: string | undefined },
  clock: Pick<Clock, 'wallNow' | 'setTimer'>,
  report: (error: RivuletError) => void,
): Promise<TopicLogs> {
  const settings = { maxMessages, maxBytes, maxAgeMs, clock }
  return path === undefined ? openTopicLogs(settings) : openStoredTopicLogs({ ...settings, path, report })
}
