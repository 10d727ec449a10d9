/** How an XSUB socket to publishers is made, of a subscriber and of a hub. */
import { maxTransportFrameBytes, type SocketSettings } from '../../src/socket/index.js'

/** What their options say of it. */
export interface PublishersSocketOptions {
  readonly maxMessageBytes: number
  readonly highWaterMark: number
}

/** The settings of the socket. Subscriptions and requests are few, and must not be lost: nothing that is sent is bounded. */
export function publishersSocketSettings(
  { maxMessageBytes, highWaterMark }: PublishersSocketOptions,
  gateName: string,
) {
  return {
    kind: 'xsub',
    sendHighWaterMark: 0,
    receiveHighWaterMark: highWaterMark,
    maxFrameBytes: maxTransportFrameBytes(maxMessageBytes),
    socketBufferBytes: undefined,
    patienceMs: Number.POSITIVE_INFINITY,
    gateName,
    outboxBytes: Number.POSITIVE_INFINITY,
  } as const satisfies Partial<SocketSettings>
}
