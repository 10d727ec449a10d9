/** Sockets: the only part that touches ZeroMQ. */
export { type DealerConfig, DealerSocket } from './dealer-socket.js'
export type { LinkChange, LinkState } from './endpoint-links.js'
export { HandshakeGate } from './handshake-gate.js'
export {
  type LinkConfig,
  type LinkHandler,
  type LinkSocket,
  maxFramesInFlight,
  onlyPeer,
  type PeerHandle,
} from './link-socket.js'
export { connectionBacklogBytes, maxTransportFrameBytes } from './native.js'
export { OneWayResource, type SocketSettings } from './one-way-resource.js'
export { Outbox, type OutFrame } from './outbox.js'
export { type ResolvedSocketOptions, type Resource, type SocketOptions, socketRules } from './resource.js'
export { type RouterConfig, RouterSocket } from './router-socket.js'
export type { Pressure } from './slow-rounds.js'
export type { SocketEnvironment } from './socket.js'
export { SocketResource } from './socket-resource.js'
