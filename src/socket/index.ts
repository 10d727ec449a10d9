/** Sockets: the only part that touches ZeroMQ. */
export type { LinkChange, LinkState } from './links.js'
export { connectionBacklogBytes, maxTransportFrameBytes } from './native.js'
export { Outbox, type OutFrame } from './outbox.js'
export { Socket } from './socket.js'
export {
  type Resource,
  type SocketOptions,
  SocketResource,
  type SocketSettings,
  socketRules,
} from './socket-resource.js'
