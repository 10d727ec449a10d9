/**
 * The resource behind a directory: it opens links, and shows what the client machine knows as lists.
 *
 * The machine is in `directory-client.ts`.
 */
import { randomBytes } from 'node:crypto'
import { distinctUntilChanged, map, mergeMap, Observable } from 'rxjs'
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
import { conflictsOf, endpointsOf, entriesOf, isSameList, peersOf, placeOf } from './announced-lists.js'
import { type Announceable, type Announcement, checkAnnounceable, HeldAnnouncement, placesOf } from './announcement.js'
import { announcementFault, isName, maxNameCharacters } from './announcement-check.js'
import { DirectoryClient } from './directory-client.js'
import { type AnnounceOptions, announceRules, type directoryRules } from './options.js'
import { ViewReaders } from './view-readers.js'
import { peersView, type View } from './wire.js'

/** The counts of a `Directory`. */
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
  readonly peers: PeerDirectory['peers']
  readonly conflicts: PeerDirectory['conflicts']

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
    this.peers = this.#readers.read(peersView).pipe(
      map((entries) => peersOf(entries.values())),
      distinctUntilChanged(isSameList),
    )
    this.conflicts = this.peers.pipe(changedConflicts)
  }

  /** See `Directory.announce`. */
  async announce(name: string, resource: Announceable, options?: AnnounceOptions): Promise<Announcement> {
    const subject = `${this.name}: announce`
    checkName(subject, name)
    checkAnnounceable(subject, resource)
    const { metadata, endpoints, timeoutMs, signal } = resolveOptions(subject, options, announceRules)
    const places = placesOf(subject, resource, endpoints)
    this.#checkOpen(subject)
    const announcement = new HeldAnnouncement(name, places, metadata, (instance) => this.#client.withdraw(instance))
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
    const announcing = announcingPeer(peer)
    this.#checkOpen(`${this.name}: announcePeer`)
    const report = (error: RivuletError) => this.reports.report(error)
    this.#client.announce(announcing, { confirmed: () => {}, refused: report })
    return {
      update: (next) => {
        if (next.name !== peer.name || next.instance !== peer.instance) {
          throw invalidOption('announcePeer', 'name and instance', 'those of the announced peer', next.name)
        }
        this.#client.update(announcingPeer(next))
      },
      close: () => this.#client.withdraw(peer.instance),
    }
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

/** The conflicts among peers, each when it appears and when it changes. */
function changedConflicts(peers: PeerDirectory['peers']): PeerDirectory['conflicts'] {
  return new Observable((subscriber) => {
    let known = new Map<string, string>()
    return peers
      .pipe(
        mergeMap((list) => {
          const conflicts = conflictsOf(list)
          const before = known
          known = new Map(conflicts.map((conflict) => [conflict.name, JSON.stringify(conflict)]))
          return conflicts.filter(({ name }) => before.get(name) !== known.get(name))
        }),
      )
      .subscribe(subscriber)
  })
}

function checkName(subject: string, name: unknown): void {
  const rule = `a text of 1 to ${maxNameCharacters} characters, without control characters`
  if (!isName(name)) throw invalidOption(subject, 'name', rule, name)
}

/** @throws RIVULET_INVALID_OPTION */
function announcingPeer({ name, instance, epoch, endpoints }: PeerRecord) {
  const peer = { role: 'PEER', name, instance, epoch, places: endpoints.map(placeOf), metadata: {} } as const
  const fault = announcementFault({ ...peer, revision: 1 })
  if (fault !== undefined)
    throw new RivuletError('RIVULET_INVALID_OPTION', `announcePeer: a peer is not valid: ${fault}`)
  return peer
}
