/**
 * The history of one publisher: its log, and the links over which it is served.
 *
 * Without the option `history` it begins with the first retained value, and keeps nothing but such values. What the service says
 * is in `topic-service.ts`; when frames leave, in the outbox.
 */
import { randomBytes } from 'node:crypto'
import { Subject } from 'rxjs'
import { CallHost } from '../../src/call/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults, type Resolved } from '../../src/options/index.js'
import type { ResourceMaker } from '../../src/resource/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { ConnectEndpoint, FrameGate, ResolvedSocketOptions } from '../../src/socket/index.js'
import type { CutFrame, OriginEnd } from '../../src/wire/index.js'
import { DialedLinks } from './dialed-links.js'
import { linkBinds, readLinks, writeLinks } from './link-addresses.js'
import { LogGates } from './log-gates.js'
import { openStoredTopicLogs, openTopicLogs } from './open-topic-logs.js'
import type { historyRules } from './options.js'
import type { PublisherHistoryStats } from './publisher-api.js'
import { maxTopicRequestBytes, TopicLinkSet } from './topic-links.js'
import type { TopicEnd, TopicLog, TopicLogs } from './topic-log.js'
import { TopicService } from './topic-service.js'

/** What a history needs of its publisher. */
export interface PublisherHistoryPorts extends ResourceMaker {
  readonly runtime: Runtime
  readonly socket: Pick<ResolvedSocketOptions, 'insecure' | 'security'>
  name(): string
  /** Where the topic socket is bound, and where it connects now. */
  endpoints(): readonly string[]
  connect(): readonly ConnectEndpoint[]
  /** Frames that wait for the log may leave. */
  release(): void
  dropped(messages: number): void
}

/** Bounds under which no message is kept but retained values. */
const retainedOnly = { maxMessages: 0, maxBytes: defaults.historyBytes, maxAgeMs: Number.POSITIVE_INFINITY }

/** Requests of subscribers that wait until links are bound; further ones are made again by those who need an answer. */
const maxWaitingRequests = 1024

/** Calls of one link that may be open. */
const maxOpenCalls = 256

const noCounts = Object.freeze({ messages: 0, bytes: 0, expired: 0 })

/** The history of one publisher. */
export class PublisherHistory {
  readonly #options: Resolved<typeof historyRules> | undefined
  readonly #ports: PublisherHistoryPorts
  readonly #gates: LogGates
  readonly #missedReports: SparseReports
  readonly #service: TopicService
  readonly #callHost: CallHost
  readonly #dialed = new DialedLinks((endpoints) => this.#links?.dial(endpoints))
  readonly #securityEvents = new Subject<SecurityEvent>()
  #source: OriginEnd = { source: randomBytes(8), position: 0 }
  #logs: TopicLogs | undefined
  #log: TopicLog | undefined
  #links: TopicLinkSet | undefined
  /** The extension of answers, once links are open. */
  #extension: Record<string, Buffer> | undefined
  /** What waits until links are open. */
  #waiting: (() => void)[] | undefined
  #missed = 0
  #isClosed = false

  constructor(options: Resolved<typeof historyRules> | undefined, ports: PublisherHistoryPorts) {
    this.#options = options
    this.#ports = ports
    const { runtime } = ports
    this.#gates = new LogGates({
      changed: () => ports.release(),
      dropped: (messages) => ports.dropped(messages),
      report: (error) => ports.report(error),
    })
    this.#missedReports = new SparseReports(runtime.clock, (error) => ports.report(error))
    this.#service = new TopicService({
      clock: runtime.clock,
      nextTurn: (callback) => turnBudget.nextTurn(callback),
      sources: () => (this.#log ? [this.#log.source] : []),
      log: (source) => (this.#log?.source === source ? this.#log : undefined),
      missed: (_, messages) => this.#onMissed(messages),
    })
    const callPorts = {
      clock: runtime.clock,
      report: (error: RivuletError) => ports.report(error),
      limited: (reason: string, peer: Parameters<TopicLinkSet['limited']>[1]) => this.#links?.limited(reason, peer),
    }
    this.#callHost = new CallHost([this.#service.implementation], callPorts, { maxOpenCallsPerPeer: maxOpenCalls })
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
    return this.#securityEvents
  }

  /** Why nothing can be published any more; `undefined` as long as that is possible. */
  get failure(): RivuletError | undefined {
    return this.#gates.failure
  }

  /**
   * Opens the log, if there is the option; returns where its topics ended.
   *
   * @error RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT, RIVULET_STORE_FAILED
   */
  async openLog(): Promise<Iterable<TopicEnd>> {
    const options = this.#options
    if (options === undefined) return []
    const { maxMessages, maxBytes, maxAgeMs, path } = options
    const { runtime, report, name } = this.#ports
    const settings = { maxMessages, maxBytes, maxAgeMs, clock: runtime.clock }
    this.#logs = path === undefined ? openTopicLogs(settings) : await openStoredTopicLogs({ ...settings, path, report })
    const [first, ...others] = this.#logs.sources()
    if (others.length > 0) {
      const text = `${name()}: the folder '${path}' has the history of ${1 + others.length} publishers, as a hub keeps it; give a publisher a folder of its own`
      throw new RivuletError('RIVULET_STORE_FORMAT', text)
    }
    const log = this.#logs.log(first ?? this.#source.source.toString('hex'))
    this.#log = log
    if (first !== undefined) this.#source = { source: Buffer.from(first, 'hex'), position: log.position }
    return log.ends()
  }

  /** Opens the links, if anything is kept. @error RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS, RIVULET_INSECURE_BIND */
  async openLinks(): Promise<void> {
    if (this.#log === undefined) return
    const { runtime, socket, endpoints } = this.#ports
    const given = this.#options?.bind ?? []
    const bind = given.length > 0 ? given : linkBinds(endpoints())
    const settings = { ...socket, runtime, bind, maxItemBytes: maxTopicRequestBytes }
    const links = await TopicLinkSet.open(settings, this.#ports, [this.#callHost])
    this.#links = links
    if (this.#isClosed) await links.close({ drain: false })
    links.securityEvents.subscribe((event) => this.#securityEvents.next(event))
    this.#extension = writeLinks(links.endpoints)
  }

  /** Keeps retained values from now on, if nothing is kept yet; its links are opened meanwhile. */
  retain(): void {
    if (this.#log === undefined) {
      this.#logs = openTopicLogs({ ...retainedOnly, clock: this.#ports.runtime.clock })
      this.#log = this.#logs.log(this.#source.source.toString('hex'))
    }
    if (this.#links !== undefined || this.#waiting !== undefined || this.#isClosed) return
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
    const answer = () => send(this.#extension ?? {})
    if (this.#waiting === undefined) answer()
    else if (this.#waiting.length < maxWaitingRequests) this.#waiting.push(answer)
  }

  /** A request has named links of a subscriber. */
  requested(extensions: Readonly<Record<string, Buffer>>): void {
    if (this.#links === undefined || this.#links.endpoints.length > 0) return
    const addresses = readLinks(extensions)
    if (addresses !== undefined) this.#dialed.named(addresses, this.#ports.connect())
  }

  /** No subscriber is linked. */
  noSubscriber(): void {
    this.#dialed.forget()
  }

  /** @error RIVULET_STORE_FULL, RIVULET_STORE_FAILED */
  async flush(): Promise<void> {
    await this.#logs?.flush()
    const { failure } = this.#gates
    if (failure !== undefined) throw failure
  }

  stats(): PublisherHistoryStats {
    const { open, served, bytes } = this.#service.stats()
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
    this.#isClosed = true
    await this.#links?.close({ drain: timeoutMs > 0, timeoutMs: Math.max(0, timeoutMs) })
    this.#service.close()
    this.#securityEvents.complete()
    await this.#logs?.close()
  }

  #onMissed(messages: number): void {
    this.#missed += messages
    const text = `${this.#ports.name()}: a subscriber has missed ${messages} messages that were not repaired`
    this.#missedReports.report(new RivuletError('RIVULET_MESSAGES_MISSED', text, { messages }))
  }
}
