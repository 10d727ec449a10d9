/**
 * The frames of a publisher or a hub as they leave, for those who follow topics over links.
 *
 * Each frame is passed on as it was cut. It keeps nothing but what waits for links: a peer that does not read loses frames, or
 * everybody waits for it, as `slowSubscribers` says.
 */
import type { CallContext, CallStream, ReadySource } from '../../src/call/index.js'
import type { RivuletError } from '../../src/errors/index.js'
import { Waiters } from '../../src/lifecycle/index.js'
import { type FedFrame, FeedReader, type FollowedPattern } from './feed-reader.js'
import { Interest } from './interest.js'
import type { TopicAccesses } from './topic-access.js'
import type { FollowPart, FollowRequest } from './topics-wire.js'

/** What a feed needs of its owner. */
export interface TopicFeedPorts {
  /** Who serves it, as the source of its answers; known when links are open. */
  server(): Buffer
  /** What may wait for one link, in bytes. */
  readonly limitBytes: number
  /** What the patterns of one link may add up to, in bytes. */
  readonly patternBytes: number
  /** What peers may follow; without a policy, everything. */
  readonly accesses: TopicAccesses | undefined
  /** A peer follows something below a prefix, or does not any more. */
  subscription(subscribed: boolean, prefix: Buffer): void
  /** A peer asks for something below a prefix, whether it was denied or not, or does not any more. */
  asked(asks: boolean, prefix: Buffer, reader: FeedReader): void
  /** A peer asks, as over a socket. */
  requested(frame: Buffer, reader: FeedReader): void
  /** A peer does not take a topic. */
  untaken(error: RivuletError): void
  /** A peer follows no more. */
  left(reader: FeedReader): void
}

/** What was fed. */
export interface TopicFeedStats {
  /** Peers that follow topics now. */
  readonly open: number
  /** Messages that were dropped, each once for each peer that did not take it in time. */
  readonly dropped: number
  /** Patterns that the policy has denied. */
  readonly denied: number
}

/** The feed of one publisher or hub. */
export class TopicFeed {
  readonly #ports: TopicFeedPorts
  readonly #readers = new Set<FeedReader>()
  readonly #interest = new Interest<FollowedPattern>()
  readonly #roomWaiters = new Waiters()
  #dropped = 0
  #denied = 0
  #isClosed = false

  constructor(ports: TopicFeedPorts) {
    this.#ports = ports
  }

  /** Whether nobody follows anything. */
  get isEmpty(): boolean {
    return this.#readers.size === 0
  }

  stats(): TopicFeedStats {
    return { open: this.#readers.size, dropped: this.#dropped, denied: this.#denied }
  }

  /** Serves a call `follow`. */
  follow(requests: CallStream<FollowRequest>, { peer, draining }: CallContext): ReadySource<FollowPart> {
    const { server, limitBytes, patternBytes, accesses, requested, subscription, asked, untaken } = this.#ports
    const reader = new FeedReader(requests, {
      server: server(),
      limitBytes,
      patternBytes,
      access: accesses?.of(peer),
      entered: (followed) => this.#interest.enter(followed),
      left: (followed) => this.#interest.leave(followed),
      subscription,
      asked,
      requested,
      untaken,
      taken: () => {
        if (!this.#isFull) this.#roomWaiters.wake()
      },
      dropped: (messages) => {
        this.#dropped += messages
      },
      denied: () => {
        this.#denied += 1
      },
      ended: (ended) => {
        this.#readers.delete(ended)
        this.#ports.left(ended)
      },
    })
    this.#readers.add(reader)
    if (draining.aborted) reader.end()
    else draining.addEventListener('abort', () => reader.end(), { once: true })
    return reader.start()
  }

  /** Gives a frame to those who follow its topic. */
  publish(part: Buffer, frame: FedFrame): void {
    if (this.#readers.size === 0) return
    const followed = this.#interest.match(part)?.subscriptions ?? []
    const [first] = followed
    if (followed.length === 1) first?.reader.push(frame)
    else for (const reader of new Set(followed.map((one) => one.reader))) reader.push(frame)
  }

  /** Resolves when all readers have room; `undefined` if so now: for a publisher that waits for the slowest. */
  whenRoom(): Promise<undefined> | undefined {
    return this.#isFull && !this.#isClosed ? this.#roomWaiters.wait().then(() => undefined) : undefined
  }

  /** Nobody is waited for any more. */
  close(): void {
    this.#isClosed = true
    this.#roomWaiters.wake()
    for (const reader of [...this.#readers]) reader.end()
  }

  get #isFull(): boolean {
    for (const reader of this.#readers) if (reader.isFull) return true
    return false
  }
}
