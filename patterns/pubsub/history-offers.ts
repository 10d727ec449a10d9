/**
 * The history that the publishers of one subscriber offer: which links lead to it, and when they are needed.
 *
 * Pure but for a clock: `subscriber-history.ts` opens the links, a simulation has simulated ones. Calls are in `history-client.ts`.
 */
import type { Clock, Timer } from '../../src/clock/index.js'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { LinkUser } from '../../src/session/index.js'
import type { ConnectEndpoint } from '../../src/socket/index.js'
import type { FollowedHistory } from './followed-history.js'
import { FollowedLinks } from './followed-links.js'
import type { FollowedTopics } from './followed-topics.js'
import { HoldBudget } from './held-frames.js'
import type { HistoryAsker } from './history-call.js'
import { HistoryClient } from './history-client.js'
import type { HistoryFetch } from './history-fetch.js'
import { IdentifiedPublishers, type IdentifiedPublishersPorts } from './identified-publishers.js'
import { reachableLinks, writeFollow, writeLinks } from './link-addresses.js'
import type { PublisherAccesses } from './publisher-access.js'

/** What is decided for them. */
export interface HistoryOffersOptions {
  readonly maxMessageBytes: number
  readonly heldBytes: number
  readonly repairTimeoutMs: number
}

/** What they need. */
export interface HistoryOffersPorts {
  readonly clock: Clock
  name(): string
  /** Where the topic socket connects now. */
  connect(): readonly ConnectEndpoint[]
  /** Dials these links from now on, and no others. */
  dial(endpoints: readonly Endpoint[]): void
  /** Binds links beside the topic socket: their addresses, or nothing if that has failed; `undefined` if there is nowhere to bind. */
  bind(): Promise<readonly string[] | undefined> | undefined
  /** Asks publishers again, with the extension of requests as it is now. */
  ask(): void
  /** Something malformed has arrived. */
  reject(error: RivuletError): void
  report(error: RivuletError): void
  /** What is done with what is followed over links. Default: nothing is followed. */
  readonly followed?: Omit<IdentifiedPublishersPorts, 'clock' | 'report'> | undefined
  /** What publishers that dial this side may publish: then messages come over such links alone. Default: everything, as it comes. */
  readonly accesses?: PublisherAccesses | undefined
}

/** Publishers whose offers are remembered. */
const maxOffers = 1024

/** What addresses may take in a request, in bytes: publishers end connections that send larger frames. */
const maxAddressBytes = 256

/** How long one that serves over links alone may take to answer after a connection has ended, in milliseconds. */
const goneMs = 10_000

/** How long missed messages are counted before they are reported to their publisher, in milliseconds. */
const missedMs = 1000

/** The offers of the publishers of one subscriber. */
export class HistoryOffers implements FollowedHistory {
  readonly budget: HoldBudget
  readonly followed: FollowedTopics | undefined
  readonly #ports: HistoryOffersPorts
  readonly #client: HistoryClient
  /** The addresses that publishers name. */
  readonly #offers = new Map<string, readonly string[]>()
  /** Of these publishers, the ones that are not there, but kept by a hub. */
  readonly #kept = new Set<string>()
  /** Publishers that were asked. */
  readonly #needed = new Set<string>()
  /** Where those serve that do so over links alone. */
  readonly #served = new Map<string, readonly Endpoint[]>()
  /** Of these, the ones that have not answered since a connection ended, and since when. */
  readonly #doubted = new Map<string, number>()
  #doubtTimer: Timer | undefined
  #hasDialed = false
  #isBinding = false
  /** The extension of requests. */
  #extension: Record<string, Buffer> = {}
  readonly #missed = new Map<string, number>()
  /** Since when consumers are busy. */
  #pausedAt: number | undefined
  #pausedMs = 0
  #isClosed = false

  constructor(options: HistoryOffersOptions, ports: HistoryOffersPorts) {
    this.#ports = ports
    const { maxMessageBytes, heldBytes, repairTimeoutMs: timeoutMs } = options
    this.budget = new HoldBudget(heldBytes)
    const { clock, followed, accesses } = ports
    const report = (error: RivuletError) => ports.report(error)
    const Followed = accesses === undefined ? FollowedLinks : IdentifiedPublishers
    this.followed = followed && new Followed({ ...followed, clock, report })
    this.#client = new HistoryClient({
      clock: ports.clock,
      timeoutMs,
      maxMessageBytes,
      name: () => ports.name(),
      report,
      reject: (error) => ports.reject(error),
      followed: this.followed,
      accesses,
    })
  }

  /** Links are bound at these addresses, and publishers are asked to dial them. */
  bound(addresses: readonly string[]): void {
    this.#isBinding = true
    const isExclusive = this.followed?.isExclusive === true
    this.#extension = { ...writeLinks(addresses, maxAddressBytes), ...(isExclusive && writeFollow([])) }
  }

  /** What uses the links. */
  get user(): LinkUser {
    return this.#client
  }

  readingMs(): number {
    return (this.#pausedAt ?? this.#ports.clock.now()) - this.#pausedMs
  }

  get extension(): Readonly<Record<string, Buffer>> {
    return this.#extension
  }

  answered(publisher: string, addresses: readonly string[] | undefined, isKept: boolean): void {
    if (isKept && addresses) this.#kept.add(publisher)
    else this.#kept.delete(publisher)
    if (addresses === undefined) {
      this.#forget(publisher)
      return
    }
    const before = this.#offers.get(publisher)
    this.#offers.delete(publisher)
    if (this.#offers.size >= maxOffers) this.#forget(this.#leastNeeded())
    this.#offers.set(publisher, addresses)
    if (this.#needed.has(publisher) && addresses.join() !== before?.join()) this.#reach(publisher)
  }

  discovered(publisher: string, addresses: readonly string[]): void {
    if (this.followed === undefined) return
    this.#doubted.delete(publisher)
    const endpoints = reachableLinks(addresses, this.#ports.connect())
    const before = this.#served.get(publisher)
    this.#served.delete(publisher)
    if (this.#served.size >= maxOffers) this.#unserve(this.#served.keys().next().value as string)
    this.#served.set(publisher, endpoints)
    const found = endpoints.map(({ address }) => address)
    if (found.join() === before?.map(({ address }) => address).join()) return
    this.followed.serves(publisher, found)
    this.#dial()
  }

  unlinked(): void {
    const now = this.#ports.clock.now()
    for (const publisher of this.#served.keys()) {
      if (!this.#doubted.has(publisher)) this.#doubted.set(publisher, now)
    }
    this.#watchDoubted()
  }

  left(publisher: string): void {
    if (!this.#kept.has(publisher)) this.#forget(publisher)
    this.#unserve(publisher)
  }

  isOffered(publisher: string): boolean {
    return this.#offers.has(publisher)
  }

  fetch(fetch: HistoryFetch, asker: HistoryAsker): void {
    this.#client.fetch(fetch, asker)
    if (this.#needed.has(fetch.source)) return
    this.#needed.add(fetch.source)
    this.#reach(fetch.source)
  }

  cancel(fetch: HistoryFetch): void {
    this.#client.cancel(fetch)
  }

  missed(publisher: string, messages: number): void {
    if (!this.#needed.has(publisher)) return
    if (this.#missed.size === 0) this.#ports.clock.setTimer(() => this.#reportMissed(), missedMs)
    this.#missed.set(publisher, (this.#missed.get(publisher) ?? 0) + messages)
  }

  /** Whether consumers are busy, so that nothing more should arrive. */
  set isPaused(isPaused: boolean) {
    if (isPaused === (this.#pausedAt !== undefined)) return
    const now = this.#ports.clock.now()
    if (this.#pausedAt !== undefined) this.#pausedMs += now - this.#pausedAt
    this.#pausedAt = isPaused ? now : undefined
    this.#client.isPaused = isPaused
    if (this.followed) this.followed.isPaused = isPaused
  }

  /** No links are needed any more; what was asked is unavailable. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#doubtTimer?.cancel()
    this.followed?.close()
    await this.#client.drain()
  }

  #reportMissed(): void {
    const missed = [...this.#missed]
    this.#missed.clear()
    if (!this.#isClosed) for (const [publisher, messages] of missed) this.#client.missed(publisher, messages)
  }

  /** The one that has answered the longest ago; one that was asked only if all were, so that answers alone displace none. */
  #leastNeeded(): string {
    for (const publisher of this.#offers.keys()) if (!this.#needed.has(publisher)) return publisher
    return this.#offers.keys().next().value as string
  }

  #forget(publisher: string): void {
    this.#kept.delete(publisher)
    if (!this.#offers.delete(publisher)) return
    if (this.#needed.delete(publisher)) this.#dial()
  }

  /** Forgets those that have not answered for long: a hub that was restarted serves under another name. */
  #watchDoubted(): void {
    if (this.#doubtTimer !== undefined || this.#doubted.size === 0 || this.#isClosed) return
    this.#doubtTimer = this.#ports.clock.setTimer(() => {
      this.#doubtTimer = undefined
      const now = this.#ports.clock.now()
      for (const [publisher, since] of this.#doubted) if (now - since >= goneMs) this.#unserve(publisher)
      this.#watchDoubted()
    }, goneMs)
  }

  #unserve(publisher: string): void {
    this.#doubted.delete(publisher)
    if (!this.#served.delete(publisher)) return
    this.followed?.forget(publisher)
    this.#dial()
  }

  /** Opens what leads to the links of a publisher. */
  #reach(publisher: string): void {
    if (this.#offers.get(publisher)?.length === 0) this.#bind()
    else this.#dial()
  }

  #dial(): void {
    if (this.#isClosed) return
    const wanted = new Map<string, Endpoint>()
    for (const publisher of this.#needed) {
      for (const endpoint of reachableLinks(this.#offers.get(publisher) ?? [], this.#ports.connect())) {
        wanted.set(endpoint.address, endpoint)
      }
    }
    for (const endpoint of [...this.#served.values()].flat()) wanted.set(endpoint.address, endpoint)
    if (wanted.size === 0 && !this.#hasDialed) return
    this.#hasDialed = true
    this.#ports.dial([...wanted.values()])
  }

  #bind(): void {
    if (this.#isBinding || this.#isClosed) return
    const bound = this.#ports.bind()
    if (bound === undefined) return
    this.#isBinding = true
    void bound.then((addresses) => {
      if (addresses) {
        this.bound(addresses)
        this.#ports.ask()
      } else {
        this.#isBinding = false // the next that is needed tries again
      }
    })
  }
}
