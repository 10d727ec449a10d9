/** A peer as its users hold it: what it sends, asks and answers, and whom it sees. */
import type { Observable } from 'rxjs'
import type { Schema } from '../../src/avro/index.js'
import type { CallOptions } from '../../src/call/index.js'
import type { Resource } from '../../src/resource/index.js'
import type {
  Reasons,
  SendAllOptions,
  SendAllResult,
  SendAllSource,
  SenderStats,
  Stream,
} from '../../src/stream/index.js'
import type { Answerer, Answering } from './answers.js'
import type { AnswerOf, Ask, QueryInputOf } from './define-ask.js'
import type { PeerDelivery } from './mail-supply.js'
import type { MailboxStats } from './mailbox.js'
import type { BroadcastOptions, PeerSendOptions } from './options.js'
import type { AskStats } from './peer-asks.js'
import type { PeerRef } from './peer-claim.js'
import type { PresenceEvent } from './presence-event.js'

/** The counts of a {@link Peer}; the unit is messages, where nothing else is said. */
export interface PeerStats {
  /** What became of the messages that it has sent: `accepted = sent + dropped + pending`; `sent` were taken by receivers. */
  readonly outgoing: SenderStats
  /** What became of the messages that came to it: `received = delivered + dropped + pending`. */
  readonly incoming: MailboxStats
  /** What became of its asks. */
  readonly asks: AskStats
  /** Peers that it sees as present. */
  readonly peers: number
  /** Links of its node that have not ended, those that are cut included. */
  readonly sessions: number
  /** Frames that came on a connection without a session, and were dropped. */
  readonly strayFrames: number
  /** Frames of other processes that were rejected, by reason: `bad-frame`, `corrupt-frame`, `protocol-violation`. */
  readonly rejectedFrames: Reasons
  /** What other processes said of peers that was refused for what is wrong with it, by reason. */
  readonly rejectedClaims: Reasons
  /** Streams and asks of other processes that the node refused, or that failed in it. */
  readonly refusedStreams: number
  /** Items of such streams and asks that could not be read. */
  readonly invalidItems: number
}

/** A named peer. */
export interface Peer extends Resource<PeerStats> {
  /** The name. */
  readonly name: string
  /** Who this peer is, as others see it. */
  readonly self: PeerRef
  /** The other peers that are present now. */
  readonly peers: readonly PeerRef[]
  /**
   * The other peers as they come and go: those that are present first, then `complete`, then each change.
   *
   * That a peer has `left` comes behind its last message that is consumed here, and before its successor has `joined`.
   */
  readonly presence: Observable<PresenceEvent>
  /**
   * Sends a message to a peer.
   *
   * Resolves when the process of the receiver has taken it into the mailbox. That does not mean that it was handled. Messages
   * of one peer to another arrive in order, over all schemas and across reconnections, and none arrives twice.
   *
   * Backpressure: waits as long as the mailbox of the receiver is full, and for a receiver that is not present, at most `timeoutMs`.
   *
   * @param to - The name of the peer, 1 to 255 characters.
   * @param schema - The schema of the message.
   * @param value - The message: a value of the schema..
   * @param options - How long to wait, and what happens if the receiver is started again.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_CLOSED; RIVULET_UNKNOWN_PEER,
   * RIVULET_PEER_GONE, RIVULET_MAILBOX_FULL, RIVULET_MESSAGE_REFUSED, RIVULET_PERMISSION_DENIED, RIVULET_NAME_TAKEN;
   * RIVULET_TIMEOUT or RIVULET_ABORTED if it had not left, and RIVULET_UNKNOWN_OUTCOME if it had, or if the receiver was started
   * again. `executed` says whether it may have been taken.
   */
  send<In>(to: string, schema: Schema<In>, value: In, options?: PeerSendOptions): Promise<void>
  /**
   * Sends everything a source yields to a peer, in batches.
   *
   * Resolves when the source has ended and each message was taken or refused; `errors` reports why messages were dropped.
   *
   * Backpressure: takes from the source as fast as there is room for the receiver.
   *
   * Cancellation: `signal` ends the taking and the wait; what was taken is still sent.
   *
   * @param to - The name of the peer, 1 to 255 characters.
   * @param schema - The schema of the messages.
   * @param source - An iterable, an async iterable, a promise or an observable of messages.
   * @param options - How to stop it.
   * @error RIVULET_SOURCE_FAILED, RIVULET_ABORTED, RIVULET_CLOSED, RIVULET_NAME_TAKEN
   */
  sendAll<In>(
    to: string,
    schema: Schema<In>,
    source: SendAllSource<In>,
    options?: SendAllOptions,
  ): Promise<SendAllResult>
  /**
   * Sends a message to each other peer that is present now.
   *
   * Resolves with the number of those that have taken it, when each has or has not.
   *
   * @param schema - The schema of the message.
   * @param value - The message: a value of the schema; fields with a default may be left out.
   * @param options - How long to wait for each of them.
   * @error RIVULET_INVALID_OPTION, RIVULET_INVALID_MESSAGE, RIVULET_CLOSED, RIVULET_NAME_TAKEN
   */
  broadcast<In>(
    schema: Schema<In>,
    value: In,
    options?: BroadcastOptions,
  ): Promise<{
    /** Peers that have taken it. */
    readonly sent: number
  }>
  /**
   * Returns the messages of a schema that come to this peer, each with its sender.
   *
   * The same stream for each call with the schema. It is hot: messages are handed out while somebody consumes them, and wait in the
   * mailbox meanwhile. Of messages that nobody consumes, 1,024 are kept, and more are refused to their senders.
   *
   * @param schema - The schema that messages are read with; senders may have an older or newer one.
   * @throws RIVULET_INVALID_OPTION
   */
  deliveries<Out>(schema: Schema<unknown, Out>): Stream<PeerDelivery<Out>>
  /**
   * Returns the same messages without their senders; what one of both hands out, the other one does too.
   *
   * @param schema - The schema that messages are read with; senders may have an older or newer one.
   * @throws RIVULET_INVALID_OPTION
   */
  messages<Out>(schema: Schema<unknown, Out>): Stream<Out>
  /**
   * Asks a peer, and resolves with its answer.
   *
   * Goes to the peer that has the name now, and waits for one until the deadline; with `waitForReady: false` it fails
   * at once where there is none. When a link ends, an ask that had not left takes the next one; one that had left is
   * asked again if it is `idempotent`.
   *
   * Cancellation: `signal`, or the end of the `context` that it is made for, also ends the work of the answerer.
   *
   * @param to - The name of the peer, 1 to 255 characters.
   * @param ask - What {@link defineAsk} returned: the same ask as the peer has, or another version of it.
   * @param query - The query: a value of its schema.
   * @param options - The deadline, and how to cancel it.
   * @error A declared error of the ask; RIVULET_UNKNOWN_PEER, RIVULET_PEER_GONE, RIVULET_UNIMPLEMENTED,
   * RIVULET_PERMISSION_DENIED, RIVULET_DEADLINE_EXCEEDED, RIVULET_CANCELLED, RIVULET_UNKNOWN_OUTCOME,
   * RIVULET_SERVER_CLOSING, RIVULET_OVERLOADED, RIVULET_INTERNAL, RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE,
   * RIVULET_INCOMPATIBLE_SCHEMA, RIVULET_NAME_TAKEN, RIVULET_CLOSED;
   * `executed` says whether it may have been answered.
   * @throws RIVULET_INVALID_OPTION
   */
  ask<A extends Ask>(to: string, ask: A, query: QueryInputOf<A>, options?: CallOptions): Promise<AnswerOf<A>>
  /**
   * Answers an ask from now on, until what it returns is closed.
   *
   * The function gets the query and its context, whose `from` is the peer that asks; it returns the answer, a promise
   * or an observable of it, or throws an error that the ask declares. For any other error the asker gets
   * RIVULET_INTERNAL, and `errors` the details.
   *
   * @param ask - What {@link defineAsk} returned.
   * @param answerer - Gets each query with its context, and returns the answer.
   * @throws RIVULET_INVALID_OPTION, also for an ask that this peer answers already; RIVULET_CLOSED
   */
  answer<A extends Ask>(ask: A, answerer: Answerer<A>): Answering
}
