/**
 * The contract between a session and the pattern on top of it: streams of items, in order, each exactly once.
 *
 * It hides connections: a cut and its resume show as nothing but time. Only the end of the session loses anything, and
 * then all that is open.
 */
import type { RivuletError } from '../errors/index.js'
import type { ItemBody } from './item.js'

/** How a session is doing. */
export type SessionStatus =
  /** The handshake of the first connection has not completed. */
  | 'opening'
  | 'live'
  /** The connection was lost; it is resumed, or ended when that takes too long. */
  | 'cut'
  | 'ended'

/** What a pattern does with a session. */
export interface SessionStreams {
  readonly status: SessionStatus
  /** The sign of the streams that this side opens: positive for the one that dialed. Those of the peer have the other. */
  readonly sign: 1 | -1
  /** Whether the peer has been silent for so long that others should be preferred. */
  readonly suspected: boolean
  /** When the last frame of the peer came, on this side's clock, in milliseconds. */
  readonly receivedAt: number
  /**
   * When the session began to hand over items in this turn, on this side's clock, in milliseconds: without a look at the clock
   * for each item, and earlier than now by what was done with the items before.
   */
  readonly takenAt: number
  /** Whether no new streams are to be opened: the peer said so, since it closes, or this side retires the link. */
  readonly draining: boolean
  /** Whether this side retires the link: it is closed when nothing uses it any more. */
  readonly retired: boolean
  /** Whether everything that was sent has arrived, or never will since the session has ended. */
  readonly settled: boolean
  /** Whether an item leaves at once, as far as the link is concerned; its stream may still wait for credit. */
  readonly hasRoom: boolean

  /** Takes the number of a new stream; there is one for as long as the session lives. */
  openStream(): number

  /**
   * Sends an item: at the end of this turn, or when there is a connection and credit for it.
   *
   * The item with `itemFlag.last` must be the last of this side. Stream 0 takes items of at most 64 KiB.
   *
   * @throws RIVULET_MESSAGE_TOO_LARGE; RIVULET_OUTBOX_FULL, and then `onWritable` tells when there is room; RIVULET_CLOSED if the session has ended; what `writeBody` threw.
   * Nothing was sent then.
   */
  send(stream: number, kind: number, flags: number, body: ItemBody): void

  /** Whether what is sent on the stream leaves at once; if not, `onWritable` tells when it does again. */
  isWritable(stream: number): boolean

  /** Returns credit to the peer: so many bytes of bodies were consumed; not needed for stream 0, nor for an item with `itemFlag.last`. */
  consumed(stream: number, bytes: number): void

  /** Whether no item of the stream has left, urgent ones aside: then the peer does not know the stream. */
  isUnsent(stream: number): boolean

  /**
   * Forgets a stream: what waits to be sent on it is dropped, unless it is a short answer that is all there is on it.
   *
   * Each stream must be forgotten at each side, unless both have sent their last item. Items in transit still arrive,
   * and is to be forgotten again.
   */
  forget(stream: number): void

  /** A time of this side's clock as it is sent to the peer. */
  toSessionTime(time: number): number
  /** A time that the peer told with the item that is being handled, on this side's clock. */
  fromSessionTime(time: number): number
}

/** Notifications of a session to its pattern. None may throw. */
export interface StreamsHandler {
  /** An item, whole; its body is `bytes` from `start` to `end`, which are only lent. */
  onItem(stream: number, kind: number, flags: number, bytes: Buffer, view: DataView, start: number, end: number): void
  /** What is sent on the stream leaves at once again. */
  onWritable(stream: number): void
  /** The status, `suspected` or `draining` has changed; `reason` tells why a session was cut or ended. */
  onStatus(reason: RivuletError | undefined): void
  /** The peer has no use for a stream of this side: nothing comes on it, and what is sent on it is dropped. */
  onRefused?(stream: number): void
}
