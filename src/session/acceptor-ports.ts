/**
 * How an acceptor behaves, and what it needs of its driver.
 */
import type { RivuletError } from '../errors/index.js'
import type { PeerIdentity } from '../security/index.js'
import type { Authenticator } from './identity-proof.js'
import type { SessionSettings } from './session-settings.js'
import type { SessionStreams, StreamsHandler } from './session-streams.js'

/** How an acceptor behaves. */
export interface AcceptorSettings extends SessionSettings {
  /** Sessions at the same time, those that are cut included. */
  readonly maxSessions: number
}

/** What an acceptor needs of its driver. */
export interface AcceptorPorts {
  now(): number
  transmit(peer: string, frame: Buffer): void
  /** Asks for a call of the function at the end of this turn. */
  flushLater(flush: () => void): void
  /** Counts an item that was taken; returns whether the rest of its frame must wait for the next turn. */
  spend(): boolean
  /** A new session begins; nothing happens on it before this returns. The identity is known where there is an authenticator. */
  accept(session: SessionStreams, identity: PeerIdentity | undefined): StreamsHandler
  report(error: RivuletError): void
  /** Without one, sessions have no identity and nothing is asked for. */
  readonly authenticator?: Authenticator | undefined
}
