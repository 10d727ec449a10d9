/**
 * What a hub keeps of the messages that it has forwarded, by publisher, and the links over which it is served.
 *
 * It keeps what publishers have sent that have left since. What the service says is in `topic-service.ts`.
 */
import type { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import type { DataFrame } from '../../src/wire/index.js'
import { type HistoryOwner, HistoryServer, type OpenLinks, type ServedLogs } from './history-server.js'
import type { HubHistoryStats } from './hub-api.js'
import type { ResolvedHubHistory } from './hub-options.js'
import type { TopicFrame } from './topic-frame.js'
import type { LoggedFrame, TopicLog, TopicLogs } from './topic-log.js'
import { wordsOnWire } from './topic-name.js'
import type { LogCompletion } from './topic-service.js'
import { retainExtension } from './topics-wire.js'

/** Publishers whose messages are kept; beyond that, the one that has sent nothing for longest is forgotten. */
const maxSources = 1024

/** What may wait for the disk, in bytes, before the hub takes nothing more from publishers. */
const maxUnwrittenBytes = 8_388_608

/** What is read of a log at a time, in bytes. */
const partBytes = 65_536

/** One source. */
interface KeptSource {
  /** The position of the last message that was forwarded. */
  position: number
}

/** What it needs of its hub. */
export interface HubHistoryPorts {
  /** Opens the logs that the options ask for. */
  openLogs(options: ResolvedHubHistory): Promise<TopicLogs>
  /** Opens links. Default: over sockets. */
  readonly openLinks?: OpenLinks | undefined
  completes(): LogCompletion
  /** A subscriber has missed so many messages of a source. */
  missed(source: string, messages: number): void
}

/** The history of a hub. */
export class HubHistory {
  readonly #options: ResolvedHubHistory
  readonly #openLogs: HubHistoryPorts['openLogs']
  /** What serves it over links. */
  readonly server: HistoryServer
  readonly #failures: SparseReports
  /** Sources of which something may be kept, the one that has sent last at the end. */
  readonly #sources = new Map<string, KeptSource>()
  #last: { readonly name: string; readonly source: KeptSource } | undefined
  /** Sources of which nothing has come but answers. */
  readonly #answered = new Set<string>()
  #logs: TopicLogs | undefined
  #unwrittenBytes = 0
  /** Writes that have not ended. */
  #writes = 0
  #whenWritten: (() => void) | undefined
  /** Frames with messages that were forwarded. */
  #forwarded = 0
  #missed = 0
  #notKept = 0
  #fetched = 0
  #isClosed = false

  constructor(options: ResolvedHubHistory, owner: HistoryOwner, ports: HubHistoryPorts) {
    this.#options = options
    this.#openLogs = ports.openLogs
    this.#failures = new SparseReports(owner.runtime.clock, (error) => owner.report(error))
    const served: ServedLogs = {
      sent: () => this.#forwarded,
      sources: () => [...this.#sources.keys(), ...this.#answered],
      log: (source) => this.#logOf(source),
      missed: (source, messages) => {
        this.#missed += messages
        ports.missed(source, messages)
      },
      completes: {
        replay: (...asked) => ports.completes().replay(...asked),
        heads: (...asked) => ports.completes().heads(...asked),
      },
    }
    this.server = new HistoryServer(owner, served, ports.openLinks)
  }

  /** Whether so much waits for the disk that nothing more may come. */
  get isFull(): boolean {
    return this.#unwrittenBytes >= maxUnwrittenBytes
  }

  /** Resolves when less waits for the disk. */
  whenRoom(): Promise<void> {
    if (!this.isFull) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenWritten = resolve
    })
  }

  /**
   * Opens the logs.
   *
   * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
   */
  async openLogs(): Promise<void> {
    this.#logs = await this.#openLogs(this.#options)
    for (const source of this.#logs.sources()) this.#sources.set(source, { position: 0 })
  }

  /** Where the messages of each kept source end. */
  *kept(): Iterable<{ readonly source: string; readonly position: number }> {
    for (const source of this.#sources.keys()) {
      const position = this.#logOf(source)?.position ?? 0
      if (position > 0) yield { source, position }
    }
  }

  /** A frame was forwarded; `schemaText` is that of its schema, if the hub knows it. Returns false if its messages are not kept. */
  keep(part: Buffer, frame: DataFrame, schemaText: string | undefined): boolean {
    const { kind, position, count, source } = frame.header
    if (count === 0 && kind !== 'tombstone') return true
    this.#forwarded += 1
    // what is no topic reaches nobody
    const topic = wordsOnWire(part)?.join('.')
    if (topic === undefined) return true
    // a read that was pending when the hub was closed may bring one more
    if (this.#isClosed) {
      this.#notKept += count
      return false
    }
    const name = source.toString('hex')
    const log = this.#logs?.log(name)
    if (log === undefined) return false
    const kept = this.#touch(name)
    kept.position = Math.max(kept.position, position + count - 1)
    if (kind === 'tombstone') {
      this.#write(0, () => log.clear(topic))
    } else if (schemaText === undefined) {
      this.#notKept += count
      return false
    } else {
      const logged = loggedFrame(topic, frame, schemaText)
      this.#write(logged.bytes.length, () => log.append(logged), count)
    }
    return true
  }

  /** A frame was fetched; with `isValue`, as the retained value of its topic alone. */
  insert({ publisher, topic, frame, writerText }: TopicFrame, isValue: boolean): void {
    const log = this.#isClosed ? undefined : this.#logs?.log(publisher)
    if (log === undefined) return
    this.#touch(publisher)
    const logged = loggedFrame(topic, frame, writerText)
    this.#fetched += logged.count
    this.#write(logged.bytes.length, () => (isValue ? log.retain(logged) : log.insert([logged])))
  }

  /** Of the topics that fit a pattern, these alone have a retained value at a position. */
  retained(source: string, pattern: string, upTo: number, topics: ReadonlySet<string>): void {
    const log = this.#logOf(source)
    const replay = log?.replay([{ pattern, after: 0, upTo, last: 0, since: null, retained: true }])
    const gone: string[] = []
    for (let part = replay?.take(partBytes); part !== undefined; part = replay?.take(partBytes)) {
      for (const { topic } of part.frames) if (!topics.has(topic)) gone.push(topic)
    }
    for (const topic of gone) this.#write(0, () => log?.clear(topic))
  }

  /** The position of the last message of a source that was forwarded. */
  positionOf(source: string): number {
    return this.#sources.get(source)?.position ?? 0
  }

  /** Calls back when everything that was put in the logs can be read. */
  whenWritten(callback: () => void): void {
    if (this.#writes === 0 || this.#logs === undefined) callback()
    else this.#logs.flush().then(callback, callback)
  }

  /** A publisher is there, of which nothing may have come so far. */
  answered(source: string): void {
    if (this.#isClosed || this.#sources.has(source) || this.#answered.has(source)) return
    this.#answered.add(source)
    this.server.added(source)
    for (const oldest of this.#answered) {
      if (this.#answered.size <= maxSources) break
      this.#answered.delete(oldest)
      this.server.removed(oldest)
    }
  }

  stats(): HubHistoryStats {
    const { open, served, bytes } = this.server.stats()
    return Object.freeze({
      ...(this.#logs?.stats() ?? { messages: 0, bytes: 0, expired: 0 }),
      sources: this.#sources.size,
      notKept: this.#notKept,
      fetched: this.#fetched,
      openReplays: open,
      replays: served,
      replayedBytes: bytes,
      missedBySubscribers: this.#missed,
    })
  }

  /** Lets replays end within this time, and keeps what was appended. */
  async close(timeoutMs: number): Promise<void> {
    await this.server.close(timeoutMs)
    this.#isClosed = true
    await this.#logs?.close()
    this.#whenWritten?.()
  }

  #logOf(source: string): TopicLog | undefined {
    const isKnown = this.#sources.has(source) || this.#answered.has(source)
    return this.#isClosed || !isKnown ? undefined : this.#logs?.log(source)
  }

  /** A source has sent; the one that was silent for longest may be forgotten for it. */
  #touch(name: string): KeptSource {
    if (name === this.#last?.name) return this.#last.source
    const known = this.#sources.get(name)
    const source = known ?? { position: 0 }
    this.#last = { name, source }
    this.#sources.delete(name)
    this.#sources.set(name, source)
    if (known) return source
    if (!this.#answered.delete(name)) this.server.added(name)
    for (const oldest of this.#sources.keys()) {
      if (this.#sources.size <= maxSources) break
      this.#sources.delete(oldest)
      this.server.removed(oldest)
      this.#write(0, () => this.#logs?.forget(oldest))
    }
    return source
  }

  #write(bytes: number, write: () => Promise<void> | undefined, messages = 0): void {
    const fail = (cause: unknown) => {
      this.#notKept += messages
      this.#failures.report(cause as RivuletError)
    }
    let written: Promise<void> | undefined
    try {
      written = write()
    } catch (error) {
      fail(error)
      return
    }
    if (written === undefined) return
    this.#unwrittenBytes += bytes
    this.#writes += 1
    void written.catch(fail).then(() => {
      this.#unwrittenBytes -= bytes
      this.#writes -= 1
      if (this.isFull) return
      this.#whenWritten?.()
      this.#whenWritten = undefined
    })
  }
}

function loggedFrame(topic: string, { header, bytes }: DataFrame, schemaText: string): LoggedFrame {
  const { position, sequence, count, time, schemaId, extensions } = header
  const isRetained = count === 1 && retainExtension in extensions
  return { topic, bytes, position, sequence, count, time, schemaId, schemaText, isRetained }
}
