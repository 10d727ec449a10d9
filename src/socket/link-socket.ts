/**
 * The sockets under links: a sequence of numbered frames, each a message of one part.
 *
 * They never queue, wait or retry: the session above sends again what a cut lost, and its credit keeps frames in transit
 * below the mark. A frame that cannot be sent is dropped, and the peer is reported as gone. Frames of a connection that has
 * ended may still come after the next one is up: the numbers in the frames distinguish them, not this part.
 *
 * A router reads everything that a dealer sent before it left. A dealer does not: when its connection ends, its library
 * drops what is not read yet (libzmq 4.3.5 with `immediate`, without which a frame could come before HELLO). So who closes
 * a router must know from the session that all was read; no linger is enough.
 */
import type { RivuletError } from '../errors/index.js'
import type { NativeSettings } from './native.js'
import type { SocketEnvironment } from './socket-config.js'

/** The most frames in transit to one peer, those that it has not read included: credit must not allow more. */
export const maxFramesInFlight = 4096

/**
 * Frames that the library keeps for one peer on each side: a peer that reaches it ignores credit.
 *
 * Twice as many, since libzmq frees room in steps of half a mark: of a mark, only half is sure once frames have passed
 * (measured). It is not infinite, so that the library stops reading from such a peer.
 */
const highWaterMark = 2 * maxFramesInFlight

/** An opaque handle of one connection of a router; that of a dealer, which has one peer, is the empty text. */
export type PeerHandle = string

/** The one peer of a dealer. */
export const onlyPeer: PeerHandle = ''

/** What a link socket tells. None may throw; none is called from within its methods, before `start` or after `close`. */
export interface LinkHandler {
  /** A frame has arrived. */
  onFrame(peer: PeerHandle, frame: Buffer): void
  /** A message has arrived that is no frame, since it has several parts; it is dropped. */
  onBad(peer: PeerHandle, error: RivuletError): void
  /**
   * A peer has gone, or must be taken for gone: nothing comes from this handle any more, and nothing goes there.
   *
   * Router: called once for each peer that has sent anything. Dealer: called once after each `onUp`; frames in
   * transit may still arrive. `error` tells why, unless it left or its connection was cut.
   */
  onGone(peer: PeerHandle, error: RivuletError | undefined): void
  /** Dealer: a connection is agreed, and the next frame that is sent is its first. */
  onUp(peer: PeerHandle): void
}

/** What a router or a dealer is made of. */
export interface LinkConfig extends SocketEnvironment {
  /** Larger frames cut their connection, in bytes. */
  readonly maxFrameBytes: number
}

/** A socket under links. */
export interface LinkSocket {
  /** Begins to read and to tell; once, and for as long as the socket is open, since credit bounds what comes. */
  start(): void
  /** Reads no further frames, or continues; to be called from `onFrame`, where no read is pending, or while held. */
  hold(on: boolean): void
  /**
   * Sends a frame, now or never; never throws, and never waits.
   *
   * The bytes belong to the library from then on and must not be changed.
   */
  send(peer: PeerHandle, frame: Buffer): void
}

/** What every socket under links is set to. */
export function linkSettings(config: LinkConfig): Omit<NativeSettings, 'kind' | 'ipv6' | 'isBound'> {
  return {
    sendHighWaterMark: highWaterMark,
    receiveHighWaterMark: highWaterMark,
    maxFrameBytes: config.maxFrameBytes,
    socketBufferBytes: undefined,
  }
}
