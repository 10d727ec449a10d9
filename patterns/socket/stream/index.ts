/** Byte streams over TCP and Unix-domain sockets, with TLS over TCP. */
export type { StreamIdentity, TlsConnectOptions, TlsListenerOptions, TlsVersion } from '../../../src/net/index.js'
export { bytes } from './bytes.js'
export { connectStream } from './client.js'
export type { StreamConnection, StreamConnectionStats } from './connection-contract.js'
export { type DelimitedOptions, delimited } from './delimited.js'
export type { Framing } from './framing.js'
export { type LengthPrefixedOptions, lengthPrefixed } from './length-prefixed.js'
export { type LinesOptions, lines } from './lines.js'
export { createStreamListener, type StreamListener, type StreamListenerStats } from './listener.js'
export type {
  ConnectStreamOptions,
  ReconnectStreamOptions,
  StreamBackoffOptions,
  StreamListenerOptions,
  StreamOptions,
} from './options.js'
export { type ReconnectingStream, type ReconnectingStreamStats, reconnectStream } from './reconnecting.js'
export type { StreamMessageOptions, StreamSchemas } from './typed-options.js'
