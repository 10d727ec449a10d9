/** Sockets: the only part that touches ZeroMQ. */
export { asEndpoint, type ConnectEndpoint, type ConnectOption, connects, isInput } from './connect-endpoint.js'
export { type DealerConfig, DealerSocket } from './dealer-socket.js'
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
export { OneWayResource } from './one-way-resource.js'
export type { OneWaySocket } from './one-way-socket.js'
export { type FrameGate, Outbox, type OutFrame } from './outbox.js'
export { RenewableSocket, type RenewableSocketPorts, type SocketSettings } from './renewable-socket.js'
export { type RouterConfig, RouterSocket } from './router-socket.js'
export type { Pressure } from './slow-rounds.js'
export type { SocketEnvironment } from './socket-config.js'
export { checkSides, type ResolvedSocketOptions, type SocketOptions, socketRules } from './socket-options.js'
export { SocketResource } from './socket-resource.js'
export { SocketSet, type SocketSetOptions } from './socket-set.js'
