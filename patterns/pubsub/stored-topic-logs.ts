/**
 * Logs on disk: what they keep outlives the process, and one process has them at a time.
 *
 * When they are opened, each record is read once: the indexes are made again, and records that are damaged are found.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { openLmdbStore, type Store } from '../../src/store/index.js'
import { LogBounds } from './log-bounds.js'
import { numberOf, readFrame, readTopic, recordKind, schemaIdOf, sourceOf, sourceRecords } from './log-records.js'
import { StoredTopicLog } from './stored-topic-log.js'
import type { HistoryBounds, HistoryStats, TopicLog, TopicLogs } from './topic-log.js'

/** Where logs lie on disk. */
export interface StoredLogsOptions {
  /** The folder, made if it is not there in its own. */
  readonly path: string
  readonly bounds: HistoryBounds
  readonly clock: Pick<Clock, 'wallNow' | 'setTimer'>
  /** Called with each error that no call returns: a damaged record, a disk that cannot be written. */
  readonly report: (error: RivuletError) => void
}

/** What a store may take beside the frames, in bytes, and how much more than these: records have keys and lie in pages. */
const storeBytes = 134_217_728
const storeFactor = 3
/** The largest store, in bytes: address space for so much is reserved. */
const maxStoreBytes = 2 ** 40

const nothing = Buffer.alloc(0)

/**
 * Opens logs on disk.
 *
 * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
 */
export async function openLogsOnDisk(options: StoredLogsOptions): Promise<TopicLogs> {
  const { path, bounds, report } = options
  const store = await openLmdbStore({
    path,
    maxBytes: Math.min(maxStoreBytes, storeBytes + storeFactor * bounds.maxBytes),
    // a message that a subscriber has seen must not be taken back: not by the loss of power either
    durability: 'flushed',
    onFailed: report,
    onCorrupt: ({ key, place }) => {
      const name = Buffer.from(key).toString('hex')
      report(
        new RivuletError('RIVULET_STORE_CORRUPT', `${place}: record ${name} of a history is damaged; it is given up`),
      )
    },
  })
  try {
    return readTopicLogs(store, options)
  } catch (error) {
    await store.close()
    throw error
  }
}

/**
 * Makes logs of what is in a store, which is theirs from then on.
 *
 * @throws RIVULET_STORE_FAILED
 */
export function readTopicLogs(store: Store, options: Pick<StoredLogsOptions, 'bounds' | 'clock'>): TopicLogs {
  return new StoredTopicLogs(store, options)
}

class StoredTopicLogs implements TopicLogs {
  readonly store: Store
  readonly bounds: LogBounds
  readonly #logs = new Map<string, StoredTopicLog>()
  #closing: Promise<void> | undefined

  constructor(store: Store, { bounds, clock }: Pick<StoredLogsOptions, 'bounds' | 'clock'>) {
    this.store = store
    this.bounds = new LogBounds(bounds, clock, {
      givenUp: (index, position, topic) => this.#logs.get(index.source)?.givenUp(position, topic),
      aged: () => {
        for (const log of this.#logs.values()) log.aged()
      },
    })
    this.#read()
  }

  log(source: string): TopicLog {
    this.check()
    return this.#log(source)
  }

  *sources(): Iterable<string> {
    for (const [source, { position }] of this.#logs) if (position > 0) yield source
  }

  async forget(source: string): Promise<void> {
    const log = this.#logs.get(source)
    if (!log) return
    const { steps } = log
    await log.flush()
    // a source that has sent meanwhile stays; closed, or forgotten by another call
    if (log.steps !== steps || this.#closing || this.#logs.get(source) !== log) return
    this.bounds.forget(log.index)
    this.#logs.delete(source)
    // in one turn and one batch: what the source sends from now on is written behind it
    await this.store.write(this.#keysOf(source).map((key) => ({ key, value: undefined })))
  }

  #keysOf(source: string): Uint8Array[] {
    const id = Buffer.from(source, 'hex')
    return Object.values(recordKind).flatMap((kind) => {
      const from = Buffer.concat([Buffer.of(kind), id])
      const to = Buffer.concat([from, Buffer.alloc(17, 0xff)])
      return Array.from(this.store.range(from, to), ({ key }) => key)
    })
  }

  stats(): HistoryStats {
    return this.bounds.stats()
  }

  async flush(): Promise<void> {
    await Promise.all(Array.from(this.#logs.values(), (log) => log.flush()))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  check(): void {
    if (this.#closing) throw new RivuletError('RIVULET_CLOSED', 'the logs of topics are closed')
  }

  async #close(): Promise<void> {
    this.bounds.close()
    await Promise.allSettled(Array.from(this.#logs.values(), (log) => log.settle()))
    await this.store.close()
  }

  #log(source: string): StoredTopicLog {
    const known = this.#logs.get(source)
    if (known) return known
    const log = new StoredTopicLog(source, this)
    this.#logs.set(source, log)
    return log
  }

  /** Makes the indexes from what is on disk. */
  #read(): void {
    const positions = new Map<StoredTopicLog, number>()
    const forgetful = new Set<StoredTopicLog>()
    const texts = new Map<string, string>()
    for (const { key: stored, value: found, damaged } of this.store.range(undefined, undefined, { damaged: true })) {
      const key = bufferOf(stored)
      const value = bufferOf(found)
      const log = this.#log(sourceOf(key))
      const name = (schemaId: Buffer) => `${log.source}${schemaId.toString('latin1')}`
      const kind = key[0]
      if (kind === recordKind.frame || kind === recordKind.retained) {
        const frame = readFrame(numberOf(key), value)
        const schemaText = frame && texts.get(name(frame.schemaId))
        if (frame === undefined || schemaText === undefined) {
          log.isDamaged = true
          continue
        }
        const bytes = damaged ? nothing : frame.bytes
        if (kind === recordKind.frame) this.bounds.append(log.index, { ...frame, bytes, schemaText, isRetained: false })
        else if (!damaged) this.bounds.retain(log.index, { ...frame, schemaText, isRetained: true })
      } else if (damaged) {
        log.isDamaged = true
        if (kind === recordKind.topic) log.numberTopic(undefined, numberOf(key))
      } else if (kind === recordKind.source) {
        if (numberOf(key) === sourceRecords.forgotten) forgetful.add(log)
        else positions.set(log, numberOf(value))
      } else if (kind === recordKind.schema) {
        texts.set(name(schemaIdOf(key)), value.toString())
        log.schemas.add(schemaIdOf(key).toString('latin1'))
      } else if (kind === recordKind.topic) {
        const topic = readTopic(value)
        const schemaText = texts.get(name(topic.schemaId))
        log.numberTopic(topic.topic, numberOf(key))
        if (schemaText === undefined) log.isDamaged = true
        else log.index.restore({ ...topic, schemaText }, topic, topic.time)
      }
    }
    for (const log of this.#logs.values()) log.resume(positions.get(log) ?? 0, forgetful.has(log))
    // topics alone may exceed the bounds
    this.bounds.apply()
  }
}

function bufferOf(value: Uint8Array): Buffer {
  return Buffer.from(value.buffer, value.byteOffset, value.length)
}
