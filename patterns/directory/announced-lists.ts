/**
 * What users see of a view: lists of entries, of endpoints and of peers, in an order that is the same at every client.
 */
import type { DirectoryEntry, Endpoint, PeerConflict, PeerRecord } from '../../src/discovery/index.js'
import type { Announced, Place } from './wire.js'

/** The entries of a service: one for each endpoint of each instance. */
export function entriesOf(announced: Iterable<Announced>): readonly DirectoryEntry[] {
  const entries: DirectoryEntry[] = []
  for (const { name, instance, places, metadata = {} } of sorted(announced)) {
    const shown = Object.freeze({ ...metadata })
    for (const place of places)
      entries.push(Object.freeze({ name, endpoint: endpointOf(place), metadata: shown, instance }))
  }
  return Object.freeze(entries)
}

/** The endpoints of entries, each once: with the keys of all who announce it. */
export function endpointsOf(entries: readonly DirectoryEntry[]): readonly Endpoint[] {
  const keys = new Map<string, string[]>()
  for (const { endpoint } of entries) {
    const { address, serverKey = [] } = endpoint
    const known = keys.get(address) ?? []
    for (const key of typeof serverKey === 'string' ? [serverKey] : serverKey) if (!known.includes(key)) known.push(key)
    keys.set(address, known)
  }
  const places = [...keys].map(([address, serverKeys]) => endpointOf({ address, serverKeys: serverKeys.sort() }))
  return Object.freeze(places.sort((a, b) => compare(a.address, b.address)))
}

/** All announced peers. */
export function peersOf(announced: Iterable<Announced>): readonly PeerRecord[] {
  return Object.freeze(sorted(announced).map(peerOf))
}

/** The names that several peers hold, each with the winner: the one of the highest epoch, of those the smallest instance. */
export function conflictsOf(peers: readonly PeerRecord[]): readonly PeerConflict[] {
  const byName = new Map<string, PeerRecord[]>()
  for (const peer of peers) byName.set(peer.name, [...(byName.get(peer.name) ?? []), peer])
  const conflicts: PeerConflict[] = []
  for (const [name, holders] of byName) {
    const [winner, ...losers] = holders.sort((a, b) => b.epoch - a.epoch || compare(a.instance, b.instance))
    if (winner !== undefined && losers.length > 0)
      conflicts.push(Object.freeze({ name, winner, losers: Object.freeze(losers) }))
  }
  return conflicts
}

/** Whether two lists say the same. */
export function isSameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && JSON.stringify(one) === JSON.stringify(other)
}

/** Returns an endpoint as it travels. */
export function placeOf({ address, serverKey = [] }: Endpoint): Place {
  return { address, serverKeys: typeof serverKey === 'string' ? [serverKey] : [...serverKey] }
}

function endpointOf({ address, serverKeys = [] }: Place): Endpoint {
  const [first, second] = serverKeys
  if (first === undefined) return Object.freeze({ address })
  return Object.freeze({ address, serverKey: second === undefined ? first : Object.freeze([...serverKeys]) })
}

function peerOf({ name, instance, epoch = 0, places }: Announced): PeerRecord {
  return Object.freeze({ name, instance, epoch, endpoints: Object.freeze(places.map(endpointOf)) })
}

function sorted(announced: Iterable<Announced>): Announced[] {
  return [...announced].sort((a, b) => compare(a.instance, b.instance))
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
