/**
 * How a dialer behaves, and what it needs of its driver.
 */
import type { RivuletError } from '../errors/index.js'
import type { IdentityProver } from './identity-proof.js'
import type { SessionSettings } from './session-settings.js'
import type { SessionStreams, StreamsHandler } from './session-streams.js'

/** How a dialer behaves; times in milliseconds. */
export interface DialerSettings extends SessionSettings {
  /** How long a hello waits for its answer. */
  readonly handshakeMs: number
}

/** What a dialer needs of its driver. */
export interface DialerPorts {
  now(): number
  /** Random bytes, from a good source: an untrusted peer that knew the number of a session could take it over. */
  random(bytes: number): Buffer
  transmit(frame: Buffer): void
  /** Asks for a call of `flush` at the end of this turn. */
  flushLater(): void
  /** Counts an item that was taken; returns whether the rest of its frame must wait for the next turn. */
  spend(): boolean
  /** Makes a new connection in place of the present one: `down` and `up` follow. */
  reconnect(): void
  /** A new session begins; nothing happens on it before this returns. */
  accept(session: SessionStreams): StreamsHandler
  report(error: RivuletError): void
  /** Without one, the dialer cannot prove a key; with one, it talks to no acceptor that asks for no proof. */
  readonly prover?: IdentityProver | undefined
}
