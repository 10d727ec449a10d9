/**
 * The host of durable queues: an engine with its store, served to producers and consumers over links and in process.
 */

import { serviceOf } from '../../../src/avro/service-codec.js'
import { type CallHandler, CallHost, type CallStream, callerConnectionOf } from '../../../src/call/index.js'
import type { Clock } from '../../../src/clock/index.js'
import { ExclusiveSessions, ServedStreams } from '../../../src/conversation/index.js'
import type { QueueEngine } from '../../../src/engine/index.js'
import { RivuletError } from '../../../src/errors/index.js'
import { deferred } from '../../../src/lifecycle/index.js'
import { LinkSet } from '../../../src/link/index.js'
import { defaults, invalidOption, type Resolved, resolveOptions } from '../../../src/options/index.js'
import { type Resource, ResourceBase } from '../../../src/resource/index.js'
import type { Runtime } from '../../../src/runtime/index.js'
import type { PeerInfo } from '../../../src/session/index.js'
import { type ConnectOption, checkSides, connects } from '../../../src/socket/index.js'
import type { StoreUsage } from '../../../src/store/index.js'
import type { Reasons } from '../../../src/stream/index.js'
import type { ConsumeSession } from './consume-session.js'
import { hostRules, type QueueHostOptions, type ResolvedQueues, resolveQueues } from './host-options.js'
import { type OpenedEngine, openEngine } from './open-engine.js'
import { type ProduceSession, unknownQueue } from './produce-session.js'
import { LocalQueueHandle, type QueueHandle } from './queue-handle.js'
import { isQueueName } from './request-validation.js'
import { type QueueServingHost, serveConsumer, serveProducer } from './serving.js'
import { SessionOwner } from './session-owner.js'
import { type ConsumeRequest, maxItemBytes, type ProduceRequest, QueueService } from './wire.js'

/** The counts of a {@link QueueHost}: those of all its queues together, in messages, and what they take. */
export interface QueueHostStats {
  /** Queues, dead letters included. */
  readonly queues: number
  /** Messages in all queues. */
  readonly depth: number
  /** Messages that were stored since the host was opened; a dead letter once more, in its own queue. */
  readonly stored: number
  /** Deliveries since the host was opened. */
  readonly delivered: number
  /** Messages that were done since the host was opened. */
  readonly acked: number
  /** Producers and consumers that are connected, those of this process included. */
  readonly clients: number
  /** Links that have not ended, those that are cut included. */
  readonly sessions: number
  /** Frames that came on a connection without a session, and were dropped. */
  readonly strayFrames: number
  /**
   * Frames of producers and consumers that were rejected, by reason: `bad-frame`, `corrupt-frame`, `decode-failed`,
   * `protocol-violation`, `too-many-sessions`, `transport-failed`. Stray ones are among them if they were malformed.
   */
  readonly rejectedFrames: Reasons
  /** Streams that were refused or ended with an error, and calls of anything else. */
  readonly refusedStreams: number
  /** Malformed items of producers and consumers, which were dropped. */
  readonly invalidItems: number
  /** What the store takes, in bytes. */
  readonly storage: StoreUsage
}

/** A host of durable queues. */
export interface QueueHost extends Resource<QueueHostStats> {
  /** The names of all queues, dead letters included. */
  readonly queues: readonly string[]
  /**
   * Returns one queue to look at and to look after.
   *
   * @param name - The name of a queue of this host, or of its dead letters: `jobs.dead`.
   * @throws RIVULET_UNKNOWN_QUEUE
   */
  queue(name: string): QueueHandle
}

/**
 * Opens a host of durable queues.
 *
 * Resolves when everything that a folder holds can be delivered, and the endpoints are bound. Without `bind`, queues are
 * for this process alone: `createProducer({ host })`, `createConsumer({ host })`.
 *
 * Lifetime: `close` takes nothing more, waits until what was taken is stored and told, and lets go of the folder. What
 * consumers have stays theirs when the folder is opened again, as long as their leases last.
 *
 * @param options - `path`, or `store: 'memory'`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED, RIVULET_STORE_LOCKED, RIVULET_STORE_FORMAT, RIVULET_STORE_CORRUPT,
 * RIVULET_STORE_FAILED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts compile-only
 * import { createQueueHost } from 'rivulet/queue'
 *
 * await using host = await createQueueHost({ path: './queues', bind: 'tcp://127.0.0.1:7001', queues: { mails: { maxAttempts: 5 } } })
 * console.log(await host.queue('mails').stats())
 * ```
 */
export async function createQueueHost(options: QueueHostOptions): Promise<QueueHost> {
  return QueueHostResource.create(resolveOptions('createQueueHost', options, hostRules))
}

/** The options of a host, resolved. */
export type ResolvedHostOptions = Resolved<typeof hostRules>

/** Returns what stands behind a host; `undefined` for anything else. */
export function servingHost(host: unknown): QueueHostResource | undefined {
  return typeof host === 'object' && host !== null ? hosts.get(host) : undefined
}

/**
 * The host of the same process that a client is given, if it is.
 *
 * @throws RIVULET_INVALID_OPTION if it is to connect to one, too, or to none at all.
 * @throws RIVULET_CLOSED if it is closing or closed: unlike one that is elsewhere, it does not come back.
 */
export function hostOf(
  subject: string,
  {
    host,
    bind,
    connect,
  }: { readonly host: unknown; readonly bind: readonly string[]; readonly connect: ConnectOption },
): QueueHostResource | undefined {
  const found = servingHost(host)
  if (!found && bind.length === 0 && !connects(connect)) {
    throw invalidOption(subject, 'connect or host', 'given', undefined)
  }
  if (found && connects(connect)) throw invalidOption(subject, 'host', 'left out, since connect is given', host)
  if (found && !found.isOpen) throw new RivuletError('RIVULET_CLOSED', `${subject}: the host is closed`)
  return found
}

const hosts = new WeakMap<object, QueueHostResource>()

/** The implementation of `QueueHost`. */
export class QueueHostResource extends ResourceBase<QueueHostStats> implements QueueHost, QueueServingHost {
  protected readonly isSender = false
  readonly streams = new ServedStreams()
  readonly consumers = new ExclusiveSessions<ConsumeSession>()
  readonly producers = new ExclusiveSessions<ProduceSession>()
  readonly maxMessageBytes: number
  readonly #options: ResolvedHostOptions
  readonly #settings: ResolvedQueues
  readonly #handles = new Map<string, LocalQueueHandle>()
  #opened: OpenedEngine | undefined
  readonly #callHost: CallHost
  /** The links, if it is bound. */
  readonly #links: LinkSet | undefined
  /** Producers and consumers of this process, which close before it. */
  readonly #guests = new Set<Guest>()
  #isServing = true

  static create(options: ResolvedHostOptions): Promise<QueueHostResource> {
    return new QueueHostResource(options).open()
  }

  private constructor(options: ResolvedHostOptions) {
    const { path, store, durability, queues, bind, connect } = options
    const subject = 'createQueueHost'
    if ((path === undefined) === (store === undefined)) {
      throw new RivuletError('RIVULET_INVALID_OPTION', `${subject}: give either path or store: 'memory'`)
    }
    if (durability !== undefined && (durability === 'memory') !== (path === undefined)) {
      const rule = path === undefined ? "'memory' with store: 'memory'" : "'flushed' or 'committed' with a path"
      throw invalidOption(subject, 'durability', rule, durability)
    }
    const settings = resolveQueues(queues, options.defaults)
    checkSides(subject, options, bind.length > 0 || connects(connect) ? 'bind' : 'neither')
    super(subject, options)
    const handlers = new Map<string, CallHandler>([
      ['produce', (items, { peer }) => serveProducer(this, items as CallStream<ProduceRequest>, this.#ownerOf(peer))],
      [
        'consume',
        (items, context) => {
          const requests = items as CallStream<ConsumeRequest>
          return serveConsumer(this, requests, callerConnectionOf(context), this.#ownerOf(context.peer))
        },
      ],
    ])
    this.#callHost = new CallHost([{ codec: serviceOf(QueueService), handlers }], this)
    if (bind.length > 0) {
      this.#links = new LinkSet(this.scope, { ...options, maxMessageBytes: maxItemBytes }, [this.#callHost])
      this.transport = this.#links
    }
    this.#options = options
    this.#settings = settings
    this.maxMessageBytes = options.maxMessageBytes
    hosts.set(this, this)
  }

  /** Whom the sessions of a client on a link belong to; `undefined` without security. */
  #ownerOf({ identity }: PeerInfo): SessionOwner | undefined {
    const guard = this.#links?.guard
    return guard && new SessionOwner(guard, identity)
  }

  /** A client has reached a limit of calls. */
  limited(reason: string, peer: PeerInfo): void {
    this.#links?.limited(reason, peer)
  }

  get engine(): QueueEngine {
    if (this.#opened === undefined) throw new RivuletError('RIVULET_CLOSED', `${this.name} is not open`)
    return this.#opened.engine
  }

  /** The clock of its runtime. */
  get clock(): Clock {
    return this.runtime.clock
  }

  /** The runtime that it lives in, and those who use it in process. */
  get home(): Runtime {
    return this.runtime
  }

  get isOpen(): boolean {
    return this.life.isOpen
  }

  /** Whether it serves producers and consumers of this process: also while they close with it. */
  get isServing(): boolean {
    return this.#isServing
  }

  get queues(): readonly string[] {
    return Object.freeze([...this.engine.queues])
  }

  queue(name: string): QueueHandle {
    const known = this.#handles.get(name)
    if (known !== undefined) return known
    if (typeof name !== 'string' || !this.engine.has(name)) throw unknownQueue(String(name))
    const handle = new LocalQueueHandle(name, this)
    this.#handles.set(name, handle)
    return handle
  }

  /** Takes in a producer or a consumer of this process: it closes with the host, and before it. */
  adopt(guest: Guest): void {
    this.#guests.add(guest)
    void guest.whenClosed.then(() => this.#guests.delete(guest))
  }

  report(error: RivuletError): void {
    this.reports.report(error)
  }

  enter(queue: string): void {
    const { engine } = this
    if (engine.has(queue)) return
    const { autoCreate, maxQueues } = this.#options
    if (!autoCreate || !isQueueName(queue) || isDead(queue)) throw unknownQueue(queue)
    if (engine.queues.filter((name) => !isDead(name)).length >= maxQueues) {
      throw new RivuletError(
        'RIVULET_TOO_MANY_QUEUES',
        `queue '${queue}' was not made: the host has ${maxQueues} queues, as many as it may; raise maxQueues`,
      )
    }
    engine.declare(queue, this.#settings.others)
  }

  leaseMsOf(queue: string): number {
    const { named, others } = this.#settings
    const settings =
      named.get(queue) ?? named.get(isDead(queue) ? queue.slice(0, -defaults.deadSuffix.length) : queue) ?? others
    return settings.leaseMs
  }

  stats(): QueueHostStats {
    const total = { depth: 0, stored: 0, delivered: 0, acked: 0 }
    const opened = this.#opened
    for (const name of opened?.engine.queues ?? []) {
      const { depth, stored, delivered, acked } = (opened as OpenedEngine).engine.counts(name)
      total.depth += depth
      total.stored += stored
      total.delivered += delivered
      total.acked += acked
    }
    const { failed, refused, invalidItems } = this.#callHost.stats()
    const { sessions, strayFrames, rejectedFrames } = this.#links ?? noLinks
    const storage = opened?.usage() ?? { file: 0, used: 0, free: 0, limit: this.#options.maxBytes }
    return Object.freeze({
      queues: opened?.engine.queues.length ?? 0,
      ...total,
      clients: this.streams.size,
      sessions,
      strayFrames,
      rejectedFrames,
      refusedStreams: refused + failed,
      invalidItems,
      storage: Object.freeze(storage),
    })
  }

  protected override async openTransport(): Promise<void> {
    const opened = await openEngine(this.#options, this.clock, (error) => this.report(error))
    try {
      for (const [name, settings] of this.#settings.named) opened.engine.declare(name, settings)
      for (const name of opened.engine.queues) {
        if (!isDead(name) && !this.#settings.named.has(name)) opened.engine.declare(name, this.#settings.others)
      }
      this.#opened = opened
      await super.openTransport()
      // what its runtime has closed meanwhile had nothing to let go of
      if (this.status !== 'opening') throw new RivuletError('RIVULET_CLOSED', `${this.name}: the runtime was closed`)
    } catch (error) {
      await opened.close()
      throw error
    }
  }

  protected override async finish(deadline: number): Promise<number> {
    void this.#callHost.drain() // no stream is taken from now on
    this.#links?.announceDrain()
    // producers learn that what they send now is not taken, and keep it; what was taken is stored and told
    const ended = deferred()
    const patience = this.waitUntil(Math.min(deadline, this.clock.now() + lastWordsMs), ended.promise)
    const drained = this.streams.drain(patience)
    await this.#closeGuests(deadline)
    await this.waitUntil(deadline, drained)
    ended.resolve()
    await super.finish(deadline)
    await this.#opened?.close()
    // what the queues hold is safe, and what their producers hold is theirs
    return 0
  }

  /** Closes the producers and consumers of this process: what they have sent and settled is stored. */
  async #closeGuests(deadline: number): Promise<void> {
    const timeoutMs = Math.max(0, deadline - this.clock.now())
    await Promise.all([...this.#guests].map((guest) => guest.closeWithHost(timeoutMs)))
    this.#isServing = false
  }
}

/** The counts of a host without links. */
const noLinks = { sessions: 0, strayFrames: 0, rejectedFrames: Object.freeze({}) }

/** How long consumers on links have to say what they have settled before their host closes, in milliseconds. */
const lastWordsMs = 500

/** A producer or a consumer of the same process. */
interface Guest extends Pick<Resource<unknown>, 'whenClosed'> {
  /** Closes before its host does. */
  closeWithHost(timeoutMs: number): Promise<unknown>
}

function isDead(queue: string): boolean {
  return queue.endsWith(defaults.deadSuffix)
}
