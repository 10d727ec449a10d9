/**
 * What the sender of a producer and the receiver of a consumer need of their resource, which has the sockets.
 */
import type { Clock } from '../../../src/clock/index.js'
import type { Conversation, ConversationStream } from '../../../src/conversation/index.js'
import type { RivuletError } from '../../../src/errors/index.js'

/** What a sender and a receiver need of their resource. */
export interface DurableClientPorts<Request, Answer> {
  readonly clock: Clock
  /** Tells this client from all others of its queue. */
  readonly identity: string
  /** Names the resource, for messages. */
  name(): string
  isOpen(): boolean
  /** Calls back when closing begins; returns how to take that back. */
  onClosing(callback: () => void): () => void
  report(error: RivuletError): void
  /** Whether there is a host to speak with, also while the resource closes. */
  hasHost(): boolean
  /** Why there is none, if one has refused this side; to be appended to a message. */
  unreachable(): string
  /** Waits for a promise, until a time on the clock at most. */
  waitUntil(deadline: number, promise: Promise<unknown>): Promise<unknown>
  /** Makes the stream to the host, which is not begun yet. */
  streamFor(user: Conversation<Request, Answer>): ConversationStream
}
