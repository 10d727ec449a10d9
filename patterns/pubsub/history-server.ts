/**
 * How the history of a publisher or a hub is served: the service, and the links beside the topic socket.
 *
 * What is kept, and of whom, is decided by those who use it. What the service says is in `topic-service.ts`.
 */
import { Subject } from 'rxjs'
import { CallHost } from '../../src/call/index.js'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { turnBudget } from '../../src/lifecycle/index.js'
import type { ResourceMaker } from '../../src/resource/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { LinkUser } from '../../src/session/index.js'
import type { ConnectEndpoint, ResolvedSocketOptions } from '../../src/socket/index.js'
import { DialedLinks } from './dialed-links.js'
import { isFollowing, linkBinds, readLinks, writeLinks } from './link-addresses.js'
import type { TopicAccesses, TopicPolicy } from './topic-access.js'
import type { TopicFeed } from './topic-feed.js'
import { maxTopicRequestBytes, TopicLinkSet } from './topic-links.js'
import { TopicService, type TopicServicePorts, type TopicServiceStats } from './topic-service.js'

/** What a history needs of its publisher or hub. */
export interface HistoryOwner extends ResourceMaker {
  readonly runtime: Runtime
  /** How the topic socket is secured. */
  readonly socket: Pick<ResolvedSocketOptions, 'insecure' | 'security'>
  /** Where the topic socket is bound, and where it connects now. */
  endpoints(): readonly string[]
  connect(): readonly ConnectEndpoint[]
  /** What is served as it leaves, and what peers may have: see `TopicServicePorts`. */
  readonly feed?: TopicFeed | undefined
  readonly accesses?: TopicAccesses | undefined
}

/** Whose messages are kept. */
export type ServedLogs = Omit<TopicServicePorts, 'clock' | 'nextTurn'>

/** The links over which history is served. */
export type ServedLinks = Pick<TopicLinkSet, 'endpoints' | 'securityEvents' | 'dial' | 'limited' | 'close'> &
  Partial<Pick<TopicLinkSet, 'policy'>>

/** Opens links for users: binds endpoints, or with none dials those that are named later. */
export type OpenLinks = (
  owner: HistoryOwner,
  bind: readonly string[],
  users: readonly LinkUser[],
) => Promise<ServedLinks>

/** Calls of one link that may be open. */
const maxOpenCalls = 256

/** Serves history. */
export class HistoryServer {
  /** What the security of the links observes. */
  readonly securityEvents = new Subject<SecurityEvent>()
  readonly #owner: HistoryOwner
  readonly #open: OpenLinks
  readonly #service: TopicService
  readonly #callHost: CallHost
  readonly #dialed = new DialedLinks((endpoints) => {
    this.#dialing = endpoints
    this.#dialer?.dial(endpoints)
  })
  #links: ServedLinks | undefined
  /** Those that dial: the same if nothing is bound, or others beside them. */
  #dialer: ServedLinks | undefined
  #dialing: readonly Endpoint[] = []
  #isOpeningDialer = false
  #extension: Record<string, Buffer> | undefined
  #isClosed = false

  /** @param open - Opens links; by default, over sockets. */
  constructor(owner: HistoryOwner, logs: ServedLogs, open: OpenLinks = openTopicLinks) {
    this.#owner = owner
    this.#open = open
    const { clock } = owner.runtime
    const { feed, accesses } = owner
    const nextTurn = (callback: () => void) => turnBudget.nextTurn(callback)
    this.#service = new TopicService({ ...logs, clock, nextTurn, feed, accesses })
    const ports = {
      clock,
      report: (error: RivuletError) => owner.report(error),
      limited: (reason: string, peer: Parameters<TopicLinkSet['limited']>[1]) => this.#links?.limited(reason, peer),
    }
    this.#callHost = new CallHost([this.#service.implementation], ports, { maxOpenCallsPerPeer: maxOpenCalls })
  }

  /** Whether the links have been opened, or are not to be opened any more. */
  get hasOpened(): boolean {
    return this.#links !== undefined || this.#isClosed
  }

  /** The extension of answers, which names the links, once they are open. */
  get extension(): Record<string, Buffer> {
    return this.#extension ?? {}
  }

  /** Where links are bound. */
  get addresses(): readonly string[] {
    return this.#links?.endpoints ?? []
  }

  /** What the peers of links may do; `undefined` without security, and where none is bound. */
  get policy(): TopicPolicy | undefined {
    return this.#links?.policy
  }

  /**
   * Opens the links.
   *
   * @param given - The endpoints to bind; with none, those beside the topic socket.
   * @error RIVULET_BIND_FAILED, RIVULET_TOO_MANY_SOCKETS, RIVULET_INSECURE_BIND
   */
  async openLinks(given: readonly string[]): Promise<void> {
    const bind = given.length > 0 ? given : linkBinds(this.#owner.endpoints())
    const links = (bind.length === 0 && this.#dialer) || (await this.#open(this.#owner, bind, [this.#callHost]))
    this.#links = links
    if (this.#isClosed) await links.close({ drain: false })
    this.#extension = writeLinks(links.endpoints)
    if (links.endpoints.length === 0) this.#setDialer(links)
    // those that dial know their server, and observe nothing
    else links.securityEvents.subscribe((event) => this.securityEvents.next(event))
  }

  /** A request has named links of a subscriber: they are dialed where history is served so, and where the subscriber follows over them. */
  requested(extensions: Readonly<Record<string, Buffer>>): void {
    if (this.#dialer === undefined && !isFollowing(extensions)) return
    const addresses = readLinks(extensions)
    if (addresses === undefined || this.#owner.connect().length === 0) return
    this.#dialed.named(addresses, this.#owner.connect())
    if (this.#dialer === undefined) void this.#openDialer()
  }

  /** No subscriber is linked. */
  noSubscriber(): void {
    this.#dialed.forget()
  }

  /** A source has come. */
  added(source: string): void {
    this.#service.added(source)
  }

  /** Nothing of a source is kept any more. */
  removed(source: string): void {
    this.#service.removed(source)
  }

  stats(): TopicServiceStats {
    return this.#service.stats()
  }

  /** Lets replays end within this time. */
  async close(timeoutMs: number): Promise<void> {
    this.#isClosed = true
    const links = new Set([this.#links, this.#dialer])
    const drain = { drain: timeoutMs > 0, timeoutMs: Math.max(0, timeoutMs) }
    await Promise.all([...links].map((one) => one?.close(drain)))
    this.#service.close()
    this.securityEvents.complete()
  }

  #setDialer(links: ServedLinks): void {
    this.#dialer ??= links
    this.#dialer.dial(this.#dialing)
  }

  /** Opens links that dial, where none do yet: what is bound stays. */
  async #openDialer(): Promise<void> {
    if (this.#isOpeningDialer || this.#isClosed) return
    this.#isOpeningDialer = true
    try {
      const links = await this.#open(this.#owner, [], [this.#callHost])
      // history may have begun meanwhile, with links that dial as well
      if (this.#isClosed || this.#dialer !== undefined) await links.close({ drain: false })
      else this.#setDialer(links)
    } catch (error) {
      if (!this.#isClosed) this.#owner.report(error as RivuletError)
    }
    this.#isOpeningDialer = false
  }
}

function openTopicLinks(owner: HistoryOwner, bind: readonly string[], users: readonly LinkUser[]) {
  const { runtime, socket } = owner
  const { insecure, security } = socket
  return TopicLinkSet.open({ insecure, security, runtime, bind, maxItemBytes: maxTopicRequestBytes }, owner, users)
}
