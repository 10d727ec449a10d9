/** Connections of the system without ZeroMQ: the only importer of `node:net`, `node:tls` and `node:dgram`. */
export { isIP } from 'node:net'
export type { StreamIdentity } from './certificate-identity.js'
export { type DialSettings, dial } from './dial.js'
export { mustBeLocal, type ParsedEndpoint, parseEndpoint, reaches } from './endpoint.js'
export { mustBeFree, restoreFolder } from './ipc-path.js'
export {
  type InterfaceAddress,
  type Interfaces,
  interfaceWatchMs,
  MulticastGroup,
  type MulticastGroupPorts,
} from './multicast-group.js'
export { StreamServer, type StreamServerPorts, type StreamServerSettings } from './stream-server.js'
export {
  type AgreedSocket,
  StreamSocket,
  type StreamSocketPorts,
  type StreamTls,
} from './stream-socket.js'
export type { TlsConnectOptions, TlsListenerOptions, TlsVersion } from './tls-options.js'
export { type IpFamily, parseUdpEndpoint, type UdpEndpoint, udpAddress } from './udp-endpoint.js'
export {
  maxUdpPayloadBytes,
  type UdpBufferSizes,
  UdpSocket,
  type UdpSocketPorts,
  type UdpSocketSettings,
} from './udp-socket.js'
export { mechanismAt, mechanismOf } from './zmtp-greeting.js'
