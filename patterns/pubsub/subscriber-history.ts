/**
 * The links over which one subscriber asks for history, as its offers need them: opened when they are first needed.
 *
 * This side dials what publishers name, and binds links beside its own socket where they have only connected. What is asked, and
 * of whom, is in `history-offers.ts`.
 */

import { Subject } from 'rxjs'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import type { ResourceMaker } from '../../src/resource/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { ResolvedSocketOptions } from '../../src/socket/index.js'
import { HistoryOffers, type HistoryOffersOptions, type HistoryOffersPorts } from './history-offers.js'
import { linkBinds } from './link-addresses.js'
import { PublisherAccesses } from './publisher-access.js'
import { maxReplayBytes, TopicLinkSet } from './topic-links.js'

/** What it needs of its subscriber. */
export interface SubscriberHistoryPorts
  extends Pick<ResourceMaker, 'report'>,
    Omit<HistoryOffersPorts, 'clock' | 'dial' | 'bind' | 'accesses'> {
  readonly runtime: Runtime
  readonly options: Pick<ResolvedSocketOptions, 'insecure' | 'security'> & HistoryOffersOptions
  /** Where the topic socket is bound. */
  endpoints(): readonly string[]
}

/** The history of the publishers of one subscriber. */
export class SubscriberHistory {
  readonly offers: HistoryOffers
  readonly #ports: SubscriberHistoryPorts
  #dialer: Promise<TopicLinkSet | undefined> | undefined
  #binder: Promise<TopicLinkSet | undefined> | undefined
  #bound: TopicLinkSet | undefined
  #isClosed = false
  /** What the security of the links observes that publishers dial. */
  readonly securityEvents = new Subject<SecurityEvent>()

  constructor(ports: SubscriberHistoryPorts) {
    this.#ports = ports
    this.offers = new HistoryOffers(ports.options, {
      clock: ports.runtime.clock,
      name: () => ports.name(),
      connect: () => ports.connect(),
      dial: (endpoints) => this.#dial(endpoints),
      bind: () => this.#bind(),
      ask: () => ports.ask(),
      reject: (error) => ports.reject(error),
      report: (error) => ports.report(error),
      followed: ports.followed,
      accesses: this.isExclusive ? new PublisherAccesses(() => this.#bound?.policy) : undefined,
    })
  }

  /** Whether a policy says who may publish what, so that messages come over links that publishers dial alone. */
  get isExclusive(): boolean {
    return this.#ports.options.security?.policy !== undefined
  }

  /**
   * Binds links, if messages come over them alone.
   *
   * @error RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS, RIVULET_INSECURE_BIND
   */
  async openLinks(): Promise<void> {
    if (!this.isExclusive) return
    const links = await this.#openLinks(linkBinds(this.#ports.endpoints()))
    this.#binder = Promise.resolve(links)
    this.offers.bound(links.endpoints)
  }

  /** Ends all links; what was asked is unavailable. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.offers.close()
    const links = await Promise.all([this.#dialer, this.#binder])
    await Promise.all(links.map((link) => link?.close({ drain: false })))
    this.securityEvents.complete()
  }

  #dial(endpoints: readonly Endpoint[]): void {
    this.#dialer ??= this.#open([])
    void this.#dialer.then((links) => links?.dial(endpoints))
  }

  #bind(): Promise<readonly string[] | undefined> | undefined {
    const endpoints = this.#ports.endpoints()
    if (endpoints.length === 0) return undefined
    this.#binder = this.#open(linkBinds(endpoints))
    return this.#binder.then((links) => links?.endpoints)
  }

  async #open(bind: readonly string[]): Promise<TopicLinkSet | undefined> {
    try {
      return await this.#openLinks(bind)
    } catch (error) {
      if (!this.#isClosed) this.#ports.report(error as RivuletError)
      return undefined
    }
  }

  async #openLinks(bind: readonly string[]): Promise<TopicLinkSet> {
    const { runtime, report, options } = this.#ports
    const { insecure, security, maxMessageBytes } = options
    const settings = { insecure, security, runtime, bind, maxItemBytes: maxReplayBytes(maxMessageBytes) }
    const maker = { adopt() {}, release() {}, report }
    const links = await TopicLinkSet.open(settings, maker, [this.offers.user])
    if (bind.length > 0) {
      this.#bound = links
      links.securityEvents.subscribe((event) => this.securityEvents.next(event))
    }
    return links
  }
}
