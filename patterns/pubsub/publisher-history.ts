/**
 * The history of one publisher: its log, and the links over which it is served.
 *
 * Pure but for a clock: logs on disk and links come by ports. Without the option `history` it begins with the first retained value, and keeps nothing but such values. What the service says
 * is in `topic-service.ts`; when frames leave, in the outbox.
 */
import type { Subject } from 'rxjs'
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults, type Resolved } from '../../src/options/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { FrameGate } from '../../src/socket/index.js'
import type { CutFrame, OriginEnd } from '../../src/wire/index.js'
import type { HistoryServer, ServedLogs } from './history-server.js'
import { LogGates } from './log-gates.js'
import { openTopicLogBehind } from './open-topic-logs.js'
import type { historyRules } from './options.js'
import type { PublisherHistoryStats } from './publisher-api.js'
import type { EarlierTopic, TopicEnd, TopicLog, TopicLogs } from './topic-log.js'

/** What a history needs of its publisher. */
export interface PublisherHistoryPorts {
  readonly clock: Clock
  name(): string
  /** Makes the identity of a publisher whose log has none, 8 bytes. */
  newSource(): Buffer
  /** Opens the logs that the options ask for. */
  openLogs(options: Resolved<typeof historyRules>): Promise<TopicLogs>
  /** Makes what serves logs over links. */
  serve(logs: ServedLogs): HistoryServer
  /** Frames that wait for the log may leave. */
  release(): void
  dropped(messages: number): void
  /** Whether topics are served over the links alone, so that they are needed whatever is kept. Default: no. */
  readonly isServed?: boolean
  report(error: RivuletError): void
}

/** Bounds under which no message is kept but retained values. */
const retainedOnly = { maxMessages: 0, maxBytes: defaults.historyBytes, maxAgeMs: Number.POSITIVE_INFINITY }

/** Requests of subscribers that wait until links are bound; further ones are made again by those who need an answer. */
const maxWaitingRequests = 1024

const noCounts = Object.freeze({ messages: 0, bytes: 0, expired: 0 })

/** The history of one publisher. */
export class PublisherHistory {
  readonly #options: Resolved<typeof historyRules> | undefined
  readonly #ports: PublisherHistoryPorts
  readonly #gates: LogGates
  readonly #missedReports: SparseReports
  readonly #server: HistoryServer
  #source: OriginEnd
  #logs: TopicLogs | undefined
  #log: TopicLog | undefined
  #earlier: () => Iterable<EarlierTopic> = () => []
  /** What waits until links are open. */
  #waiting: (() => void)[] | undefined
  #missed = 0

  constructor(options: Resolved<typeof historyRules> | undefined, ports: PublisherHistoryPorts) {
    this.#options = options
    this.#ports = ports
    this.#source = { source: ports.newSource(), position: 0 }
    this.#gates = new LogGates({
      changed: () => ports.release(),
      dropped: (messages) => ports.dropped(messages),
      report: (error) => ports.report(error),
    })
    this.#missedReports = new SparseReports(ports.clock, (error) => ports.report(error))
    this.#server = ports.serve({
      sent: () => this.#log?.position ?? 0,
      sources: () => (this.#log ? [this.#log.source] : []),
      log: (source) => (this.#log?.source === source ? this.#log : undefined),
      missed: (_, messages) => this.#onMissed(messages),
    })
  }

  /** Whose messages are kept, and where they ended; known once it is open. */
  get source(): OriginEnd {
    return this.#source
  }

  /** Whether there may have been topics that the log does not know any more. */
  get areNumbersLost(): boolean {
    return this.#log?.areNumbersLost === true
  }

  /** Whether anything is kept. */
  get isKept(): boolean {
    return this.#log !== undefined
  }

  /** What the security of the links observes. */
  get securityEvents(): Subject<SecurityEvent> {
    return this.#server.securityEvents
  }

  /** Why nothing can be published any more; `undefined` as long as that is possible. */
  get failure(): RivuletError | undefined {
    return this.#gates.failure
  }

  /**
   * Opens the log, if there is the option; returns where its topics ended.
   *
   * @param earlier - Returns where topics stand when a log begins later, with the first retained value.
   * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
   */
  async openLog(earlier: () => Iterable<EarlierTopic>): Promise<Iterable<TopicEnd>> {
    this.#earlier = earlier
    const options = this.#options
    if (options === undefined) return []
    const { openLogs, name } = this.#ports
    this.#logs = await openLogs(options)
    const [first, ...others] = this.#logs.sources()
    if (others.length > 0) {
      const text = `${name()}: the folder '${options.path}' has the history of ${1 + others.length} publishers, as a hub keeps it; give a publisher a folder of its own`
      throw new RivuletError('RIVULET_STORE_FORMAT', text)
    }
    const log = this.#logs.log(first ?? this.#source.source.toString('hex'))
    this.#log = log
    if (first !== undefined) this.#source = { source: Buffer.from(first, 'hex'), position: log.position }
    return log.ends()
  }

  /**
   * Opens the links, if anything is kept, or served over them alone.
   *
   * @error RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS, RIVULET_INSECURE_BIND
   */
  async openLinks(): Promise<void> {
    if (this.#log !== undefined || this.#ports.isServed) await this.#server.openLinks(this.#options?.bind ?? [])
  }

  /** Keeps retained values from now on, if nothing is kept yet; its links are opened meanwhile. */
  retain(): void {
    if (this.#log === undefined) {
      const source = this.#source.source.toString('hex')
      const { logs, log } = openTopicLogBehind({ ...retainedOnly, clock: this.#ports.clock }, source, this.#earlier())
      this.#logs = logs
      this.#log = log
      // links may be there already, on which topics are followed
      this.#server.added(this.#log.source)
    }
    if (this.#server.hasOpened || this.#waiting !== undefined) return
    this.#waiting = []
    this.openLinks()
      // what is retained next tries again
      .catch((error: RivuletError) => this.#ports.report(error))
      .finally(() => {
        const waiting = this.#waiting ?? []
        this.#waiting = undefined
        for (const answer of waiting) answer()
      })
  }

  /** Keeps a frame with messages; returns what it waits for before it may leave. */
  keep(topic: string, schemaText: string, { bytes, messages: count, header }: CutFrame): FrameGate | undefined {
    const log = this.#log
    if (log === undefined) return undefined
    const { position, sequence, time, extensions } = header
    const schemaId = header.schemaId as Buffer
    const isRetained = extensions !== undefined
    const frame = { topic, bytes, position, sequence, count, time, schemaId, schemaText, isRetained }
    return this.#gates.through(() => log.append(frame))
  }

  /** Removes the retained value of a topic. */
  clear(topic: string): FrameGate | undefined {
    return this.#gates.through(() => this.#log?.clear(topic))
  }

  /** Calls back with the extension of an answer: in order, and not before links that are being opened are open. */
  answer(send: (extension: Record<string, Buffer>) => void): void {
    const answer = () => send(this.#log === undefined ? {} : this.#server.extension)
    if (this.#waiting === undefined) answer()
    else if (this.#waiting.length < maxWaitingRequests) this.#waiting.push(answer)
  }

  /** A request has named links of a subscriber. */
  requested(extensions: Readonly<Record<string, Buffer>>): void {
    this.#server.requested(extensions)
  }

  /** No subscriber is linked. */
  noSubscriber(): void {
    this.#server.noSubscriber()
  }

  /** @error RIVULET_STORE_FULL, RIVULET_STORE_FAILED */
  async flush(): Promise<void> {
    await this.#logs?.flush()
    const { failure } = this.#gates
    if (failure !== undefined) throw failure
  }

  stats(): PublisherHistoryStats {
    const { open, served, bytes } = this.#server.stats()
    return Object.freeze({
      ...(this.#logs?.stats() ?? noCounts),
      openReplays: open,
      replays: served,
      replayedBytes: bytes,
      missedBySubscribers: this.#missed,
    })
  }

  /** Lets replays end within this time, and keeps what was appended. */
  async close(timeoutMs: number): Promise<void> {
    await this.#server.close(timeoutMs)
    await this.#logs?.close()
  }

  #onMissed(messages: number): void {
    this.#missed += messages
    const text = `${this.#ports.name()}: a subscriber has missed ${messages} messages that were not repaired`
    this.#missedReports.report(new RivuletError('RIVULET_MESSAGES_MISSED', text, { messages }))
  }
}
