/**
 * One link over which publishers may be asked: whose history is served there, and the calls.
 */
import { serviceOf } from '../../src/avro/service-codec.js'
import {
  CallClient,
  type CallClientPorts,
  type CallStream,
  type ClientMethod,
  defaultStreamOptions,
} from '../../src/call/index.js'
import type { PeerInfo, SessionStreams } from '../../src/session/index.js'
import type { PublisherAccess } from './publisher-access.js'
import { type SourcesChange, TopicsService } from './topics-wire.js'

/** Publishers that one link may serve. */
const maxSources = 16_384

/** A session with a peer that may serve history. */
export class HistorySession {
  readonly streams: SessionStreams
  readonly user: ReturnType<CallClient['accept']>
  readonly calls: CallClient
  readonly replay: ClientMethod
  readonly heads: ClientMethod
  readonly follow: ClientMethod
  readonly peer: PeerInfo
  /** The address that this side has dialed; `undefined` if the peer has dialed this side. */
  readonly dialed: string | undefined
  /** What the peer may publish, where a policy says it; without one, everything. */
  readonly access: PublisherAccess | undefined
  /** Whether a call over it was given up that brought nothing, and nothing has come since. */
  isSilent = false
  readonly #missed: ClientMethod
  readonly #sources = new Set<string>()
  readonly #detach: () => void

  /** @param changed - It serves others than before. */
  constructor(
    streams: SessionStreams,
    peer: PeerInfo,
    access: PublisherAccess | undefined,
    ports: CallClientPorts,
    changed: () => void,
  ) {
    this.streams = streams
    this.peer = peer
    this.dialed = peer.dialed
    this.access = access
    this.calls = new CallClient(ports)
    this.user = this.calls.accept(streams)
    const { methods } = this.calls.bind(serviceOf(TopicsService))
    this.replay = methods.get('replay') as ClientMethod
    this.heads = methods.get('heads') as ClientMethod
    this.follow = methods.get('follow') as ClientMethod
    this.#missed = methods.get('missed') as ClientMethod
    const call = this.calls.stream(methods.get('sources') as ClientMethod, {}, defaultStreamOptions)
    const stream = call.responses as CallStream<SourcesChange>
    this.#detach = stream.attach({
      demand: Number.POSITIVE_INFINITY,
      next: ({ present = [], gone = [] }) => {
        for (const { source } of present) {
          if (this.#sources.size < maxSources) this.#sources.add(Buffer.from(source).toString('hex'))
        }
        for (const source of gone) this.#sources.delete(Buffer.from(source).toString('hex'))
        changed()
      },
      complete: () => {},
    })
    stream.resume()
  }

  /** Whether it is connected, and serves the history of a publisher. */
  serves(source: string): boolean {
    const { status, draining } = this.streams
    return status === 'live' && !draining && this.#sources.has(source) && this.access?.owns(source) !== false
  }

  /** Whether it is to be asked rather than another: one that answers, and of two, the one with fewer calls. */
  isBetterThan(other: HistorySession): boolean {
    if (this.isSilent !== other.isSilent) return other.isSilent
    return this.calls.unfinished < other.calls.unfinished
  }

  /** One side ends the link: it is not to be kept by the list of sources. */
  leave(): void {
    this.#detach()
  }

  /** It has no history of a publisher. */
  refuses(source: string): void {
    this.#sources.delete(source)
  }

  /** Reports messages of a publisher that were missed. */
  missed(source: string, messages: number): void {
    const ignore = () => {}
    this.calls.start(
      this.#missed,
      { source: Buffer.from(source, 'hex'), messages },
      defaultStreamOptions,
      ignore,
      ignore,
    )
  }
}
