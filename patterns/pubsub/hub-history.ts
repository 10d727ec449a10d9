/**
 * What a hub keeps of the messages that it has forwarded, by publisher, and the links over which it is served.
 *
 * It keeps what publishers have sent that have left since. What the service says is in `topic-service.ts`.
 */
import type { Subject } from 'rxjs'
import type { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { DataFrame } from '../../src/wire/index.js'
import { type HistoryOwner, HistoryServer } from './history-server.js'
import type { HubHistoryStats } from './hub-api.js'
import type { ResolvedHubHistory } from './hub-options.js'
import { openLogsOf } from './open-topic-logs.js'
import type { TopicLog, TopicLogs } from './topic-log.js'
import { wordsOnWire } from './topic-name.js'
import { retainExtension } from './topics-wire.js'

/** Publishers whose messages are kept; beyond that, the one that has sent nothing for longest is forgotten. */
const maxSources = 1024

/** What may wait for the disk, in bytes, before the hub takes nothing more from publishers. */
const maxUnwrittenBytes = 8_388_608

/** The history of a hub. */
export class HubHistory {
  readonly #options: ResolvedHubHistory
  readonly #owner: HistoryOwner
  readonly #server: HistoryServer
  readonly #failures: SparseReports
  /** Sources of which something may be kept, the one that has sent last at the end. */
  readonly #sources = new Set<string>()
  #lastSource: string | undefined
  #logs: TopicLogs | undefined
  #unwrittenBytes = 0
  #whenWritten: (() => void) | undefined
  #missed = 0
  #notKept = 0
  #isClosed = false

  constructor(options: ResolvedHubHistory, owner: HistoryOwner) {
    this.#options = options
    this.#owner = owner
    this.#failures = new SparseReports(owner.runtime.clock, (error) => owner.report(error))
    this.#server = new HistoryServer(owner, {
      sources: () => this.#sources,
      log: (source) => this.#logOf(source),
      missed: (_, messages) => {
        this.#missed += messages
      },
    })
  }

  /** The extension of answers, which names the links. */
  get extension(): Record<string, Buffer> {
    return this.#server.extension
  }

  /** What the security of the links observes. */
  get securityEvents(): Subject<SecurityEvent> {
    return this.#server.securityEvents
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
    const { runtime, report } = this.#owner
    this.#logs = await openLogsOf(this.#options, runtime.clock, report)
    for (const source of this.#logs.sources()) this.#sources.add(source)
  }

  /** Opens the links. @error RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS, RIVULET_INSECURE_BIND */
  openLinks(): Promise<void> {
    return this.#server.openLinks(this.#options.bind)
  }

  /** Where the messages of each kept source end. */
  *kept(): Iterable<{ readonly source: string; readonly position: number }> {
    for (const source of this.#sources) {
      const position = this.#logOf(source)?.position ?? 0
      if (position > 0) yield { source, position }
    }
  }

  /** A frame was forwarded; `schemaText` is that of its schema, if the hub knows it. */
  keep(part: Buffer, { header, bytes }: DataFrame, schemaText: string | undefined): void {
    const { kind, position, sequence, count, time, schemaId, extensions, source } = header
    if (count === 0 && kind !== 'tombstone') return
    // what is no topic reaches nobody
    const topic = wordsOnWire(part)?.join('.')
    if (topic === undefined) return
    // a read that was pending when the hub was closed may bring one more
    if (this.#isClosed) {
      this.#notKept += count
      return
    }
    const log = this.#logs?.log(this.#touch(source.toString('hex')))
    if (log === undefined) return
    if (kind === 'tombstone') {
      this.#write(0, () => log.clear(topic))
    } else if (schemaText === undefined) {
      this.#notKept += count
    } else {
      const isRetained = count === 1 && retainExtension in extensions
      const frame = { topic, bytes, position, sequence, count, time, schemaId, schemaText, isRetained }
      this.#write(bytes.length, () => log.append(frame), count)
    }
  }

  /** A request has named links of a subscriber. */
  requested(extensions: Readonly<Record<string, Buffer>>): void {
    this.#server.requested(extensions)
  }

  /** No subscriber is linked. */
  noSubscriber(): void {
    this.#server.noSubscriber()
  }

  stats(): HubHistoryStats {
    const { open, served, bytes } = this.#server.stats()
    return Object.freeze({
      ...(this.#logs?.stats() ?? { messages: 0, bytes: 0, expired: 0 }),
      sources: this.#sources.size,
      notKept: this.#notKept,
      openReplays: open,
      replays: served,
      replayedBytes: bytes,
      missedBySubscribers: this.#missed,
    })
  }

  /** Lets replays end within this time, and keeps what was appended. */
  async close(timeoutMs: number): Promise<void> {
    await this.#server.close(timeoutMs)
    this.#isClosed = true
    await this.#logs?.close()
    this.#whenWritten?.()
  }

  #logOf(source: string): TopicLog | undefined {
    return this.#isClosed || !this.#sources.has(source) ? undefined : this.#logs?.log(source)
  }

  /** A source has sent; the one that was silent for longest may be forgotten for it. */
  #touch(source: string): string {
    if (source === this.#lastSource) return source
    this.#lastSource = source
    const isNew = !this.#sources.delete(source)
    this.#sources.add(source)
    if (!isNew) return source
    this.#server.added(source)
    for (const oldest of this.#sources) {
      if (this.#sources.size <= maxSources) break
      this.#sources.delete(oldest)
      this.#server.removed(oldest)
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
    void written.catch(fail).then(() => {
      this.#unwrittenBytes -= bytes
      if (this.isFull) return
      this.#whenWritten?.()
      this.#whenWritten = undefined
    })
  }
}
