/** The patterns that listen, as the suite names them, and what a peer of each is. */

/** The patterns. */
export const patternNames = ['rpc', 'push', 'pull', 'queue', 'publisher', 'subscriber'] as const

/** One of them. */
export type PatternName = (typeof patternNames)[number]

/** The transports whose peers are in other processes. */
export const transportNames = ['tcp', 'ipc'] as const

/** One of them. */
export type TransportName = (typeof transportNames)[number]

/** The type of ZeroMQ socket that connects to each. */
export const peerSockets: Readonly<Record<PatternName, string>> = {
  rpc: 'DEALER',
  push: 'PULL',
  pull: 'PUSH',
  queue: 'DEALER',
  publisher: 'XSUB',
  subscriber: 'XPUB',
}

/** The patterns with links: whose peers have sessions. */
export const linked: readonly PatternName[] = ['rpc', 'queue']

/** The patterns that take messages from peers in frames of data. */
export const receiving: readonly PatternName[] = ['pull', 'subscriber']

/** Where one pattern of a victim listens. */
export type Endpoints = Readonly<Record<TransportName, string>>
