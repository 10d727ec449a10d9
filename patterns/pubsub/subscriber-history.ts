/**
 * The history of the publishers of one subscriber: who offers some, and the links over which it is asked.
 *
 * Links are opened when they are first needed: this side dials what publishers name, and binds links beside its own socket
 * where they have only connected.
 */
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { ResourceMaker } from '../../src/resource/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { ConnectEndpoint, ResolvedSocketOptions } from '../../src/socket/index.js'
import { HoldBudget } from './held-frames.js'
import type { HistoryAsker } from './history-call.js'
import { HistoryClient } from './history-client.js'
import type { HistoryFetch } from './history-fetch.js'
import { linkBinds, reachableLinks, writeLinks } from './link-addresses.js'
import type { SubscriptionHistory } from './subscription.js'
import { maxReplayBytes, TopicLinkSet } from './topic-links.js'

/** What it needs of its subscriber. */
export interface SubscriberHistoryPorts extends Pick<ResourceMaker, 'report'> {
  readonly runtime: Runtime
  readonly options: Pick<ResolvedSocketOptions, 'insecure' | 'security'> & {
    readonly maxMessageBytes: number
    readonly heldBytes: number
    readonly repairTimeoutMs: number
  }
  name(): string
  /** Where the topic socket is bound, and where it connects now. */
  endpoints(): readonly string[]
  connect(): readonly ConnectEndpoint[]
  reject(error: RivuletError): void
  /** Asks publishers again, with the extension of requests as it is now. */
  ask(): void
}

/** Publishers whose offers are remembered. */
const maxOffers = 1024

/** What addresses may take in a request, in bytes: publishers end connections that send larger frames. */
const maxAddressBytes = 256

/** How long missed messages are counted before they are reported to their publisher, in milliseconds. */
const missedMs = 1000

/** The history of the publishers of one subscriber. */
export class SubscriberHistory implements SubscriptionHistory {
  readonly budget: HoldBudget
  readonly #ports: SubscriberHistoryPorts
  readonly #client: HistoryClient
  /** The addresses that publishers name. */
  readonly #offers = new Map<string, readonly string[]>()
  /** Publishers that were asked. */
  readonly #needed = new Set<string>()
  #dialer: Promise<TopicLinkSet | undefined> | undefined
  #binder: Promise<TopicLinkSet | undefined> | undefined
  /** The extension of requests. */
  #extension: Record<string, Buffer> = {}
  readonly #missed = new Map<string, number>()
  /** Since when consumers are busy. */
  #pausedAt: number | undefined
  #pausedMs = 0
  #isClosed = false

  constructor(ports: SubscriberHistoryPorts) {
    this.#ports = ports
    const { maxMessageBytes, heldBytes, repairTimeoutMs: timeoutMs } = ports.options
    this.budget = new HoldBudget(heldBytes)
    this.#client = new HistoryClient({
      clock: ports.runtime.clock,
      timeoutMs,
      maxMessageBytes,
      name: () => ports.name(),
      report: (error) => ports.report(error),
      reject: (error) => ports.reject(error),
    })
  }

  readingMs(): number {
    return (this.#pausedAt ?? this.#ports.runtime.clock.now()) - this.#pausedMs
  }

  /** What requests name. */
  get extension(): Readonly<Record<string, Buffer>> {
    return this.#extension
  }

  /** A publisher has answered: with the addresses of its links, or without history. */
  answered(publisher: string, addresses: readonly string[] | undefined): void {
    if (addresses === undefined) {
      this.#forget(publisher)
      return
    }
    const before = this.#offers.get(publisher)
    this.#offers.delete(publisher)
    if (this.#offers.size >= maxOffers) this.#forget(this.#offers.keys().next().value as string)
    this.#offers.set(publisher, addresses)
    if (this.#needed.has(publisher) && addresses.join() !== before?.join()) this.#reach(publisher)
  }

  /** A publisher has left. */
  left(publisher: string): void {
    this.#forget(publisher)
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
    if (this.#missed.size === 0) this.#ports.runtime.clock.setTimer(() => this.#reportMissed(), missedMs)
    this.#missed.set(publisher, (this.#missed.get(publisher) ?? 0) + messages)
  }

  /** Whether consumers are busy, so that nothing more should arrive. */
  set isPaused(isPaused: boolean) {
    if (isPaused === (this.#pausedAt !== undefined)) return
    const now = this.#ports.runtime.clock.now()
    if (this.#pausedAt !== undefined) this.#pausedMs += now - this.#pausedAt
    this.#pausedAt = isPaused ? now : undefined
    this.#client.isPaused = isPaused
  }

  /** Ends all links; what was asked is unavailable. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#client.drain()
    const links = await Promise.all([this.#dialer, this.#binder])
    await Promise.all(links.map((link) => link?.close({ drain: false })))
  }

  #reportMissed(): void {
    const missed = [...this.#missed]
    this.#missed.clear()
    if (!this.#isClosed) for (const [publisher, messages] of missed) this.#client.missed(publisher, messages)
  }

  #forget(publisher: string): void {
    if (!this.#offers.delete(publisher)) return
    if (this.#needed.delete(publisher)) this.#dial()
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
    if (wanted.size === 0 && this.#dialer === undefined) return
    this.#dialer ??= this.#open([])
    void this.#dialer.then((links) => links?.dial([...wanted.values()]))
  }

  #bind(): void {
    const endpoints = this.#ports.endpoints()
    if (this.#binder !== undefined || this.#isClosed || endpoints.length === 0) return
    this.#binder = this.#open(linkBinds(endpoints)).then((links) => {
      if (links) {
        this.#extension = writeLinks(links.endpoints, maxAddressBytes)
        this.#ports.ask()
      } else {
        this.#binder = undefined // the next that is needed tries again
      }
      return links
    })
  }

  async #open(bind: readonly string[]): Promise<TopicLinkSet | undefined> {
    const { runtime, report, options } = this.#ports
    const { insecure, security, maxMessageBytes } = options
    const settings = { insecure, security, runtime, bind, maxItemBytes: maxReplayBytes(maxMessageBytes) }
    const maker = { adopt() {}, release() {}, report }
    try {
      return await TopicLinkSet.open(settings, maker, [this.#client])
    } catch (error) {
      if (!this.#isClosed) this.#ports.report(error as RivuletError)
      return undefined
    }
  }
}
