/**
 * The links of a topic socket: a resource of its own beside the socket, which either binds or dials a list that changes.
 *
 * It is made by the publisher or subscriber and closed with it, and its errors are reported there. What is said over the
 * links is decided by their users.
 */
import { BehaviorSubject } from 'rxjs'
import type { Endpoint } from '../../src/discovery/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { LinkSet } from '../../src/link/index.js'
import { defaults } from '../../src/options/index.js'
import { ResourceBase, type ResourceMaker } from '../../src/resource/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityOptions } from '../../src/security/index.js'
import type { LinkUser, PeerInfo } from '../../src/session/index.js'
import { maxHeaderBytes } from '../../src/wire/index.js'
import type { TopicPolicy } from './topic-access.js'

/** What links are made of; `insecure`, `security` and `runtime` are those of the topic socket. */
export interface TopicLinkOptions {
  /** What is bound; with nothing, the links dial what `dial` lists. */
  readonly bind: readonly string[]
  readonly insecure: boolean
  readonly security: SecurityOptions | undefined
  readonly runtime: Runtime
  /** The largest item that the other side may send, in bytes. */
  readonly maxItemBytes: number
}

/** The counts of links. */
export interface TopicLinkStats {
  /** Sessions that were accepted, those that are cut included. */
  readonly sessions: number
  readonly strayFrames: number
  readonly rejectedFrames: Readonly<Record<string, number>>
}

/** What a part of a replay has beside one frame, in bytes: schemas, expired ranges, the topic's name. */
const partBytes = 262_144

/** The largest part of a replay, for the side that asks for replays of messages of this size. */
export function maxReplayBytes(maxMessageBytes: number): number {
  return maxMessageBytes + maxHeaderBytes + partBytes
}

/** The largest request of the service, for the side that serves it, in bytes. */
export const maxTopicRequestBytes = 1_048_576

/** What may wait to leave on one link, in bytes: parts of replays are made when there is room. */
const linkOutboxBytes = 262_144

/** The links of a topic socket. */
export class TopicLinkSet extends ResourceBase<TopicLinkStats> {
  protected readonly isSender: boolean
  readonly #lists = new BehaviorSubject<readonly Endpoint[]>([])
  readonly #links: LinkSet

  /** Resolves when the links are bound, or ready to dial. */
  static open(options: TopicLinkOptions, maker: ResourceMaker, users: readonly LinkUser[]): Promise<TopicLinkSet> {
    return new TopicLinkSet(options, maker, users).open()
  }

  private constructor(options: TopicLinkOptions, maker: ResourceMaker, users: readonly LinkUser[]) {
    const { bind, insecure, security, runtime, maxItemBytes } = options
    super('createLinks', { runtime, maker })
    this.isSender = bind.length === 0
    const settings = {
      bind,
      connect: bind.length === 0 ? this.#lists : [],
      insecure,
      security: securityOfSide(security, this.isSender ? 'connect' : 'bind'),
      maxMessageBytes: maxItemBytes,
      outboxBytes: linkOutboxBytes,
      maxSessions: defaults.maxTopicSessions,
    }
    this.#links = new LinkSet(this.scope, settings, users)
    this.transport = this.#links
  }

  /** Dials these endpoints from now on, and no others: links to endpoints that are left out end when their calls have. */
  dial(endpoints: readonly Endpoint[]): void {
    if (this.isSender && this.life.isOpen) this.#lists.next([...endpoints])
  }

  /** What peers may do; `undefined` without security, and where nothing is bound. */
  get policy(): TopicPolicy | undefined {
    return this.#links.guard
  }

  /** Notes that a peer has reached a limit. */
  limited(reason: string, peer: PeerInfo): void {
    this.#links.limited(reason, peer)
  }

  stats(): TopicLinkStats {
    const { sessions, strayFrames, rejectedFrames } = this.#links
    return Object.freeze({ sessions, strayFrames, rejectedFrames })
  }

  protected override async open(): Promise<this> {
    await super.open()
    // the topic socket keeps the process alive, or does not
    return this.unref()
  }

  protected override released(): void {
    this.#lists.complete()
  }

  /** For errors of users of the links. */
  report(error: RivuletError): void {
    this.reports.report(error)
  }
}

/** What of the security of a topic socket belongs to one of its sides. */
export function securityOfSide(
  security: SecurityOptions | undefined,
  side: 'bind' | 'connect',
): SecurityOptions | undefined {
  if (security === undefined) return undefined
  const { keyPair, allow, policy, serverKey } = security
  if (side === 'connect') return serverKey === undefined ? { keyPair } : { keyPair, serverKey }
  return { keyPair, ...(allow !== undefined && { allow }), ...(policy !== undefined && { policy }) }
}
