/**
 * One socket of a hub to the publishers above it: it subscribes, asks and takes answers as a subscriber does.
 *
 * A hub has one for what it binds, and one for each endpoint that it connects to, so that each can be ended alone.
 */
import type { Clock } from '../../src/clock/index.js'
import { RivuletError } from '../../src/errors/index.js'
import { frameKind, readRecordFrame, TopicAnswer, TopicRequest, writeRecordFrame } from '../../src/wire/index.js'
import type { SourceCheck } from './followed-topics.js'
import type { SourceAnswer } from './hub-answers.js'
import type { PublishersSocket, PublishersSocketPorts, UpstreamEndpoints } from './hub-ends.js'
import { answerKind, HubPath, type HubStep, hubsExtension } from './hub-wire.js'
import { readFollow } from './link-addresses.js'
import { PlainPublishers } from './plain-publishers.js'
import { type AnswerKind, Readiness } from './readiness.js'
import { inboxMark } from './topic-name.js'
import { linksExtension } from './topics-wire.js'

/** Those that serve over links alone that are remembered of one socket. */
const maxFound = 1024

/** What it needs of its hub. */
export interface HubUpstreamPorts {
  readonly clock: Clock
  readonly hub: Buffer
  /** The inbox of the hub. */
  readonly inbox: Buffer
  /** Makes a socket to publishers. */
  socket(where: UpstreamEndpoints, ports: PublishersSocketPorts): PublishersSocket
  /** Whether messages come over links alone, so that nothing is subscribed here. */
  readonly isExclusive: boolean
  /** Takes a frame of a publisher, if the one that brings it may use its source. */
  data(topic: Buffer, frame: Buffer, check?: SourceCheck): void
  /** A frame was not taken, since its publisher may not publish it. */
  denied(): void
  rejected(error: RivuletError): void
  /** A source serves what was asked for up to a number, from a position on. */
  served(upstream: HubUpstream, source: string, position: number, upTo: number, kind: AnswerKind, links?: Buffer): void
  /** A hub above has no answer of a source any more. */
  left(source: string): void
  /** A source serves over links alone, at these addresses. */
  discovered(source: string, addresses: readonly string[]): void
  /** Sends a request of a socket over links, to those that serve in this way and were found over it. */
  request(upstream: HubUpstream, frame: Buffer): void
  /** What requests say of the links of the hub. */
  extension(): Readonly<Record<string, Buffer>>
  /** A link was made, or has ended. */
  linked(): void
  unlinked(): void
}

/** One socket to publishers. */
export class HubUpstream {
  /** Its number in the paths of requests: 0 if it is bound. */
  readonly link: number
  readonly socket: PublishersSocket
  readonly readiness: Readiness
  /** What each source has answered. */
  readonly answered = new Map<string, SourceAnswer>()
  /** Who serves over links alone and was found over it: those that were found last. */
  readonly found = new Set<string>()
  readonly #ports: HubUpstreamPorts
  /** What the answer that is taken tells. */
  #kind: AnswerKind = 'publisher'
  #links: Buffer | undefined
  #isReading = false
  /** Publishers that cannot be followed, where messages come over links alone. */
  readonly #plain: PlainPublishers | undefined
  #isCut = false

  constructor(link: number, where: UpstreamEndpoints, ports: HubUpstreamPorts) {
    this.link = link
    this.#ports = ports
    const { clock } = ports
    this.socket = ports.socket(where, { onFrame: (parts) => this.#onFrame(parts) })
    if (ports.isExclusive) {
      this.#plain = new PlainPublishers({
        clock,
        accepted: () => this.socket.links.accepted,
        isReading: () => this.#isReading,
        denied: (count, topic) => this.#onPlain(count, topic),
      })
    }
    this.readiness = new Readiness({
      clock,
      request: (nonce) => this.request(nonce, ports.inbox, []),
      served: (source, position, upTo) => ports.served(this, source, position, upTo, this.#kind, this.#links),
      connected: () => this.socket.links.connected,
    })
  }

  /** Whether it was ended, and no more than that. */
  get isCut(): boolean {
    return this.#isCut
  }

  /** Whether publishers must answer over it before all have. */
  get isAwaited(): boolean {
    return !this.#isCut && this.#expected() > 0
  }

  /** Whether it has a live link. */
  get isLinked(): boolean {
    return !this.#isCut && this.socket.links.connected > 0
  }

  set reading(on: boolean) {
    this.#isReading = on
    if (!this.#isCut) this.socket.reading = on
  }

  /** Opens it, with these prefixes subscribed. */
  async open(): Promise<void> {
    await this.socket.open()
    this.subscribe(true, this.#ports.inbox)
    this.socket.links.changes.subscribe(({ state }) => {
      this.#plain?.changed(state === 'disconnected')
      // which of the sources was behind the link is not known
      if (state === 'disconnected') {
        this.answered.clear()
        this.readiness.unlinked()
        this.#ports.unlinked()
      }
      if (state !== 'connected') return
      this.readiness.linked()
      this.#ports.linked()
    })
    this.readiness.ask()
  }

  subscribe(subscribed: boolean, prefix: Buffer): void {
    this.#send(Buffer.concat([Buffer.of(subscribed ? 1 : 0), prefix]))
  }

  /** Sends a request that has passed these hubs, and this one. */
  request(nonce: Buffer, inbox: Buffer, path: readonly HubStep[]): void {
    const hubs = HubPath.encode({ hubs: [...path, { hub: this.#ports.hub, link: this.link }] })
    // those that only pass have less room
    const own = path.length === 0 ? this.#ports.extension() : {}
    const request = { kind: 'ready', inbox, nonce, extensions: { ...own, [hubsExtension]: hubs } } as const
    const frame = writeRecordFrame(TopicRequest, request, frameKind.request, undefined)
    this.#send(frame)
    if (!this.#isCut) this.#ports.request(this, frame)
  }

  /** Takes an answer that came over a link; returns whether it is one to a request of this socket. */
  linkAnswered(frame: Buffer, check?: SourceCheck): boolean {
    return this.#onAnswer(frame, true, check)
  }

  /** Whether all publishers over this socket have answered, and one at least, when so many links have. */
  hasAnswered(links: number): boolean {
    // an answer may arrive before the event of its link, and before those of others
    return links >= Math.max(1, this.#expected()) && links <= this.socket.links.connected
  }

  /** Ends it for good. */
  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    this.close()
    this.answered.clear()
    this.socket.close()
  }

  close(): void {
    this.readiness.close()
    this.#plain?.close()
    this.socket.release()
  }

  #expected(): number {
    return this.socket.connect.length + this.socket.links.accepted
  }

  #send(frame: Buffer): void {
    if (!this.#isCut) this.socket.send(frame)
  }

  #onFrame(parts: readonly Buffer[]): void {
    const [topic, frame] = parts
    if (topic === undefined || frame === undefined || parts.length !== 2) {
      this.#reject(new RivuletError('RIVULET_BAD_FRAME', `a message of ${parts.length} parts; topics have two`))
    } else if (topic[0] !== inboxMark) {
      if (this.#plain) this.#plain.frame(topic)
      else this.#ports.data(topic, frame)
    } else if (topic.equals(this.#ports.inbox)) {
      this.#onAnswer(frame)
    }
  }

  #onAnswer(frame: Buffer, isOverLink = false, check?: SourceCheck): boolean {
    try {
      const answer = readRecordFrame(TopicAnswer, frame, frameKind.answer, this.#ports.inbox)
      const { nonce, position, extensions } = answer
      const source = answer.source.toString('hex')
      if (check?.(source) === false) return true
      const addresses = isOverLink ? undefined : readFollow(extensions)
      // one that does not follow what the request asks cannot be served
      if (addresses === undefined && !isOverLink && this.#plain) return true
      if (addresses !== undefined) {
        this.found.delete(source)
        if (this.found.size >= maxFound) this.found.delete(this.found.values().next().value as string)
        this.found.add(source)
        this.#ports.discovered(source, addresses)
        const connections = this.readiness.discovered(nonce, source)
        if (connections > 0) this.#plain?.answered(source, connections)
        return true
      }
      this.#kind = answerKind(answer)
      if (this.#kind === 'left') {
        this.#ports.left(source)
        return true
      }
      this.#links = extensions[linksExtension]
      return this.readiness.answered(nonce, source, position, this.#kind, isOverLink)
    } catch (error) {
      this.#reject(error as RivuletError)
      return true
    }
  }

  #onPlain(count: number, topic: Buffer | undefined): void {
    this.socket.plain(count, topic)
    if (topic === undefined) return
    this.socket.malformed()
    this.#ports.denied()
  }

  #reject(error: RivuletError): void {
    this.socket.malformed()
    this.#ports.rejected(error)
  }
}
