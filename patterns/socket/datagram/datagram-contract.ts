/** What users hold of a socket of datagrams. */
import type { Resource } from '../../../src/resource/index.js'
import type { ReceiverStats, SenderStats, Sink, Stream } from '../../../src/stream/index.js'
import type { DatagramDelivery } from './delivery.js'
import type { SourceSums } from './source-table.js'

/** The counts of a {@link Datagram}. */
export interface DatagramStats extends SourceSums {
  /** What became of the messages of this side; `sent` were taken by the system. */
  readonly outgoing: SenderStats
  /** What became of the messages that arrived, each time that they did; what is dropped also as `duplicate`, `replayed`, `overflow`. */
  readonly incoming: ReceiverStats
  /** Schemas that were not learned, since too many were announced in a short time. */
  readonly refusedSchemas: number
  /** The buffer of the system for incoming datagrams, in bytes, as the system tells it: Linux doubles what it gives. */
  readonly receiveBufferBytes: number
  /** The buffer of the system for outgoing datagrams, in bytes. */
  readonly sendBufferBytes: number
}

/** A socket of datagrams: sends messages to any address, and receives them from any. */
export interface Datagram<In, Out = In> extends Resource<DatagramStats>, Sink<In> {
  /**
   * The messages that arrive. Hot; completes when the socket is closed.
   *
   * Backpressure: none towards senders. What waits is bounded by `inboxBytes`; further datagrams are dropped and counted.
   */
  readonly messages: Stream<Out>
  /** The same, with where each message comes from, its number, and how many are missing before it. */
  readonly deliveries: Stream<DatagramDelivery<Out>>
  /**
   * Sends a message to an address.
   *
   * Resolves when the message is in the bounded outbox. That does not mean that it was sent or received; nothing is sent again.
   *
   * Backpressure: waits for room, if the overflow policy is `block`.
   *
   * @param address - `udp://host:port`, such as `from` of a delivery. A name is resolved once, and again after a failure.
   * @param value - The message: a value of the schema, or bytes with `raw: true`..
   * @error RIVULET_INVALID_ENDPOINT, RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL (policy `error`),
   * RIVULET_CLOSED
   */
  sendTo(address: string, value: In): Promise<void>
  /**
   * Sends a message to `to`, or to the group of `multicast`; otherwise like `sendTo`.
   *
   * @param value - The message: a value of the schema, or bytes with `raw: true`..
   * @error RIVULET_INVALID_OPTION where there is neither; RIVULET_INVALID_MESSAGE, RIVULET_MESSAGE_TOO_LARGE, RIVULET_OUTBOX_FULL
   * (policy `error`), RIVULET_CLOSED
   */
  send(value: In): Promise<void>
}
