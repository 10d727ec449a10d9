/**
 * How a session behaves, and what it needs of its driver.
 */
import { RivuletError } from '../errors/index.js'
import type { LinkLimits } from '../wire/index.js'

/** How a session behaves; times in milliseconds. */
export interface SessionSettings {
  /** What the peer may send. */
  readonly limits: LinkLimits
  /** What may wait to leave, of small items and of those that go in fragments each, in bytes. */
  readonly outboxBytes: number
  readonly heartbeatMs: number
  readonly silenceMs: number
  readonly retentionMs: number
}

/** What a peer takes, as far as this side would take it: what is held for a peer has bounds of this side's own. */
export function boundedLimits(theirs: LinkLimits, ours: LinkLimits): LinkLimits {
  const itemBytes = Math.min(theirs.itemBytes, ours.itemBytes)
  const windowBytes = Math.min(theirs.windowBytes, ours.windowBytes)
  return { ...theirs, itemBytes, windowBytes }
}

/** Why a connection is replaced on which nothing has come for long. */
export function silenceError({ silenceMs }: SessionSettings): RivuletError {
  return transportFailed(`the peer has been silent for ${silenceMs} ms`)
}

/** What a session needs of its driver. */
export interface SessionPorts {
  /** The time, in milliseconds; never goes back. */
  now(): number
  /** Hands a frame to the present connection; it may be lost. */
  transmit(frame: Buffer): void
  /** Asks for a call of `flush` at the end of this turn. */
  flushLater(): void
  /** Counts an item that was taken; returns whether the rest of its frame must wait for the next turn. */
  spend(): boolean
  /** The present connection must be given up: something on it was lost or changed. */
  replaceConnection(reason: RivuletError): void
  /** Nothing has come for `silenceMs`: the connection may be dead, or its peer busy. */
  onSilence(): void
}

/** Which side of a session: streams of the one that dialed have positive numbers. */
export type SessionRole = 'dialer' | 'acceptor'

/** The connection of a link has failed. */
export function transportFailed(why: string): RivuletError {
  return new RivuletError('RIVULET_TRANSPORT_FAILED', `a link: ${why}`)
}
