/** What users hold of one connection of byte streams. */
import type { RivuletError } from '../../../src/errors/index.js'
import type { StreamIdentity } from '../../../src/net/index.js'
import type { Resource } from '../../../src/resource/index.js'
import type {
  ReceiverStats,
  SendAllOptions,
  SendAllResult,
  SendAllSource,
  SenderStats,
  Sink,
  Stream,
} from '../../../src/stream/index.js'

/** The counts of a {@link StreamConnection}. */
export interface StreamConnectionStats {
  /** What became of the messages of this side; `sent` were taken by the system. */
  readonly outgoing: SenderStats
  /** What became of the messages of the peer. */
  readonly incoming: ReceiverStats
  /** Bytes that the system has taken, frames and all. */
  readonly sentBytes: number
  /** Bytes that have arrived. */
  readonly receivedBytes: number
}

/**
 * One connection, with a stream of messages in each direction; it ends once, and never connects again.
 *
 * Lifetime: it closes automatically when both sides have closed their halves and what has arrived is consumed, or when it is cut.
 */
export interface StreamConnection<In, Out = In> extends Resource<StreamConnectionStats>, Sink<In> {
  /**
   * The messages of the peer. Hot; completes when the peer has closed its half and all of them are consumed, or when the connection is
   * cut: `whenEnded` distinguishes the two.
   *
   * Backpressure: the connection is read one chunk of at most 64 KiB ahead of what `process`, `for await` and subscribers take; the
   * peer's window is closed meanwhile.
   */
  readonly messages: Stream<Out>
  /** The endpoint of the peer; the empty text for a client of a Unix-domain socket. */
  readonly remote: string
  /** The endpoint of this side; the empty text of a client of a Unix-domain socket. */
  readonly local: string
  /** What the peer has proven with its certificate; `undefined` without one. */
  readonly identity: StreamIdentity | undefined
  /**
   * Resolves when no more bytes pass in either direction: with `undefined` if both sides have closed their halves, or else with the
   * reason. Never rejects.
   */
  readonly whenEnded: Promise<RivuletError | undefined>
  /**
   * Sends a message without waiting; never throws.
   *
   * Backpressure: none. A message that the framing refuses, that finds the outbox full, or that comes after `complete` is counted in
   * `stats().outgoing.refused` and reported on `errors`.
   *
   * @param value - The message, as the framing or the schema has it.
   */
  next(value: In): void
  /**
   * Sends a message.
   *
   * Resolves when the message is in the bounded outbox. That does not mean that it was sent, received or processed.
   *
   * Backpressure: waits for room, if the overflow policy is `block`. There is room as fast as the peer reads.
   *
   * @param value - The message, as the framing or the schema has it.
   * @error RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL (policy `error`), RIVULET_CLOSED
   */
  send(value: In): Promise<void>
  /**
   * Sends everything a source yields; as of any {@link Sink}. It does not close the half of this side: `complete` does.
   *
   * @param source - An iterable, an async iterable, a promise or an observable of messages.
   * @param options - How to stop it.
   * @error RIVULET_SOURCE_FAILED, RIVULET_ABORTED, RIVULET_CLOSED
   */
  sendAll(source: SendAllSource<In>, options?: SendAllOptions): Promise<SendAllResult>
  /**
   * Closes the half of this side, behind everything that was sent, each `send` that waits included; the peer can still send.
   *
   * So `source$.subscribe(connection)` ends the stream where the source ends.
   */
  complete(): void
  /**
   * Destroys the connection at once; what was not sent is dropped. A peer over TCP sees a reset and no end of the stream.
   *
   * @param cause - Why, for `errors` and `whenEnded`: RIVULET_SOURCE_FAILED.
   */
  error(cause: unknown): void
}
