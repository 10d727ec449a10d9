/**
 * The resource behind a directory: it opens links, and shows what the client machine knows as lists.
 *
 * The machine is in `directory-client.ts`.
 */
import { randomBytes } from 'node:crypto'
import { distinctUntilChanged, map, type Observable } from 'rxjs'
import type {
  DirectoryEntry,
  Endpoint,
  PeerAnnouncement,
  PeerDirectory,
  PeerRecord,
} from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { deferred, waitFor } from '../../src/lifecycle/index.js'
import { LinkSet } from '../../src/link/index.js'
import { defaults, invalidOption, type Resolved, resolveOptions } from '../../src/options/index.js'
import { ResourceBase } from '../../src/resource/index.js'
import { checkSides } from '../../src/socket/index.js'
import { endpointsOf, entriesOf, isSameList } from './announced-lists.js'
import { type Announceable, type Announcement, checkAnnounceable, HeldAnnouncement, placesOf } from './announcement.js'
import { isName, maxNameCharacters } from './announcement-check.js'
import { DirectoryClient } from './directory-client.js'
import { DirectoryPeers } from './directory-peers.js'
import { type AnnounceOptions, announceRules, type directoryRules } from './options.js'
import { ViewReaders } from './view-readers.js'
import type { View } from './wire.js'

/** The counts of a {@link Directory}. */
export interface DirectoryStats {
  /** Announcements that have not ended. */
  readonly announcements: number
  /** Sessions with hosts that have not ended, those that are cut included. */
  readonly hosts: number
}

type ResolvedDirectoryOptions = Resolved<typeof directoryRules>

/** The resource behind a directory. */
export class DirectoryResource extends ResourceBase<DirectoryStats> implements PeerDirectory {
  protected readonly isSender = true
  readonly #client: DirectoryClient
  readonly #readers: ViewReaders
  readonly #peers: DirectoryPeers

  static create(options: ResolvedDirectoryOptions): Promise<DirectoryResource> {
    return new DirectoryResource(options).open()
  }

  private constructor(options: ResolvedDirectoryOptions) {
    checkSides('createDirectory', options, 'connect')
    super('createDirectory', options)
    this.#client = new DirectoryClient({
      clock: this.runtime.clock,
      random: Math.random,
      id: randomBytes(16).toString('hex'),
      staleMs: options.staleMs,
      name: () => this.name,
      report: (error) => this.reports.report(error),
      changed: (view) => this.#readers.changed(view),
    })
    this.#readers = new ViewReaders(this.#client)
    const { maxMessageBytes, outboxBytes } = defaults
    this.transport = new LinkSet(this.scope, { ...options, maxMessageBytes, outboxBytes }, [this.#client])
    this.#peers = new DirectoryPeers(this.#client, this.#readers, {
      checkOpen: () => this.#checkOpen(`${this.name}: announcePeer`),
      report: (error) => this.reports.report(error),
    })
  }

  get peers(): PeerDirectory['peers'] {
    return this.#peers.peers
  }

  get conflicts(): PeerDirectory['conflicts'] {
    return this.#peers.conflicts
  }

  /** See `Directory.announce`. */
  async announce(name: string, resource: Announceable, options?: AnnounceOptions): Promise<Announcement> {
    const subject = `${this.name}: announce`
    checkName(subject, name)
    checkAnnounceable(subject, resource)
    const { metadata, endpoints, timeoutMs, signal } = resolveOptions(subject, options, announceRules)
    const places = placesOf(subject, resource, endpoints)
    this.#checkOpen(subject)
    const withdraw = (instance: string) => this.#client.withdraw(instance)
    const announcement = new HeldAnnouncement(name, places, metadata, withdraw, () => this.life.isOpen)
    const { promise, resolve, reject } = deferred()
    this.#client.announce(announcement.announcing, { confirmed: resolve, refused: reject })
    const forget = this.life.onClosing(() => reject(new RivuletError('RIVULET_CLOSED', `${subject}: closed`)))
    try {
      const wait = { timeoutMs, ...(signal && { signal }) }
      await waitFor(subject, promise, this.runtime.clock, wait, () => this.unreachable())
    } catch (error) {
      void announcement.close()
      throw error
    } finally {
      forget()
    }
    const end = () => void announcement.close()
    if (resource instanceof ResourceBase) resource.onClosing(end)
    else void resource.whenClosed.then(end)
    return announcement
  }

  /** See `Directory.entries`. */
  entries(name: string): Observable<readonly DirectoryEntry[]> {
    checkName(`${this.name}: entries`, name)
    const view: View = { role: 'SERVICE', name }
    return this.#readers.read(view).pipe(
      map((entries) => entriesOf(entries.values())),
      distinctUntilChanged(isSameList),
    )
  }

  /** See `Directory.endpoints`. */
  endpointsOf(name: string): Observable<readonly Endpoint[]> {
    return this.entries(name).pipe(map(endpointsOf), distinctUntilChanged(isSameList))
  }

  announcePeer(peer: PeerRecord): PeerAnnouncement {
    return this.#peers.announcePeer(peer)
  }

  stats(): DirectoryStats {
    return Object.freeze({ announcements: this.#client.announcements, hosts: this.#client.hosts })
  }

  protected override released(): void {
    this.#readers.close()
  }

  #checkOpen(subject: string): void {
    if (!this.life.isOpen) throw new RivuletError('RIVULET_CLOSED', `${subject}: the directory is ${this.status}`)
  }
}

function checkName(subject: string, name: unknown): void {
  const rule = `a text of 1 to ${maxNameCharacters} characters, without control characters`
  if (!isName(name)) throw invalidOption(subject, 'name', rule, name)
}
