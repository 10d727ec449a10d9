/**
 * The host of a directory: a registry, served to clients over links.
 *
 * Hosts need not know one another: clients announce to all hosts that they know, and merge what those say.
 */
import { randomBytes } from 'node:crypto'
import { serviceOf } from '../../src/avro/service-codec.js'
import { type CallContext, CallHost, type CallStream, callerConnectionOf } from '../../src/call/index.js'
import type { Clock } from '../../src/clock/index.js'
import { ServedStreams } from '../../src/conversation/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { LinkSet } from '../../src/link/index.js'
import { defaults, type Resolved, resolveOptions } from '../../src/options/index.js'
import { type Resource, ResourceBase } from '../../src/resource/index.js'
import type { PeerInfo } from '../../src/session/index.js'
import { checkSides } from '../../src/socket/index.js'
import type { Reasons } from '../../src/stream/index.js'
import { type DirectoryHostOptions, hostRules } from './options.js'
import { Registry } from './registry.js'
import { type DirectoryServingHost, serveAttendant } from './serving.js'
import { type AttendRequest, DirectoryService } from './wire.js'

/** The counts of a {@link DirectoryHost}. */
export interface DirectoryHostStats {
  /** Announcements that hold. */
  readonly announcements: number
  /** Announcements that ended without a word of their client, since it was disconnected for `leaseMs`. */
  readonly expired: number
  /** Announcements and watches that were refused, by the code of their error. */
  readonly refusedAnnouncements: Reasons
  /** Clients that attend. */
  readonly clients: number
  /** Views that they watch together. */
  readonly watches: number
  /** Whether the grace period has passed: what is not announced now is declared absent. */
  readonly settled: boolean
  /** Links that have not ended, those that are cut included. */
  readonly sessions: number
  /** Frames that came on a connection without a session, and were dropped. */
  readonly strayFrames: number
  /**
   * Frames of clients that were rejected, by reason: `bad-frame`, `corrupt-frame`, `decode-failed`, `protocol-violation`,
   * `too-many-sessions`, `transport-failed`. Stray ones are among them if they were malformed.
   */
  readonly rejectedFrames: Reasons
  /** Streams that were refused or ended with an error, and calls of anything else. */
  readonly refusedStreams: number
  /** Malformed items of clients, which were dropped. */
  readonly invalidItems: number
}

/** A host of a directory. */
export interface DirectoryHost extends Resource<DirectoryHostStats> {}

/**
 * Opens a host of a directory; any process can have one, and several are better than one.
 *
 * Resolves when it is bound: from then on clients announce and watch. It keeps nothing on disk: after a restart its clients
 * announce again.
 *
 * Lifetime: `close` ends the streams of its clients, which keep what they know and look for it again.
 *
 * @param options - `bind`; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_INSECURE_BIND, RIVULET_BIND_FAILED,
 * RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if `runtime` is closed
 * @example
 * ```ts
 * import { createDirectory, createDirectoryHost } from 'rivulet/directory'
 *
 * const host = await createDirectoryHost({ bind: 'tcp://127.0.0.1:*' })
 * const directory = await createDirectory({ connect: host.endpoint })
 * await directory.close()
 * await host.close()
 * ```
 */
export async function createDirectoryHost(options: DirectoryHostOptions): Promise<DirectoryHost> {
  return DirectoryHostResource.create(resolveOptions('createDirectoryHost', options, hostRules))
}

type ResolvedHostOptions = Resolved<typeof hostRules>

class DirectoryHostResource extends ResourceBase<DirectoryHostStats> implements DirectoryHost, DirectoryServingHost {
  protected readonly isSender = false
  readonly id = randomBytes(16).toString('hex')
  readonly streams = new ServedStreams()
  readonly attending = new Map<string, { supersede(): void }>()
  readonly watches = { count: 0, most: defaults.maxWatchedViews }
  readonly registry: Registry
  readonly #callHost: CallHost
  readonly #links: LinkSet
  readonly #refusedAnnouncements = new Map<string, number>()

  static create(options: ResolvedHostOptions): Promise<DirectoryHostResource> {
    return new DirectoryHostResource(options).open()
  }

  private constructor(options: ResolvedHostOptions) {
    checkSides('createDirectoryHost', options, 'bind')
    super('createDirectoryHost', options)
    this.registry = new Registry(options, this.clock)
    const attend = (items: unknown, context: CallContext) =>
      serveAttendant(
        this,
        items as CallStream<AttendRequest>,
        context.peer,
        this.#attendeeOf(context.peer),
        callerConnectionOf(context),
      )
    const handlers = new Map([['attend', attend]])
    this.#callHost = new CallHost([{ codec: serviceOf(DirectoryService), handlers }], this)
    const { maxMessageBytes, outboxBytes } = defaults
    this.#links = new LinkSet(this.scope, { ...options, maxMessageBytes, outboxBytes }, [this.#callHost])
    this.transport = this.#links
  }

  get clock(): Clock {
    return this.runtime.clock
  }

  get isOpen(): boolean {
    return this.life.isOpen
  }

  get isServing(): boolean {
    return this.life.isOpen
  }

  report(error: RivuletError): void {
    this.reports.report(error)
  }

  /** A client has reached a limit of calls. */
  limited(reason: string, peer: PeerInfo): void {
    this.#links.limited(reason, peer)
  }

  refused(error: RivuletError): void {
    this.#refusedAnnouncements.set(error.code, (this.#refusedAnnouncements.get(error.code) ?? 0) + 1)
    this.report(error)
  }

  stats(): DirectoryHostStats {
    const { failed, refused, invalidItems } = this.#callHost.stats()
    const { sessions, strayFrames, rejectedFrames } = this.#links
    return Object.freeze({
      announcements: this.registry.size,
      expired: this.registry.expired,
      refusedAnnouncements: Object.freeze(Object.fromEntries(this.#refusedAnnouncements)),
      clients: this.attending.size,
      watches: this.watches.count,
      settled: this.registry.isSettled,
      sessions,
      strayFrames,
      rejectedFrames,
      refusedStreams: refused + failed,
      invalidItems,
    })
  }

  protected override async finish(deadline: number): Promise<number> {
    void this.#callHost.drain() // no stream is taken from now on
    this.#links.announceDrain()
    await this.waitUntil(deadline, this.streams.drain(Promise.resolve()))
    await super.finish(deadline)
    // what is announced is its clients', who know it
    return 0
  }

  protected override released(): void {
    this.registry.close()
  }

  #attendeeOf({ identity }: PeerInfo): { readonly key: string; mayAnnounce(name: string): boolean } {
    return {
      key: identity?.publicKey ?? '',
      mayAnnounce: (name) => this.#links.guard?.permits(identity, 'announce', name) ?? true,
    }
  }
}
