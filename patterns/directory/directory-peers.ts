/**
 * The part of a directory that peers of messaging use: it announces them, and shows those of others as lists.
 *
 * Pure: what it says to hosts, and knows of them, is up to the client machine.
 */
import { distinctUntilChanged, map, mergeMap, Observable } from 'rxjs'
import type { PeerAnnouncement, PeerDirectory, PeerRecord } from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { invalidOption } from '../../src/options/index.js'
import { conflictsOf, isSameList, peersOf, placeOf } from './announced-lists.js'
import { announcementFault } from './announcement-check.js'
import type { DirectoryClient } from './directory-client.js'
import type { ViewReaders } from './view-readers.js'
import { peersView } from './wire.js'

/** What it needs of its directory. */
export interface DirectoryPeersPorts {
  /** @throws RIVULET_CLOSED */
  checkOpen(): void
  report(error: RivuletError): void
}

/** The peers of a directory. */
export class DirectoryPeers implements PeerDirectory {
  readonly peers: PeerDirectory['peers']
  readonly conflicts: PeerDirectory['conflicts']
  readonly #client: DirectoryClient
  readonly #ports: DirectoryPeersPorts

  constructor(client: DirectoryClient, readers: ViewReaders, ports: DirectoryPeersPorts) {
    this.#client = client
    this.#ports = ports
    this.peers = readers.read(peersView).pipe(
      map((entries) => peersOf(entries.values())),
      distinctUntilChanged(isSameList),
    )
    this.conflicts = this.peers.pipe(changedConflicts)
  }

  announcePeer(peer: PeerRecord): PeerAnnouncement {
    const announcing = announcingPeer(peer)
    this.#ports.checkOpen()
    this.#client.announce(announcing, { confirmed: () => {}, refused: (error) => this.#ports.report(error) })
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

/** @throws RIVULET_INVALID_OPTION */
function announcingPeer({ name, instance, epoch, endpoints }: PeerRecord) {
  const peer = { role: 'PEER', name, instance, epoch, places: endpoints.map(placeOf), metadata: {} } as const
  const fault = announcementFault({ ...peer, revision: 1 })
  if (fault !== undefined)
    throw new RivuletError('RIVULET_INVALID_OPTION', `announcePeer: a peer is not valid: ${fault}`)
  return peer
}
