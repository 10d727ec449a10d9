/**
 * Logs in memory: what they keep ends with the process.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { LogBounds } from './log-bounds.js'
import { LogIndex } from './log-index.js'
import { LogWalk } from './log-walk.js'
import type {
  EarlierTopic,
  HistoryBounds,
  HistoryStats,
  LoggedFrame,
  LogReplay,
  TopicEnd,
  TopicLog,
  TopicLogs,
} from './topic-log.js'
import type { Head, Range } from './topics-wire.js'

/** Makes logs in memory. */
export function createMemoryTopicLogs(
  bounds: HistoryBounds,
  clock: Pick<Clock, 'wallNow' | 'setTimer'>,
): MemoryTopicLogs {
  return new MemoryTopicLogs(bounds, clock)
}

/** Logs in memory. */
export class MemoryTopicLogs implements TopicLogs {
  readonly bounds: LogBounds
  readonly #logs = new Map<string, MemoryTopicLog>()
  #isOpen = true

  constructor(bounds: HistoryBounds, clock: Pick<Clock, 'wallNow' | 'setTimer'>) {
    this.bounds = new LogBounds(bounds, clock)
  }

  log(source: string): TopicLog {
    this.check()
    return this.#logs.get(source) ?? this.#made(source)
  }

  /** The log of a new source that has published before: what it has sent is given up. */
  logBehind(source: string, earlier: Iterable<EarlierTopic>): TopicLog {
    const log = this.#made(source)
    for (const topic of earlier) log.index.restore(topic, topic, topic.time)
    this.bounds.apply()
    return log
  }

  #made(source: string): MemoryTopicLog {
    const log = new MemoryTopicLog(source, this)
    this.#logs.set(source, log)
    return log
  }

  *sources(): Iterable<string> {
    for (const [source, { position }] of this.#logs) if (position > 0) yield source
  }

  forget(source: string): undefined {
    const log = this.#logs.get(source)
    if (!log) return
    this.#logs.delete(source)
    this.bounds.forget(log.index)
  }

  stats(): HistoryStats {
    return this.bounds.stats()
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.#isOpen = false
    this.bounds.close()
  }

  check(): void {
    if (!this.#isOpen) throw new RivuletError('RIVULET_CLOSED', 'the logs of topics are closed')
  }
}

class MemoryTopicLog implements TopicLog {
  readonly source: string
  readonly index: LogIndex
  readonly #logs: MemoryTopicLogs

  constructor(source: string, logs: MemoryTopicLogs) {
    this.source = source
    this.#logs = logs
    this.index = new LogIndex(source, logs.bounds.kept)
  }

  get position(): number {
    return this.index.position
  }

  append(frame: LoggedFrame): undefined {
    this.#logs.check()
    this.#logs.bounds.append(this.index, frame)
  }

  insert(frames: readonly LoggedFrame[]): undefined {
    this.#logs.check()
    for (const frame of frames) this.#logs.bounds.append(this.index, frame)
  }

  retain(frame: LoggedFrame): undefined {
    this.#logs.check()
    this.#logs.bounds.retain(this.index, frame)
  }

  clear(topic: string): undefined {
    this.#logs.check()
    const known = this.index.topic(topic)
    if (known) this.index.clear(known)
  }

  replay(ranges: readonly Range[]): LogReplay {
    return new LogWalk(this.index, ranges, () => {
      this.#logs.check()
      this.#logs.bounds.refresh()
    })
  }

  heads(patterns: readonly string[], after: number): Iterable<Head | undefined> {
    return this.index.heads(patterns, after)
  }

  ends(): Iterable<TopicEnd> {
    return this.index.ends()
  }
}
