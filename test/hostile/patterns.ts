/** The patterns that listen, as the suite names them, and what a peer of each is. */

/** The patterns over ZeroMQ. */
export const patternNames = ['rpc', 'push', 'pull', 'queue', 'publisher', 'subscriber', 'peer', 'directory'] as const

/** Listeners of byte streams: lines without TLS and with it, and typed streams. */
export const streamNames = ['lines', 'tls', 'typed'] as const

/** All of them. */
export const allNames = [...patternNames, ...streamNames] as const

/** One of them. */
export type PatternName = (typeof allNames)[number]

/** The transports whose peers are in other processes. A listener with TLS has two endpoints over TCP in their place. */
export const transportNames = ['tcp', 'ipc'] as const

/** One of them. */
export type TransportName = (typeof transportNames)[number]

/** The type of ZeroMQ socket that connects to each; none to a byte stream. */
export const peerSockets: Readonly<Record<PatternName, string>> = {
  rpc: 'DEALER',
  push: 'PULL',
  pull: 'PUSH',
  queue: 'DEALER',
  publisher: 'XSUB',
  subscriber: 'XPUB',
  peer: 'DEALER',
  directory: 'DEALER',
  lines: '',
  tls: '',
  typed: '',
}

/** The patterns with links: whose peers have sessions. */
export const linked: readonly PatternName[] = ['rpc', 'queue', 'peer', 'directory']

/** The patterns that take messages from peers in frames of data. */
export const receiving: readonly PatternName[] = ['pull', 'subscriber']

/** Where one pattern of a victim listens. */
export type Endpoints = Readonly<Record<TransportName, string>>
