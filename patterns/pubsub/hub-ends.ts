/** What the machines of a hub need of its sockets: the interfaces alone. */
import type { Observable } from 'rxjs'
import type { RivuletError } from '../../src/errors/index.js'
import type { LinkChange } from '../../src/resource/index.js'
import type { SecurityGuard } from '../../src/security/index.js'
import type { ConnectEndpoint, Outbox, SocketSetOptions, SocketSettings } from '../../src/socket/index.js'
import type { TopicRequest } from '../../src/wire/index.js'

/** Where one socket is bound, or connects. */
export type UpstreamEndpoints = Pick<SocketSetOptions, 'bind' | 'connect'>

/** One socket to publishers. */
export interface PublishersSocket {
  /** Where it connects at first, for messages. */
  readonly address: string
  readonly endpoints: readonly string[]
  readonly connect: readonly ConnectEndpoint[]
  readonly links: {
    readonly connected: number
    /** Of these, the ones that peers have made. */
    readonly accepted: number
    readonly changes: Observable<Pick<LinkChange, 'state'>>
  }
  set reading(on: boolean)
  open(): Promise<void>
  /** Sends a subscription or a request to all publishers. */
  send(frame: Buffer): void
  /** Something malformed has come. */
  malformed(): void
  /** So many frames have come, one of them of a topic, that cannot be taken over a socket. */
  plain(count: number, topic: Buffer | undefined): void
  /** Resolves when nothing more arrives of peers that have left. */
  whenQuiet(): Promise<unknown>
  /** Nothing is to come any more: peers that were held are not. */
  release(): void
  /** Ends it for good. */
  close(): void
}

/** What a socket to publishers needs. */
export interface PublishersSocketPorts {
  onFrame(parts: readonly Buffer[]): void
}

/** The socket to which subscribers are linked. */
export interface SubscribersSocket {
  readonly outbox: Outbox
  readonly endpoints: readonly string[]
  readonly connect: readonly ConnectEndpoint[]
  readonly guard: SecurityGuard | undefined
  /** Whether it was closed for good. */
  readonly isShut: boolean
  set reading(on: boolean)
  open(): Promise<void>
  /** Counts and reports a request that is malformed. */
  reject(error: RivuletError): void
  /** Ends the connections that it makes; returns where they led. */
  disconnect(): string
  /** Nothing is to come any more: peers that were held are not. */
  release(): void
}

/** What the socket to subscribers needs. */
export interface SubscribersSocketPorts {
  /** What frames wait for, so that links lose none of them. */
  readonly whenRoom: SocketSettings['whenRoom']
  /** Somebody subscribes to a prefix, or cancels it; inboxes are among them. */
  subscription(subscribed: boolean, prefix: Buffer): void
  /** All subscribers were disconnected. */
  reset(): void
  request(request: TopicRequest): void
  /** No subscriber is linked any more. */
  alone(): void
  /** The transport has lost messages. */
  lost(messages: number): void
}
