/**
 * How links behave, from the options of a resource and the table of defaults.
 */
import { defaults } from '../options/index.js'
import type { SessionSettings } from '../session/index.js'

/** What a resource decides about its links. */
export interface LinkOptions {
  /** The largest item, in bytes. */
  readonly maxMessageBytes: number
  /** What may wait to leave on one link, in bytes. */
  readonly outboxBytes: number
  /** How long a disconnected link may be resumed, in milliseconds. Default: that of the table. */
  readonly retentionMs?: number
}

/** No frame of a link is larger, in bytes; those of the handshake are smaller. */
export const maxLinkFrameBytes = 131_072

/** Large items that one peer may send at the same time, as a multiple of the largest. */
const largeItems = 4

/** The settings of a session. */
export function sessionSettings({
  maxMessageBytes,
  outboxBytes,
  retentionMs = defaults.retentionMs,
}: LinkOptions): SessionSettings {
  return {
    limits: {
      itemBytes: maxMessageBytes,
      windowBytes: defaults.linkWindowBytes,
      streamWindowBytes: defaults.streamWindowBytes,
      assemblyBytes: largeItems * maxMessageBytes,
    },
    outboxBytes,
    heartbeatMs: defaults.heartbeatMs,
    silenceMs: defaults.silenceMs,
    retentionMs,
  }
}
