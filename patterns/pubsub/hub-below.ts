/**
 * The subscribers' side of a hub: what subscribers send up over its socket, and the links over which they follow topics and ask
 * for history.
 *
 * The socket is made by its hub. It decides nothing about frames and answers. With a policy, frames leave over links alone; the socket is left for requests, which
 * are answered with where the links are.
 */
import type { Subject } from 'rxjs'
import type { RivuletError } from '../../src/errors/index.js'
import type { Runtime } from '../../src/runtime/index.js'
import type { SecurityEvent } from '../../src/security/index.js'
import type { Outbox } from '../../src/socket/index.js'
import { frameKind, TopicAnswer, type TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import type { FedFrame, FeedReader } from './feed-reader.js'
import { type HistoryOwner, HistoryServer } from './history-server.js'
import type { SubscribersSocket, SubscribersSocketPorts } from './hub-ends.js'
import { HubHistory, type HubHistoryPorts } from './hub-history.js'
import { HubInterest } from './hub-interest.js'
import type { ResolvedHubHistory, ResolvedSubscribersSide } from './hub-options.js'
import { type HubAnswer, writeHubAnswer } from './hub-wire.js'
import { PublisherFeed } from './publisher-feed.js'
import { inboxMark, noInbox } from './topic-name.js'
import { linksExtension } from './topics-wire.js'

/** What it needs of its hub. */
export interface HubBelowPorts extends HubHistoryPorts {
  readonly runtime: Runtime
  /** The id of the hub. */
  readonly hub: Buffer
  /** Makes the socket to which subscribers are linked. */
  socket(ports: SubscribersSocketPorts): SubscribersSocket
  random(bytes: number): Buffer
  readonly options: ResolvedSubscribersSide
  /** What is kept; `undefined` if nothing is. */
  readonly history: ResolvedHubHistory | undefined
  report(error: RivuletError): void
  /** Somebody subscribes to a prefix, or cancels it. */
  subscription(subscribed: boolean, prefix: Buffer): void
  /** All subscribers of the socket were disconnected. */
  reset(): void
  /** Somebody asks, by whatever way; false if the request goes no further. */
  asked(request: TopicRequest): boolean
  /** A request is to be answered, to this inbox. */
  requested(inbox: Buffer, nonce: Buffer): void
  /** Nobody has the inbox any more. */
  left(inbox: Buffer): void
  /** The transport has lost messages. */
  lost(messages: number): void
}

/** What answers may add to a full outbox, in bytes; who gets none asks again. */
const maxAnswerBytes = 262_144

/** The schema of the messages of a frame. */
type FrameSchema = Pick<FedFrame, 'schemaId' | 'schemaText'>

/** Who asks over a link, and under which inbox. */
interface Asker {
  readonly reader: FeedReader
  inbox: Buffer
}

/** The subscribers' side. */
export class HubBelow {
  readonly socket: SubscribersSocket
  readonly feed: PublisherFeed
  readonly history: HubHistory | undefined
  readonly #ports: HubBelowPorts
  readonly #server: HistoryServer
  readonly #inboxes = new HubInterest()
  /** By a key of its own for each, which stands for its inbox: nobody can ask under that of another. */
  readonly #askers = new Map<string, Asker>()
  readonly #keys = new WeakMap<FeedReader, Buffer>()

  constructor(ports: HubBelowPorts) {
    this.#ports = ports
    const { runtime, options, report } = ports
    this.feed = new PublisherFeed({
      runtime,
      options,
      source: () => ports.hub,
      policy: () => this.#server.policy,
      guard: () => this.socket.guard,
      addresses: () => this.#server.addresses,
      subscription: (subscribed, prefix) => ports.subscription(subscribed, prefix),
      reset: () => ports.reset(),
      request: (request, reader) => this.#onLinkRequest(request, reader),
      left: (reader) => this.#onLeft(reader),
      report,
    })
    this.socket = ports.socket({
      whenRoom: this.feed.whenRoom,
      subscription: (subscribed, prefix) => this.#onSubscription(subscribed, prefix),
      reset: () => {
        this.#inboxes.clear()
        this.feed.reset()
      },
      request: (request) => this.#onRequest(request),
      alone: () => this.#server.noSubscriber(),
      lost: (messages) => ports.lost(messages),
    })
    const owner: HistoryOwner = {
      runtime,
      socket: options,
      endpoints: () => this.socket.endpoints,
      connect: () => this.socket.connect,
      adopt() {},
      release() {},
      report,
      feed: this.feed.feed,
      accesses: this.feed.accesses,
    }
    this.history = ports.history && new HubHistory(ports.history, owner, ports)
    this.#server =
      this.history?.server ??
      new HistoryServer(owner, { sources: () => [], log: () => undefined, missed() {} }, ports.openLinks)
  }

  /** Where frames with messages wait. */
  get outbox(): Outbox {
    return this.feed.outbox ?? this.socket.outbox
  }

  /** What the security of the links observes. */
  get securityEvents(): Subject<SecurityEvent> {
    return this.#server.securityEvents
  }

  /** Opens the socket, and the links if anything is served over them from the start. */
  async open(): Promise<void> {
    await this.socket.open()
    if (this.#ports.history) await this.#server.openLinks(this.#ports.history.bind)
    else if (this.feed.isExclusive) await this.#server.openLinks([])
  }

  /** Sends a frame to those who have subscribed to its topic; `schema` is that of its messages, where it is known. */
  forward(part: Buffer, bytes: Buffer, messages: number, schema?: FrameSchema): void {
    const leaves = this.feed.feed.isEmpty ? undefined : this.#leaving(part, bytes, messages, schema ?? noSchema)
    this.outbox.add({ parts: [part, bytes], messages, bytes: part.length + bytes.length, leaves })
  }

  /** Sends an answer behind the frames before it. */
  answer(answer: HubAnswer): void {
    const { outbox } = this
    if (outbox.bytes >= outbox.limitBytes + maxAnswerBytes) return
    const asker = this.#askers.get(answer.inbox.toString('latin1'))
    const isOverLink = answer.inbox.length === keyBytes
    // one who may have nothing learns of no publisher
    if (isOverLink && (asker === undefined || (answer.role !== 'ready' && !asker.reader.isAdmitted))) return
    const inbox = asker?.inbox ?? answer.inbox
    const extensions = this.history?.server.extension ?? (answer.links && { [linksExtension]: answer.links })
    const time = new Date(this.#ports.runtime.clock.wallNow())
    const bytes = writeHubAnswer(this.#ports.hub, { ...answer, inbox }, time, extensions)
    const size = inbox.length + bytes.length
    if (asker === undefined) outbox.add({ parts: [inbox, bytes], messages: 0, bytes: size })
    else outbox.add({ parts: [], messages: 0, bytes: size, leaves: () => asker.reader.answer(bytes) })
  }

  /** Serves nothing more than what is read within this time. */
  async stop(timeoutMs: number): Promise<void> {
    await (this.history ?? this.#server).close(timeoutMs)
  }

  /** Returns how many messages have not left over links. */
  close(): number {
    this.socket.release()
    return this.feed.close()
  }

  #leaving(part: Buffer, bytes: Buffer, messages: number, schema: FrameSchema): () => void {
    const frame = { topic: part.toString('utf8', 0, part.length - 1), bytes, messages, ...schema }
    return () => this.feed.feed.publish(part, frame)
  }

  #onSubscription(subscribed: boolean, prefix: Buffer): void {
    const { feed } = this
    if (prefix[0] === inboxMark && this.#inboxes.change(subscribed, prefix) === 'unwanted') this.#ports.left(prefix)
    if (feed.isExclusive) feed.plain(subscribed, prefix)
    else if (prefix[0] !== inboxMark) this.#ports.subscription(subscribed, prefix)
  }

  #onRequest(request: TopicRequest): void {
    if (!this.#ports.asked(request)) return
    const { inbox, nonce, extensions } = request
    this.#server.requested(extensions)
    if (!this.#inboxes.has(inbox)) return
    const elsewhere = this.feed.extension(extensions)
    if (elsewhere === undefined) {
      this.#ports.requested(inbox, nonce)
      return
    }
    const time = new Date(this.#ports.runtime.clock.wallNow())
    const answer = { nonce, source: this.#ports.hub, position: 0, time, extensions: elsewhere }
    const bytes = writeRecordFrame(TopicAnswer, answer, frameKind.answer, inbox)
    const { outbox } = this.socket
    if (outbox.bytes >= outbox.limitBytes + maxAnswerBytes) return
    outbox.add({ parts: [inbox, bytes], messages: 0, bytes: inbox.length + bytes.length })
  }

  #onLinkRequest(request: TopicRequest, reader: FeedReader): void {
    if (!this.#ports.asked(request)) return
    const { inbox, nonce } = request
    if (inbox.equals(noInbox)) return
    let key = this.#keys.get(reader)
    if (key === undefined) {
      key = Buffer.concat([Buffer.of(inboxMark), this.#ports.random(keyBytes - 1)])
      this.#keys.set(reader, key)
    }
    this.#askers.set(key.toString('latin1'), { reader, inbox })
    this.#ports.requested(key, nonce)
  }

  #onLeft(reader: FeedReader): void {
    const key = this.#keys.get(reader)
    if (key === undefined) return
    this.#askers.delete(key.toString('latin1'))
    this.#ports.left(key)
  }
}

/** Longer than any inbox of a socket. */
const keyBytes = 72

const noSchema: FrameSchema = { schemaId: Buffer.alloc(16), schemaText: undefined }
