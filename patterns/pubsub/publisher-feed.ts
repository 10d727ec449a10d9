/**
 * What a publisher serves over links as it leaves: to peers that its policy allows to have it, in place of its socket.
 *
 * With a policy, frames go into an outbox of their own, from which links are fed, and none to the socket; that one is left for
 * requests, which are answered with where the links are.
 */
import type { RivuletError } from '../../src/errors/index.js'
import { SparseReports } from '../../src/observe/index.js'
import { defaults } from '../../src/options/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityGuard, SecurityOptions } from '../../src/security/index.js'
import { Outbox } from '../../src/socket/index.js'
import { frameKind, readRecordFrame, TopicRequest } from '../../src/wire/index.js'
import type { FeedReader } from './feed-reader.js'
import { isFollowing, writeFollow } from './link-addresses.js'
import { PlainSubscriptions } from './plain-subscriptions.js'
import { TopicAccesses, type TopicPolicy } from './topic-access.js'
import { TopicFeed, type TopicFeedStats } from './topic-feed.js'
import { inboxMark } from './topic-name.js'
import type { Leaving } from './topic-publisher.js'

/** What it needs of its publisher. */
export interface PublisherFeedPorts {
  readonly runtime: Runtime
  readonly options: {
    readonly security: SecurityOptions | undefined
    readonly highWaterMark: number
    readonly outboxBytes: number
    readonly subscriptionBytes: number
    readonly slowSubscribers: 'drop' | 'wait'
  }
  /** The source of the publisher. */
  source(): Buffer
  /** The policy, as the links know it, and the guard of the socket. */
  policy(): TopicPolicy | undefined
  guard(): SecurityGuard | undefined
  /** Where links are bound. */
  addresses(): readonly string[]
  subscription(subscribed: boolean, prefix: Buffer): void
  /** What is subscribed is forgotten. */
  reset(): void
  request(request: TopicRequest, reader: FeedReader): void
  /** One that has asked over a link follows no more. */
  left?(reader: FeedReader): void
  report(error: RivuletError): void
}

/** What a publisher feeds. */
export class PublisherFeed {
  readonly feed: TopicFeed
  readonly accesses: TopicAccesses | undefined
  /** Where frames wait if none goes to the socket. */
  readonly outbox: Outbox | undefined
  /** What frames of the socket wait for, so that links lose none of them. */
  readonly whenRoom: (() => Promise<unknown> | undefined) | undefined
  readonly #ports: PublisherFeedPorts
  readonly #plain: PlainSubscriptions | undefined
  /** What is followed over links, and by how many. */
  readonly #followed = new Map<string, { readonly prefix: Buffer; readonly readers: number }>()
  #plainDenied = 0

  constructor(ports: PublisherFeedPorts) {
    this.#ports = ports
    const { security, highWaterMark, outboxBytes, subscriptionBytes, slowSubscribers } = ports.options
    const { clock } = ports.runtime
    const isExclusive = security?.policy !== undefined
    this.accesses = isExclusive ? new TopicAccesses(() => ports.policy(), 'subscribe') : undefined
    const waits = slowSubscribers === 'wait'
    const untaken = new SparseReports(clock, (error) => ports.report(error))
    const feed: TopicFeed = new TopicFeed({
      server: () => ports.source(),
      limitBytes: highWaterMark * defaults.frameBytes,
      patternBytes: subscriptionBytes,
      accesses: this.accesses,
      subscription: (subscribed, prefix) => this.#onSubscription(subscribed, prefix),
      asked: (asks, prefix, reader) => this.#plain?.linked(asks, prefix, reader),
      // what is malformed ends the call
      requested: (frame, reader) => {
        const request = readRecordFrame(TopicRequest, frame, frameKind.request, undefined)
        this.#plain?.named(reader, request.inbox)
        ports.request(request, reader)
      },
      untaken: (error) => untaken.report(error),
      left: (reader) => ports.left?.(reader),
    })
    this.feed = feed
    if (waits && !isExclusive) this.whenRoom = () => feed.whenRoom()
    if (!isExclusive) return
    const none = Promise.resolve(undefined)
    const send = () => (waits && feed.whenRoom()) || none
    this.outbox = new Outbox(outboxBytes, { send, failed() {} })
    this.#plain = new PlainSubscriptions({
      clock,
      denied: (prefix, count) => {
        this.#plainDenied += count
        const target = prefix.toString().replace(/\.$/, '')
        for (let times = 0; times < count; times++) {
          ports.guard()?.note({ kind: 'denied', reason: 'subscribe', target })
        }
      },
    })
  }

  /** Whether subscribers get nothing over the socket. */
  get isExclusive(): boolean {
    return this.outbox !== undefined
  }

  /** Returns what is to be called when a frame leaves; `undefined` if nobody follows. */
  readonly leaving: Leaving = (part, topic, { schemaId, text: schemaText }, bytes, messages) => {
    if (this.feed.isEmpty) return undefined
    return () => this.feed.publish(part, { topic, bytes, messages, schemaId, schemaText })
  }

  /** A peer of the socket subscribes, or cancels it, where the socket serves nobody; inboxes are among them. */
  plain(subscribed: boolean, prefix: Buffer): void {
    if (prefix[0] === inboxMark) this.#plain?.inbox(subscribed, prefix)
    else this.#plain?.plain(subscribed, prefix)
  }

  /** All peers of the socket were disconnected; those of links are as before. */
  reset(): void {
    if (this.isExclusive) {
      this.#plain?.reset()
      return
    }
    this.#ports.reset()
    for (const { prefix, readers } of this.#followed.values()) {
      for (let reader = 0; reader < readers; reader++) this.#ports.subscription(true, prefix)
    }
  }

  #onSubscription(subscribed: boolean, prefix: Buffer): void {
    const key = prefix.toString('latin1')
    const readers = (this.#followed.get(key)?.readers ?? 0) + (subscribed ? 1 : -1)
    if (readers > 0) this.#followed.set(key, { prefix, readers })
    else this.#followed.delete(key)
    this.#ports.subscription(subscribed, prefix)
  }

  /** The extension of an answer to a peer of the socket, if it gets messages over links alone: by this side, or as it asks itself. */
  extension(asked: TopicRequest['extensions']): Record<string, Buffer> | undefined {
    if (this.isExclusive) return writeFollow(this.#ports.addresses())
    return isFollowing(asked) ? writeFollow([]) : undefined
  }

  stats(): TopicFeedStats {
    const { denied, ...stats } = this.feed.stats()
    return Object.freeze({ ...stats, denied: denied + this.#plainDenied })
  }

  /** Returns how many messages have not left. */
  close(): number {
    this.feed.close()
    this.#plain?.close()
    return this.outbox?.stop() ?? 0
  }
}
