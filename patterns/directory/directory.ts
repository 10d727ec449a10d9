/**
 * The client of a directory as users hold it.
 *
 * It delegates everything: here, `endpoints` is what a directory knows of a name, and not where a resource is bound.
 */
import type { Observable } from 'rxjs'
import {
  type DirectoryEntry,
  type Endpoint,
  type HasPeerDirectory,
  type PeerDirectory,
  peerDirectory,
} from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import {
  type CloseOptions,
  type CloseResult,
  type ClosingOrder,
  closingOrder,
  type Status,
  type WaitOptions,
} from '../../src/lifecycle/index.js'
import { resolveOptions } from '../../src/options/index.js'
import type { LinkChange, Resource } from '../../src/resource/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { Announceable, Announcement } from './announcement.js'
import { DirectoryResource, type DirectoryStats } from './directory-resource.js'
import { type AnnounceOptions, type DirectoryOptions, directoryRules } from './options.js'

/** A client of a directory. */
export interface Directory extends Omit<Resource<DirectoryStats>, 'endpoints' | 'ref' | 'unref'>, HasPeerDirectory {
  /** Keeps the process alive while it is open, which is the default. */
  ref(): this
  /** Lets the process exit although it is open; takes effect within a second. */
  unref(): this
  /**
   * Announces a resource under a name: an RPC server, a queue host, a publisher, a pull, or anything else that is bound.
   *
   * Resolves when the first host has confirmed it; without a host it waits, and is announced when one comes. It is
   * announced to every host, and again to one that has restarted.
   *
   * Lifetime: it ends with `close` of the announcement, when the resource begins to close, with the directory, and `leaseMs` of
   * the host after its process has died.
   *
   * @param name - 1 to 255 characters. Several instances may have the same.
   * @param resource - What clients connect to: it is open and bound.
   * @param options - What clients see of it, and how long to wait.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_CLOSED, RIVULET_TIMEOUT, RIVULET_ABORTED,
   * RIVULET_PERMISSION_DENIED, RIVULET_DIRECTORY_FULL
   * @example
   * ```ts
   * import { createDirectory, createDirectoryHost } from 'rivulet/directory'
   * import { createQueueHost } from 'rivulet/queue'
   *
   * const host = await createDirectoryHost({ bind: 'tcp://127.0.0.1:*' })
   * const directory = await createDirectory({ connect: host.endpoint })
   * const queues = await createQueueHost({ bind: 'tcp://127.0.0.1:*', store: 'memory', queues: { jobs: {} } })
   * await directory.announce('jobs', queues, { metadata: { zone: 'east' } })
   * await queues.close()
   * await directory.close()
   * await host.close()
   * ```
   */
  announce(name: string, resource: Announceable, options?: AnnounceOptions): Promise<Announcement>
  /**
   * The instances of a name: the present list as soon as a host has said it, and then the list after each change.
   *
   * An instance with several endpoints has an entry for each. While no host is connected the last list holds. Within
   * `graceMs` after all hosts have started, the list may not be complete yet.
   *
   * Lifetime: cold; what is watched at the hosts is shared by all subscribers. Completes when the directory is closed.
   *
   * @param name - The name of what is announced, 1 to 255 characters.
   * @throws RIVULET_INVALID_OPTION
   * @error RIVULET_DIRECTORY_FULL when this client watches 1024 names.
   */
  entries(name: string): Observable<readonly DirectoryEntry[]>
  /**
   * The endpoints of a name, for `connect` of any factory: the present list, and then the list after each change.
   *
   * Each endpoint is in it once, with the key of its server where that has security.
   *
   * @param name - The name of what is announced, 1 to 255 characters.
   * @throws RIVULET_INVALID_OPTION
   */
  endpoints(name: string): Observable<readonly Endpoint[]>
}

/**
 * Opens a client of a directory.
 *
 * Resolves when its sockets are open, whether or not a host is there. With several hosts, everything is announced to each,
 * and what they say is merged: an instance is there while one of them has it.
 *
 * Lifetime: `close` withdraws all announcements, and waits until the connected hosts have confirmed that.
 *
 * @param options - `connect`: a host, or several; the others have defaults.
 * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_ENDPOINT, RIVULET_TOO_MANY_SOCKETS, RIVULET_ABORTED; RIVULET_CLOSED if
 * `runtime` is closed
 * @example
 * ```ts
 * import { createDirectory, createDirectoryHost } from 'rivulet/directory'
 *
 * const host = await createDirectoryHost({ bind: 'tcp://127.0.0.1:*' })
 * const directory = await createDirectory({ connect: host.endpoint })
 * directory.entries('Quotes').subscribe((entries) => console.log(entries.length))
 * await directory.close()
 * await host.close()
 * ```
 */
export async function createDirectory(options: DirectoryOptions): Promise<Directory> {
  return new DirectoryHandle(await DirectoryResource.create(resolveOptions('createDirectory', options, directoryRules)))
}

/** What users get of a directory. */
class DirectoryHandle implements Directory {
  readonly #resource: DirectoryResource

  constructor(resource: DirectoryResource) {
    this.#resource = resource
  }

  get [peerDirectory](): PeerDirectory {
    return this.#resource
  }

  get [closingOrder](): ClosingOrder {
    return this.#resource[closingOrder]
  }

  get endpoint(): string {
    return this.#resource.endpoint
  }

  get publicKey(): string | undefined {
    return this.#resource.publicKey
  }

  get connected(): number {
    return this.#resource.connected
  }

  get refusedConnections(): number {
    return this.#resource.refusedConnections
  }

  get links(): Observable<LinkChange> {
    return this.#resource.links
  }

  get errors(): Observable<RivuletError> {
    return this.#resource.errors
  }

  get securityEvents(): Observable<SecurityEvent> {
    return this.#resource.securityEvents
  }

  get status(): Status {
    return this.#resource.status
  }

  get closed(): boolean {
    return this.#resource.closed
  }

  get whenClosed(): Promise<void> {
    return this.#resource.whenClosed
  }

  announce(name: string, resource: Announceable, options?: AnnounceOptions): Promise<Announcement> {
    return this.#resource.announce(name, resource, options)
  }

  entries(name: string): Observable<readonly DirectoryEntry[]> {
    return this.#resource.entries(name)
  }

  endpoints(name: string): Observable<readonly Endpoint[]> {
    return this.#resource.endpointsOf(name)
  }

  stats(): DirectoryStats {
    return this.#resource.stats()
  }

  whenConnected(options?: WaitOptions): Promise<void> {
    return this.#resource.whenConnected(options)
  }

  ref(): this {
    this.#resource.ref()
    return this
  }

  unref(): this {
    this.#resource.unref()
    return this
  }

  close(options?: CloseOptions): Promise<CloseResult> {
    return this.#resource.close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
