/**
 * The peers of one node in a directory: each is announced while it holds its name, if the node is bound where others reach it.
 *
 * What the directory lists of others is followed by `dialing.ts`.
 */
import type { Subscription } from 'rxjs'
import type { Endpoint, PeerAnnouncement, PeerConflict, PeerDirectory, PeerRecord } from '../../src/discovery/index.js'
import { RivuletError } from '../../src/errors/index.js'
import type { PeerRef } from './peer-claim.js'
import type { RosterPeer } from './roster-contract.js'

/** What an announcement says, and what withdraws it once it is made. */
interface Announced {
  record: Omit<PeerRecord, 'endpoints'>
  announcement: PeerAnnouncement | undefined
}

/** The announcements of one node. */
export class Announcing {
  readonly #directory: PeerDirectory
  readonly #announced = new Map<string, Announced>()
  readonly #conflicts: Subscription
  #endpoints: readonly Endpoint[] = []

  /** @param conflict - Takes what the directory says of names with several holders. */
  constructor(directory: PeerDirectory, conflict: (winner: PeerRef, losers: readonly PeerRef[]) => void) {
    this.#directory = directory
    const next = ({ winner, losers }: PeerConflict) => conflict(refOf(winner), losers.map(refOf))
    this.#conflicts = directory.conflicts.subscribe({ next })
  }

  /** Begins: the node is bound. */
  start(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints
    for (const announced of this.#announced.values()) this.#announce(announced)
  }

  /** A peer of this node holds its name, or another epoch. */
  holds({ ref: { name, incarnation }, epoch }: RosterPeer): void {
    const record = { name, instance: incarnation, epoch }
    const known = this.#announced.get(incarnation)
    if (known === undefined) {
      const announced = { record, announcement: undefined }
      this.#announced.set(incarnation, announced)
      this.#announce(announced)
    } else if (known.record.epoch !== epoch) {
      known.record = record
      known.announcement?.update({ ...record, endpoints: this.#endpoints })
    }
  }

  /** It does not. Resolves when the directory knows. */
  async withdraw(incarnation: string): Promise<void> {
    const known = this.#announced.get(incarnation)
    this.#announced.delete(incarnation)
    await known?.announcement?.close()
  }

  /** Withdraws all; resolves when the directory knows. */
  async close(): Promise<void> {
    this.#conflicts.unsubscribe()
    await Promise.all([...this.#announced.keys()].map((incarnation) => this.withdraw(incarnation)))
  }

  #announce(announced: Announced): void {
    if (this.#endpoints.length === 0) return
    announced.announcement = this.#directory.announcePeer({ ...announced.record, endpoints: this.#endpoints })
  }
}

/**
 * Where other processes reach a node: at the endpoints that its user gives, or else where it is bound; none where that is for this
 * process alone.
 *
 * @throws RIVULET_INVALID_OPTION if it is bound to all addresses of the machine, and nothing is given.
 */
export function announcedEndpoints(
  endpoints: readonly string[],
  publicKey: string | undefined,
  advertised: readonly Endpoint[],
): readonly Endpoint[] {
  const withKey = ({ address, serverKey = publicKey }: Endpoint) =>
    serverKey === undefined ? { address } : { address, serverKey }
  if (advertised.length > 0) return advertised.map(withKey)
  const wildcard = endpoints.find((endpoint) => /^tcp:\/\/(?:0\.0\.0\.0|\[::\]|\*):/.test(endpoint))
  if (wildcard !== undefined) {
    const why = `with a directory, bind must name one address of this machine, not all of them (${wildcard}); or give advertised`
    throw new RivuletError('RIVULET_INVALID_OPTION', `createPeer: ${why}`)
  }
  return endpoints.filter((address) => !address.startsWith('inproc:')).map((address) => withKey({ address }))
}

function refOf({ name, instance }: PeerRecord): PeerRef {
  return Object.freeze({ name, incarnation: instance, identity: undefined })
}
