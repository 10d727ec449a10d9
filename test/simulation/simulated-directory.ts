/**
 * Directories of a simulation as their clients see them: hosts that know different things, forget everything, and are told again.
 *
 * The machines of the directory are not in it: what they promise their clients is.
 */
import { ReplaySubject, Subject } from 'rxjs'
import type { PeerAnnouncement, PeerConflict, PeerDirectory, PeerRecord } from '../../src/discovery/index.js'
import type { Random } from './random.js'
import type { Scheduler } from './scheduler.js'

/** How long news takes at most, in milliseconds, and how long an entry stays whose process has ended without a word. */
const newsMs = 50
const leaseMs = 2000

/** How long the clients of a host that has forgotten everything take at most to announce again, in milliseconds. */
const againMs = 500

interface Host {
  readonly records: Map<string, PeerRecord>
  readonly clients: Set<DirectoryClient>
  /** Whether it shows no changes, since it waits for what is announced again. */
  isWaiting: boolean
}

/** All hosts. */
export class SimulatedDirectory {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #hosts: readonly Host[]
  /** Whether each client has all hosts. */
  #isWhole = false
  readonly #clients = new Set<DirectoryClient>()

  constructor(scheduler: Scheduler, random: Random, hosts: number) {
    this.#scheduler = scheduler
    this.#random = random
    this.#hosts = Array.from({ length: hosts }, () => ({ records: new Map(), clients: new Set(), isWaiting: false }))
  }

  /** A client of some of the hosts. */
  connect(): DirectoryClient {
    const client = new DirectoryClient((one) => this.#changed(one))
    this.#clients.add(client)
    const first = this.#random.pick(this.#hosts)
    for (const host of this.#hosts)
      if (this.#isWhole || host === first || this.#random.chance(0.5)) this.#attach(client, host)
    return client
  }

  /** Its process has ended: in good order, or without a word. */
  disconnect(client: DirectoryClient, isOrderly: boolean): void {
    client.isAlive = false
    this.#clients.delete(client)
    for (const host of this.#hosts) {
      if (!host.clients.delete(client)) continue
      this.#scheduler.after(isOrderly ? 0 : this.#random.below(leaseMs), () => {
        for (const { instance } of client.records.values()) host.records.delete(instance)
        this.#publish(host)
      })
    }
  }

  /** A host forgets everything. */
  restartOne(): void {
    const host = this.#random.pick(this.#hosts)
    host.records.clear()
    host.isWaiting = true
    for (const client of host.clients)
      this.#scheduler.after(this.#random.below(againMs), () => client.isAlive && this.#announce(host, client))
    this.#scheduler.after(againMs, () => {
      host.isWaiting = false
      this.#publish(host)
    })
  }

  /** From now on, each client has all hosts. */
  unite(): void {
    this.#isWhole = true
    for (const client of this.#clients) for (const host of this.#hosts) this.#attach(client, host)
  }

  #attach(client: DirectoryClient, host: Host): void {
    host.clients.add(client)
    this.#announce(host, client)
  }

  #changed(client: DirectoryClient): void {
    for (const host of this.#hosts) if (host.clients.has(client)) this.#announce(host, client)
  }

  #announce(host: Host, client: DirectoryClient): void {
    for (const instance of client.withdrawn) host.records.delete(instance)
    for (const record of client.records.values()) host.records.set(record.instance, record)
    this.#publish(host)
  }

  #publish(host: Host): void {
    if (host.isWaiting) return
    for (const client of host.clients) {
      this.#scheduler.after(this.#random.below(newsMs), () => {
        if (client.isAlive && !host.isWaiting) client.sees(host, [...host.records.values()])
      })
    }
  }
}

/** A process's client of the hosts. */
export class DirectoryClient implements PeerDirectory {
  isAlive = true
  /** What it announces, by instance. */
  readonly records = new Map<string, PeerRecord>()
  readonly withdrawn = new Set<string>()
  /** The holder of each name, merged over all hosts. */
  readonly peers = new ReplaySubject<readonly PeerRecord[]>(1)
  readonly conflicts = new Subject<PeerConflict>()
  readonly #changed: (client: DirectoryClient) => void
  readonly #views = new Map<object, readonly PeerRecord[]>()
  /** The conflicts that were reported, as texts. */
  readonly #reported = new Set<string>()

  constructor(changed: (client: DirectoryClient) => void) {
    this.#changed = changed
  }

  announcePeer(peer: PeerRecord): PeerAnnouncement {
    const announce = (record: PeerRecord) => {
      this.records.set(record.instance, record)
      if (this.isAlive) this.#changed(this)
    }
    announce(peer)
    return {
      update: announce,
      close: async () => {
        this.records.delete(peer.instance)
        this.withdrawn.add(peer.instance)
        if (this.isAlive) this.#changed(this)
      },
    }
  }

  sees(host: object, records: readonly PeerRecord[]): void {
    this.#views.set(host, records)
    const byName = new Map<string, Map<string, PeerRecord>>()
    for (const record of [...this.#views.values()].flat()) {
      const known = byName.get(record.name) ?? new Map<string, PeerRecord>()
      byName.set(record.name, known.set(record.instance, record))
    }
    const sorted = [...byName.values()].map((known) => [...known.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1)))
    this.peers.next(sorted.map(([winner]) => winner as PeerRecord))
    for (const [winner, ...losers] of sorted) {
      const text = [winner, ...losers].map((one) => one?.instance).join()
      if (winner === undefined || losers.length === 0 || this.#reported.has(text)) continue
      this.#reported.add(text)
      this.conflicts.next({ name: winner.name, winner, losers })
    }
  }
}

function isBefore(one: PeerRecord, other: PeerRecord): boolean {
  return one.epoch !== other.epoch ? one.epoch > other.epoch : one.instance < other.instance
}
